// Managed fields: who set which fields of an object, and what server-side apply makes of it.
//
// An update gives its manager the fields that it changed and takes them from all others; an apply gives its
// manager the fields of its configuration, conflicts with those who hold another value there, and takes away
// what the manager applied before and does not want any more.
// Pure.  Errors: kConflict with one FieldManagerConflict cause per field; kInvalid for a configuration that
// breaks the keys of a list.  Specification: KEP-555; message texts of the reference.
#pragma once

#include <optional>
#include <string>

#include "api/typed_value.h"
#include "base/clock.h"

namespace minik::api {

struct FieldWriter {
  std::string manager, api_version, subresource;
  WallTime now{};
};

// Sets after.metadata.managedFields for an update of `before` (null: a creation).  A body that brings entries
// of its own replaces those of `before`; one empty entry resets them.
void track_update(const StructType& type, const Json* before, Json& after, const FieldWriter& writer);

// The object after the manager applied `config` to `live` (null: there is none yet).
Result<Json> apply_config(const StructType& type, const Json* live, Json config, const FieldWriter& writer,
                          bool force);

// A manager's name as the API takes it; empty when it is fine.
std::string field_manager_error(const std::string& manager);

}  // namespace minik::api
