// Table: lists as kubectl prints them, meta.k8s.io/v1 Table.
//
// Pure: cells are computed from the object and the time.  The columns are the schema's.
#pragma once

#include <span>
#include <string>

#include "api/object.h"
#include "api/schema.h"
#include "base/clock.h"

namespace minik::apiserver {

enum class IncludeObject : unsigned char { kMetadata, kObject, kNone };

struct TableOptions {
  IncludeObject include = IncludeObject::kMetadata;
  bool with_columns = true;
  WallTime now{};
  std::string meta_version = "v1";  // Of meta.k8s.io: v1 or v1beta1.
};

// `list_meta` is the table's metadata (resourceVersion, continue, remainingItemCount).
std::string table_text(const api::Kind& kind, std::span<const api::ObjectPtr> objects, const Json& list_meta,
                       const TableOptions& options);
// One row's cells, in the order of the columns.
Json table_cells(const api::Kind& kind, const api::Object& object, WallTime now);

// PartialObjectMetadata, of meta.k8s.io's `meta_version`.
std::string partial_text(const api::Object& object, const std::string& meta_version);

// kubectl's STATUS of a pod: Running, Completed, CrashLoopBackOff, Init:0/1, Terminating, ...
std::string pod_status_word(const api::Object& pod);

}  // namespace minik::apiserver
