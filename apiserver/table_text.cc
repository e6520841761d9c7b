#include <fmt/format.h>

#include "api/selector.h"
#include "apiserver/table_cells.h"
#include "base/text.h"

namespace minik::apiserver {

using api::Object;

const Json& spec_of(const Object& object) { return object_at(object.body(), "spec"); }
const Json& status_of(const Object& object) { return object_at(object.body(), "status"); }

std::string age_of(const Object& object, WallTime now) {
  if (object.meta().created == WallTime{}) return "<unknown>";
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - object.meta().created));
}

std::string ago(const std::string& time, WallTime now) {
  const auto at = parse_rfc3339(time);
  return at ? human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *at)) : "<unknown>";
}

std::string or_none(const std::string& text) { return text.empty() ? "<none>" : text; }

std::string names_of(const Json& containers, const char* member) {
  std::vector<std::string> names;
  for (const Json& c : containers) names.push_back(string_at(c, member));
  return join(names, ",");
}

std::string labels_text(const Json& map) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : map.items())
    parts.push_back(key + "=" + (value.is_string() ? value.get<std::string>() : ""));
  return or_none(join(parts, ","));
}

std::string selector_text(const Json& selector) {
  const auto parsed = api::LabelSelector::from_json(selector);
  return parsed.ok() ? or_none(parsed->text()) : "<error>";
}

}  // namespace minik::apiserver
