// Published<T>: one immutable value that a single writer replaces and any thread reads.
//
// Threads: `publish` from one thread, `get` from any.  Readers on a hot path keep a `Published<T>::Reader`,
// which costs one relaxed load per look while nothing changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace minik {

template <class T>
class Published {
 public:
  Published() = default;
  explicit Published(std::shared_ptr<const T> value) : value_(std::move(value)), version_(1) {}

  void publish(std::shared_ptr<const T> value) {
    {
      const std::lock_guard lock(mutex_);
      value_.swap(value);
    }
    version_.fetch_add(1, std::memory_order_release);
  }
  // Null before the first publish.
  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  class Reader {
   public:
    explicit Reader(const Published& source) : source_(source) {}
    // The newest value; valid until the next call.
    const T* look() {
      const std::uint64_t now = source_.version_.load(std::memory_order_acquire);
      if (now != seen_) {
        held_ = source_.get();
        seen_ = now;
      }
      return held_.get();
    }

   private:
    const Published& source_;
    std::uint64_t seen_ = 0;
    std::shared_ptr<const T> held_;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace minik
