// YAML text to JSON values and back, as kubectl reads and prints it (YAML 1.1 scalars as in
// sigs.k8s.io/yaml).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace minik {

// All documents of a stream; empty documents are skipped.
// Errors: kInvalid "line 3, column 5: …"; duplicate keys, aliases that expand too far and deep nesting
// included.
Result<std::vector<Json>> parse_yaml(std::string_view text);

// Block style with sorted keys, strings quoted where a reader would take them for something else.
std::string to_yaml(const Json& value);

}  // namespace minik
