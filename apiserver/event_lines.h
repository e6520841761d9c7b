// EventLines: the text of recent events, made once for all watchers that want the same form of it.
//
// Bounded: the last kKept forms; a watcher that reads old history makes its own again.
// Threads: any; `make` runs without the lock, once per form.  Errors: `make` may not throw.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace minik::apiserver {

class EventLines {
 public:
  static constexpr std::size_t kKept = 64;
  using Line = std::shared_ptr<const std::string>;

  // `form` names everything that the text depends on beside the revision.
  template <class Make>
  Line get(std::uint64_t revision, const std::string& form, Make&& make) {
    const auto slot = slot_of(revision, form);
    std::call_once(slot->once, [&] { slot->line = std::make_shared<const std::string>(make()); });
    return slot->line;
  }

 private:
  struct Slot {
    std::uint64_t revision;
    std::string form;
    std::once_flag once;
    Line line;
  };
  std::shared_ptr<Slot> slot_of(std::uint64_t revision, const std::string& form);

  std::mutex mutex_;
  std::deque<std::shared_ptr<Slot>> slots_;  // Newest last.
};

}  // namespace minik::apiserver
