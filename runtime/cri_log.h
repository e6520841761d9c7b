// CRI log records: what the shim writes and `kubectl logs` reads.
//
// A record: "2026-01-02T03:04:05.000000006Z stdout F text".  The zone may be an offset (conmon), the fraction
// any width; P marks a piece of a line that goes on in the stream's next record.  Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace minik::runtime {

struct LogRecord {
  std::string_view time, stream, text;
  bool partial = false;
};
// Nothing for a line that is no record.  `line` without its line end.
std::optional<LogRecord> parse_log_record(std::string_view line);

// What is wanted of a log, and what has been given out.
struct LogSelection {
  bool timestamps = false;
  std::optional<WallTime> since;
  std::optional<std::int64_t> bytes_left;
  std::string stream{};  // Empty: both.
};
// The text of one record for the reader: its line end unless it is a piece; empty when it is too old.  Counts
// `bytes_left` down and cuts at its end.
std::string select_record(const LogRecord& record, LogSelection& selection);

// Where the last `lines` lines of `text` begin, counting chains of pieces as one line.  Nothing when `text`
// has fewer.  `text` ends with a line end.
std::optional<std::size_t> tail_offset(std::string_view text, std::int64_t lines);

}  // namespace minik::runtime
