// Generation: how often what is wanted of an object has changed.
//
// Pure.  Kinds whose controllers do not compare it have none, as in the reference.
#pragma once

#include "api/schema.h"
#include "base/json.h"

namespace minik::api {

// Sets metadata.generation of `object`: 1 when it is new (`old` is null), one more when anything changed but
// metadata and status.
void set_generation(const Kind& kind, Json& object, const Json* old);

}  // namespace minik::api
