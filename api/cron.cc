#include "api/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace minik::api {
namespace {

struct CronField {
  unsigned low, high;
  std::vector<std::string_view> names;  // names[i] means low + i.
};

const std::array<CronField, 5>& fields() {
  static const std::array<CronField, 5> kFields = {
      CronField{0, 59, {}}, CronField{0, 23, {}}, CronField{1, 31, {}},
      CronField{1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
      CronField{0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};
  return kFields;
}

std::string read_number(std::string_view text, std::int64_t& value) {
  const auto number = parse_int(text);
  if (!number)
    return fmt::format("failed to parse int from {}: strconv.Atoi: parsing \"{}\": invalid syntax", text,
                       text);
  if (*number < 0) return fmt::format("negative number ({}) not allowed: {}", *number, text);
  value = *number;
  return "";
}

std::string read_value(const CronField& field, std::string_view text, std::int64_t& value) {
  const auto it = std::find(field.names.begin(), field.names.end(), lower(text));
  if (it == field.names.end()) return read_number(text, value);
  value = field.low + (it - field.names.begin());
  return "";
}

// number | number "-" number [ "/" number ] | "*" [ "/" number ]
std::string range_error(const CronField& field, std::string_view text) {
  const auto parts = split(text, '/');
  const auto ends = split(parts[0], '-');
  std::int64_t start = field.low, end = field.high, step = 1;
  const bool star = ends[0] == "*" || ends[0] == "?";
  if (!star) {
    if (auto error = read_value(field, ends[0], start); !error.empty()) return error;
    end = start;
    if (ends.size() > 2) return fmt::format("too many hyphens: {}", text);
    if (ends.size() == 2) {
      if (auto error = read_value(field, ends[1], end); !error.empty()) return error;
    }
  }
  if (parts.size() > 2) return fmt::format("too many slashes: {}", text);
  if (parts.size() == 2) {
    if (auto error = read_number(parts[1], step); !error.empty()) return error;
    if (!star && ends.size() == 1) end = field.high;  // "N/step" means "N-high/step".
  }
  if (start < field.low)
    return fmt::format("beginning of range ({}) below minimum ({}): {}", start, field.low, text);
  if (end > field.high) return fmt::format("end of range ({}) above maximum ({}): {}", end, field.high, text);
  if (start > end)
    return fmt::format("beginning of range ({}) beyond end of range ({}): {}", start, end, text);
  if (step == 0) return fmt::format("step of range should be a positive number: {}", text);
  return "";
}

// Go's duration: 1h30m, 5s, 1.5h.
bool is_duration(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    if (digits == 0 || std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(digits), '.') > 1)
      return false;
    text.remove_prefix(digits);
    const auto unit = text.substr(0, text.find_first_of("0123456789."));
    static constexpr std::array<std::string_view, 7> kUnits = {"ns", "us", "µs", "ms", "s", "m", "h"};
    if (std::find(kUnits.begin(), kUnits.end(), unit) == kUnits.end()) return false;
    text.remove_prefix(unit.size());
  }
  return true;
}

std::string descriptor_error(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kNames = {"@yearly", "@annually", "@monthly", "@weekly",
                                                             "@daily",  "@midnight", "@hourly"};
  if (std::find(kNames.begin(), kNames.end(), text) != kNames.end()) return "";
  constexpr std::string_view kEvery = "@every ";
  if (!text.starts_with(kEvery)) return fmt::format("unrecognized descriptor: {}", text);
  const auto duration = text.substr(kEvery.size());
  if (is_duration(duration)) return "";
  return fmt::format("failed to parse duration {}: time: invalid duration \"{}\"", text, duration);
}

}  // namespace

std::string cron_error(std::string_view text) {
  if (text.empty()) return "empty spec string";
  if (text.starts_with("@")) return descriptor_error(text);
  const auto words = split_words(text);
  if (words.size() != fields().size()) {
    return fmt::format("expected exactly {} fields, found {}: [{}]", fields().size(), words.size(),
                       join(words, " "));
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const auto& range : split(words[i], ',')) {
      if (range.empty()) continue;
      if (auto error = range_error(fields()[i], range); !error.empty()) return error;
    }
  }
  return "";
}

}  // namespace minik::api
