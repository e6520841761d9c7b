// JSON values as Go programs print them.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace minik::api {

// JSON as Go's encoder writes it: sorted members, <, > and & escaped.  `indent` 0: compact.
std::string go_json(const Json& value, int indent = 0);
// A Go string literal: "a\"b".
std::string go_quote(std::string_view text);
// What Go's %v prints for a decoded JSON value: text, 3, true, map[a:1], [x y].
std::string go_value(const Json& value);

}  // namespace minik::api
