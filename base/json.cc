#include "base/json.h"

#include <set>

#include "base/limits.h"

namespace minik {
namespace {

// Refuses deep nesting before the recursive builder sees it.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      continue;
    }
    if (c == '"')
      in_string = true;
    else if (c == '{' || c == '[') {
      if (++depth > kJsonDepthMax) return true;
    } else if (c == '}' || c == ']')
      --depth;
  }
  return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (too_deep(text)) return Error(Code::kInvalid, "JSON is nested too deeply");
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::exception& e) {
    std::string what = e.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..." → drop the library's tag.
    if (auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    return Error(Code::kInvalid, std::move(what));
  }
}

std::vector<std::string> duplicate_members(std::string_view text) {
  struct Level {
    std::set<std::string> names;
    std::string path;
  };
  std::vector<Level> levels;
  std::vector<std::string> twice;
  std::string pending;  // The path of the value that comes next.
  const auto visit = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) {
      levels.push_back({{}, pending});
    } else if (event == Json::parse_event_t::object_end && !levels.empty()) {
      levels.pop_back();
    } else if (event == Json::parse_event_t::key && !levels.empty()) {
      const std::string name = value.get<std::string>();
      pending = levels.back().path.empty() ? name : levels.back().path + "." + name;
      if (!levels.back().names.insert(name).second) twice.push_back(pending);
    }
    return true;
  };
  [[maybe_unused]] const Json ignored = Json::parse(text.begin(), text.end(), visit, false);
  return twice;
}

const Json* find(const Json& object, std::string_view member) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(member);
  return it == object.end() ? nullptr : &*it;
}

std::string string_at(const Json& object, std::string_view member, std::string_view fallback) {
  const Json* value = find(object, member);
  if (value == nullptr || !value->is_string()) return std::string(fallback);
  return value->get_ref<const std::string&>();
}

std::int64_t int_at(const Json& object, std::string_view member, std::int64_t fallback) {
  const Json* value = find(object, member);
  if (value == nullptr || !value->is_number()) return fallback;
  return value->get<std::int64_t>();
}

bool bool_at(const Json& object, std::string_view member, bool fallback) {
  const Json* value = find(object, member);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : fallback;
}

const Json& array_at(const Json& object, std::string_view member) {
  static const Json kEmpty = Json::array();
  const Json* value = find(object, member);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

const Json& object_at(const Json& object, std::string_view member) {
  static const Json kEmpty = Json::object();
  const Json* value = find(object, member);
  return value != nullptr && value->is_object() ? *value : kEmpty;
}

std::string to_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// nlohmann's strict writer is the judge.
bool is_utf8(std::string_view text) {
  try {
    [[maybe_unused]] const std::string written = Json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace minik
