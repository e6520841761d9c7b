// The syntax tree of a JsonPath template.  For jsonpath.cc and jsonpath_parse.cc only.
//
// Pure.  Errors: kInvalid with kubectl's words.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace minik::api {

struct JsonPathStep;
using Steps = std::vector<JsonPathStep>;

// One side of a filter: a path below the item, or a value.
struct Operand {
  std::optional<Json> value;
  bool from_root = false;
  Steps steps;
};

struct JsonPathStep {
  enum class Kind : unsigned char {
    kField,
    kWildcard,
    kRecursive,
    kIndexes,
    kSlice,
    kFields,
    kFilter
  } kind = Kind::kField;
  std::string name;                                // kField
  std::vector<std::int64_t> indexes;               // kIndexes
  std::vector<std::string> names;                  // kFields
  std::optional<std::int64_t> begin, end, stride;  // kSlice
  std::string op;                                  // kFilter: "" (exists), ==, !=, <, <=, >, >=
  std::vector<Operand> operands;                   // kFilter: left and right.
};

struct JsonPathNode {
  enum class Kind : unsigned char { kText, kPath, kRange } kind = Kind::kText;
  std::string text;
  Steps steps;
  bool from_root = false;  // The path starts with $: the document, not the range's item.
  std::vector<std::shared_ptr<const JsonPathNode>> body;  // kRange
};

Result<std::vector<std::shared_ptr<const JsonPathNode>>> parse_template(std::string_view text);

}  // namespace minik::api
