// Structural schemas: validates a value by an openAPIV3Schema, with the texts of Kubernetes.
//
// Pure; bounded by the size of the value and of the schema.  Patterns are RE2's, so that no pattern and no
// text costs more than their lengths.
#pragma once

#include <string>

#include "api/rules.h"
#include "base/json.h"

namespace minik::api {

// `path` is where the value is: spec.replicas.
void validate_by_schema(const Json& schema, const Json& value, const std::string& path, Causes& causes);

// Why a pattern is no regular expression; empty when it is one.
std::string pattern_error(const std::string& pattern);

// Structural rules of a schema itself, below `path`: types where they must be, nothing that contradicts.
void check_structural(Causes& causes, const Json& schema, const std::string& path);

}  // namespace minik::api
