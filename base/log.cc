#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace minik {
namespace {

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("minik", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(kPattern, spdlog::pattern_time_type::utc);
    return made;
  }();
  return instance;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void log_to(const std::string& path, LogLevel level) {
  if (!path.empty()) {
    try {
      auto made = std::make_shared<spdlog::logger>("minik",
                                                   std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
      made->set_pattern(kPattern, spdlog::pattern_time_type::utc);
      logger() = std::move(made);
    } catch (const spdlog::spdlog_ex& e) {
      log_error("log", "{}: staying on stderr", e.what());
    }
  }
  logger()->set_level(level_of(level));
  logger()->flush_on(spdlog::level::info);
}

void log_line(LogLevel level, std::string_view room, std::string_view text) {
  logger()->log(level_of(level), "{}: {}", room, text);
}

}  // namespace minik
