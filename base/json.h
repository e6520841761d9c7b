// The JSON value of the whole project.  Exceptions of nlohmann stay inside the function that calls it:
// parse with `parse_json`, read with the helpers below, never with an unchecked `at()`.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minik {

using Json = nlohmann::json;

// Text to value.  Errors: kInvalid with the byte offset; also for nesting deeper than kJsonDepthMax,
// invalid UTF-8 and trailing text.
Result<Json> parse_json(std::string_view text);

// Paths of members that stand twice in one object of a valid JSON text: "spec.ports", in order.
std::vector<std::string> duplicate_members(std::string_view text);

// Member lookup that never throws: null when `object` is no object or has no such member.
const Json* find(const Json& object, std::string_view member);
// Walks a path of members: find(pod, "spec", "containers").
template <class... Rest>
const Json* find(const Json& object, std::string_view member, Rest... rest) {
  const Json* next = find(object, member);
  return next == nullptr ? nullptr : find(*next, rest...);
}

// Typed reads with a default for absent, null or wrongly typed members.
std::string string_at(const Json& object, std::string_view member, std::string_view fallback = "");
std::int64_t int_at(const Json& object, std::string_view member, std::int64_t fallback = 0);
bool bool_at(const Json& object, std::string_view member, bool fallback = false);
// An empty array / object when absent or of another type.
const Json& array_at(const Json& object, std::string_view member);
const Json& object_at(const Json& object, std::string_view member);

bool is_utf8(std::string_view text);
// The value as compact JSON text.  Bytes that are no UTF-8 become U+FFFD; never throws.
std::string to_text(const Json& value);

}  // namespace minik
