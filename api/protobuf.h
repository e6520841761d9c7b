// Protobuf request bodies: an object as Kubernetes' typed Go clients send it, turned into the very JSON value
// that the same client would have sent as JSON.
//
// Fields are known from api/schema/protobuf/messages.txt; unknown ones are skipped.  A scalar of value zero
// means "not set", unless the Go type is a pointer or is written to JSON even then.
// Pure.  Errors: kInvalid for bytes that are no such message, kUnsupported for a kind without one.
// Specification: protobuf wire format; envelope of k8s.io/apimachinery (runtime.Unknown).
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace minik::api {

// Whether the bytes begin with the envelope's mark.
bool is_protobuf(std::string_view body);
// The object in the envelope, with its kind and apiVersion.
Result<Json> decode_protobuf(std::string_view body);

}  // namespace minik::api
