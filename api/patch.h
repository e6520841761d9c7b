// Patches: RFC 7386 merge, RFC 6902 JSON patch, Kubernetes' strategic merge.  Pure.
//
// Errors: kInvalid with the API's words; a failed JSON patch `test` is kInvalid with a cause.
#pragma once

#include <string>

#include "api/schema.h"
#include "base/json.h"

namespace minik::api {

Json merge_patch(Json target, const Json& patch);
Result<Json> json_patch(const Json& target, const Json& operations);
// Merges lists by the schema's merge keys and understands $patch, $setElementOrder/…, $retainKeys and
// $deleteFromPrimitiveList/….
Result<Json> strategic_patch(const StructType& type, Json target, const Json& patch);

// Client-side apply in one step: what `live` becomes when the manifest changes from `last_applied` to
// `wanted`. Fields that only the server or other clients set stay.
Json apply_three_way(const StructType& type, const Json& last_applied, const Json& wanted, const Json& live);

}  // namespace minik::api
