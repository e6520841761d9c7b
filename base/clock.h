// Clock: the only source of time.  Tests turn a FakeClock by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace minik {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;
using Millis = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override { return std::chrono::system_clock::now(); }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime start = WallTime{} + std::chrono::hours(24 * 365 * 50)) : start_(start) {}
  WallTime now() const override { return start_ + Millis(passed_.load()); }
  SteadyTime steady() const override { return SteadyTime{} + Millis(passed_.load()); }
  void advance(Millis by) { passed_ += by.count(); }

 private:
  WallTime start_;
  std::atomic<std::int64_t> passed_{0};
};

// RFC 3339 in UTC: whole seconds ("2026-01-02T03:04:05Z"), nanoseconds, and back.
std::string rfc3339(WallTime time);
std::string rfc3339_nano(WallTime time);
std::string rfc3339_micro(WallTime time);
std::optional<WallTime> parse_rfc3339(std::string_view text);
// kubectl's AGE column: 45s, 3m20s, 5h, 2d3h, 400d.
std::string human_duration(std::chrono::seconds age);

}  // namespace minik
