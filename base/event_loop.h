// EventLoop: one thread's epoll with timers.
//
// Threads: everything but `stop` and `post` belongs to the thread that calls `run`.
// Ownership: descriptors stay the caller's; remove them before closing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/clock.h"
#include "base/inbox.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace minik {

class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;  // EPOLLIN, EPOLLOUT, ...
  using TimerId = std::uint64_t;

  EventLoop();

  Result<> add(int fd, std::uint32_t events, Handler handler);
  Result<> change(int fd, std::uint32_t events);
  void remove(int fd);

  TimerId after(Millis delay, std::function<void()> action);
  void cancel(TimerId id);

  // Runs `action` on the loop's thread; from any thread.
  void post(std::function<void()> action) { inbox_.post(std::move(action)); }

  void run();                     // Until stop().
  void run_once(Millis timeout);  // One wait; for tests and small programs.
  void stop();                    // From any thread.

 private:
  struct Watched {
    Handler handler;
  };
  Millis until_next_timer(Millis limit) const;
  void fire_timers();

  UniqueFd epoll_;
  Inbox<std::function<void()>> inbox_;
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
  std::multimap<std::pair<SteadyTime, TimerId>, std::function<void()>> timers_;
  TimerId next_timer_ = 1;
  bool stopping_ = false;
};

}  // namespace minik
