#include "base/clock.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

namespace minik {
namespace {

std::tm utc(WallTime time) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string date_part(WallTime time) {
  const std::tm t = utc(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec);
}

std::int64_t nanos_of(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time - whole).count();
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The part after the seconds: "[.fraction](Z|+hh:mm|-hh:mm)".
std::optional<std::chrono::nanoseconds> fraction_and_zone(std::string_view rest) {
  std::chrono::nanoseconds result{0};
  if (!rest.empty() && rest[0] == '.') {
    std::size_t digits = 1;
    std::int64_t nanos = 0;
    std::int64_t scale = 100'000'000;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
      nanos += (rest[digits] - '0') * scale;
      scale /= 10;
    }
    if (digits == 1) return std::nullopt;
    result += std::chrono::nanoseconds(nanos);
    rest.remove_prefix(digits);
  }
  if (rest == "Z" || rest == "z") return result;
  if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return std::nullopt;
  const auto hours = number(rest.substr(1, 2));
  const auto minutes = number(rest.substr(4, 2));
  if (!hours || !minutes) return std::nullopt;
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return rest[0] == '+' ? result - offset : result + offset;
}

}  // namespace

std::string rfc3339(WallTime time) { return date_part(time) + "Z"; }
std::string rfc3339_nano(WallTime time) { return fmt::format("{}.{:09}Z", date_part(time), nanos_of(time)); }
std::string rfc3339_micro(WallTime time) {
  return fmt::format("{}.{:06}Z", date_part(time), nanos_of(time) / 1000);
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = number(text.substr(0, 4)), month = number(text.substr(5, 2)),
             day = number(text.substr(8, 2));
  const auto hour = number(text.substr(11, 2)), minute = number(text.substr(14, 2)),
             second = number(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  std::tm parts{};
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  const auto rest = fraction_and_zone(text.substr(19));
  if (!rest) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts)) +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(*rest);
}

// The units change as kubectl's duration.HumanDuration does.
std::string human_duration(std::chrono::seconds age) {
  const std::int64_t s = age.count();
  if (s < 0) return s < -1 ? "<invalid>" : "0s";
  if (s < 120) return fmt::format("{}s", s);
  const std::int64_t m = s / 60;
  if (m < 10) return s % 60 == 0 ? fmt::format("{}m", m) : fmt::format("{}m{}s", m, s % 60);
  if (m < 180) return fmt::format("{}m", m);
  const std::int64_t h = m / 60;
  if (h < 8) return m % 60 == 0 ? fmt::format("{}h", h) : fmt::format("{}h{}m", h, m % 60);
  if (h < 48) return fmt::format("{}h", h);
  const std::int64_t d = h / 24;
  if (d < 8) return h % 24 == 0 ? fmt::format("{}d", d) : fmt::format("{}d{}h", d, h % 24);
  if (d < 365 * 2) return fmt::format("{}d", d);
  const std::int64_t y = d / 365;
  if (y < 8) return d % 365 == 0 ? fmt::format("{}y", y) : fmt::format("{}y{}d", y, d % 365);
  return fmt::format("{}y", y);
}

}  // namespace minik
