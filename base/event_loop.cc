#include "base/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace minik {

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  MINIK_ASSERT(epoll_.valid());
  const auto added = add(inbox_.fd(), EPOLLIN, [this](std::uint32_t) {
    for (auto& action : inbox_.take()) action();
  });
  MINIK_ASSERT(added.ok());
}

Result<> EventLoop::add(int fd, std::uint32_t events, Handler handler) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return Error::from_errno(errno, "epoll add");
  watched_[fd] = std::make_shared<Watched>(Watched{std::move(handler)});
  return {};
}

Result<> EventLoop::change(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    return Error::from_errno(errno, "epoll change");
  return {};
}

void EventLoop::remove(int fd) {
  if (watched_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::after(Millis delay, std::function<void()> action) {
  const TimerId id = next_timer_++;
  timers_.emplace(std::pair{std::chrono::steady_clock::now() + delay, id}, std::move(action));
  return id;
}

void EventLoop::cancel(TimerId id) {
  const auto it =
      std::find_if(timers_.begin(), timers_.end(), [&](const auto& t) { return t.first.second == id; });
  if (it != timers_.end()) timers_.erase(it);
}

Millis EventLoop::until_next_timer(Millis limit) const {
  if (timers_.empty()) return limit;
  const auto left =
      std::chrono::ceil<Millis>(timers_.begin()->first.first - std::chrono::steady_clock::now());
  const Millis wait = std::max(left, Millis(0));
  return limit < Millis(0) ? wait : std::min(wait, limit);
}

void EventLoop::fire_timers() {
  const auto now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto action = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    action();
  }
}

void EventLoop::run_once(Millis timeout) {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(until_next_timer(timeout).count()));
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const auto it = watched_.find(event.data.fd);
    if (it == watched_.end()) continue;  // Removed by an earlier handler of this round.
    const auto held = it->second;        // A handler may remove itself.
    held->handler(event.events);
  }
  fire_timers();
}

void EventLoop::run() {
  stopping_ = false;
  while (!stopping_) run_once(Millis(-1));
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

}  // namespace minik
