// What the registry and the tables do otherwise for objects of custom kinds, and for their definitions.
//
// Pure.
#pragma once

#include "api/object.h"
#include "api/schema.h"
#include "api/snapshot.h"
#include "base/clock.h"
#include "base/result.h"

namespace minik::apiserver {

// Whether an object of the kind may be made now; always for built-in kinds.
// Errors: kNotFound when the definition is gone; kForbidden while it is being deleted.
Result<> check_definition(const api::Snapshot& objects, const api::Kind& kind);

// The rules of the kind's schema; nothing for built-in kinds.  Errors: kInvalid with causes.
Result<> check_custom(const api::Kind& kind, const Json& object);

// Scale, as autoscaling/v1 wants it.
Json custom_scale(const api::Kind& kind, const api::Object& object);
void set_custom_replicas(const api::Kind& kind, Json& object, const Json& replicas);

// The cells of one row.
Json custom_cells(const api::Kind& kind, const api::Object& object, WallTime now);

}  // namespace minik::apiserver
