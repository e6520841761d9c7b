// Conversion between the version a client speaks and the one that is stored.
//
// Pure.  Only kinds with `stored` set are converted; kind and apiVersion are set to the target's.
#pragma once

#include "api/schema.h"
#include "base/json.h"

namespace minik::api {

// An object of `served` becomes one of served.stored_kind().
void to_stored(const Kind& served, Json& object);
// A stored object, as clients of `served` know it.
Json from_stored(const Kind& served, Json object);
// Whether there is a conversion of this name; a schema may name no other.
bool has_conversion(const std::string& name);

}  // namespace minik::api
