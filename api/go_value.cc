#include "api/go_value.h"

#include <vector>

#include "base/text.h"

namespace minik::api {

std::string go_json(const Json& value, int indent) {
  std::string text = value.dump(indent > 0 ? indent : -1, ' ', false, Json::error_handler_t::replace);
  text = replace_all(std::move(text), "<", "\\u003c");
  text = replace_all(std::move(text), ">", "\\u003e");
  text = replace_all(std::move(text), "&", "\\u0026");
  text = replace_all(std::move(text), "\u2028", "\\u2028");
  return replace_all(std::move(text), "\u2029", "\\u2029");
}

std::string go_quote(std::string_view text) { return to_text(Json(std::string(text))); }

std::string go_value(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<nil>";
  if (value.is_object()) {
    std::vector<std::string> members;
    for (const auto& [name, member] : value.items()) members.push_back(name + ":" + go_value(member));
    return "map[" + join(members, " ") + "]";
  }
  if (value.is_array()) {
    std::vector<std::string> items;
    for (const Json& item : value) items.push_back(go_value(item));
    return "[" + join(items, " ") + "]";
  }
  return to_text(value);
}

}  // namespace minik::api
