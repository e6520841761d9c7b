#include "runtime/cri_log.h"

namespace minik::runtime {

std::optional<LogRecord> parse_log_record(std::string_view line) {
  LogRecord record;
  const auto word = [&](std::string_view& out) {
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) return false;
    out = line.substr(0, blank);
    line.remove_prefix(blank + 1);
    return true;
  };
  std::string_view tags;
  if (!word(record.time) || !word(record.stream)) return std::nullopt;
  if (!word(tags)) {  // An empty line written without the blank behind its tag.
    tags = line;
    line = {};
  }
  if (record.stream != "stdout" && record.stream != "stderr") return std::nullopt;
  tags = tags.substr(0, tags.find(':'));
  if (tags != "F" && tags != "P") return std::nullopt;
  record.partial = tags == "P";
  record.text = line;
  return record;
}

std::string select_record(const LogRecord& record, LogSelection& selection) {
  if (!selection.stream.empty() && record.stream != selection.stream) return "";
  if (selection.since) {
    const auto time = parse_rfc3339(record.time);
    if (time && *time < *selection.since) return "";
  }
  std::string out;
  if (selection.timestamps) out = std::string(record.time) + " ";
  out += record.text;
  if (!record.partial) out += '\n';
  if (selection.bytes_left) {
    if (static_cast<std::int64_t>(out.size()) > *selection.bytes_left) {
      out.resize(static_cast<std::size_t>(*selection.bytes_left));
    }
    *selection.bytes_left -= static_cast<std::int64_t>(out.size());
  }
  return out;
}

std::optional<std::size_t> tail_offset(std::string_view text, std::int64_t lines) {
  std::size_t begin = text.size();  // Of what is wanted so far.
  std::int64_t found = 0;
  bool at_end = true;
  while (begin > 0) {
    const auto before = begin < 2 ? std::string_view::npos : text.rfind('\n', begin - 2);
    const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
    const auto record = parse_log_record(text.substr(start, begin - 1 - start));
    const bool whole = !record || !record->partial;
    if (whole || at_end) {
      if (found == lines) return begin;
      ++found;
    }
    at_end = false;
    begin = start;
  }
  return found == lines ? std::optional<std::size_t>(0) : std::nullopt;
}

}  // namespace minik::runtime
