// JsonPath: kubectl's templates.  {.items[*].metadata.name}, {range .items[*]}{.kind}{"\n"}{end},
// {.status.conditions[?(@.type=="Ready")].status}, {..image}, {.a['b','c']}, {.list[0:2]}, {.list[-1:]}.
//
// Pure.  Missing members print nothing.
// Errors: kInvalid with kubectl's words, without "error: ".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace minik::api {

struct JsonPathNode;

class JsonPath {
 public:
  static Result<JsonPath> parse(std::string_view text);
  // The printed text.  Errors: an index beyond the end of a list.
  Result<std::string> print(const Json& value) const;
  // The values that the template's first path finds; for `wait --for=jsonpath`.
  Result<std::vector<Json>> find_values(const Json& value) const;

 private:
  std::vector<std::shared_ptr<const JsonPathNode>> nodes_;
};

}  // namespace minik::api
