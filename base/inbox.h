// Inbox<T>: messages from any thread to the one thread that owns it.
//
// Threads: `post` from any thread; `take` and `fd` belong to the owner.  `fd` is readable while messages
// wait.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace minik {

template <class T>
class Inbox {
 public:
  Inbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void post(T message) {
    {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
    }
    wake();
  }
  // Makes `fd` readable without a message.
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }
  std::vector<T> take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }
  int fd() const { return event_.get(); }

 private:
  UniqueFd event_;
  std::mutex mutex_;
  std::vector<T> messages_;
};

}  // namespace minik
