// Logging: one line per event, level, room and text.  Library code returns errors; only the place that
// decides what to do about an error logs it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace minik {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarn, kError };

// To stderr, or appended to `path`.  Call once at start; before that lines go to stderr at kInfo.
void log_to(const std::string& path, LogLevel level);
void log_line(LogLevel level, std::string_view room, std::string_view text);

template <class... Args>
void log_debug(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarn, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, room, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace minik
