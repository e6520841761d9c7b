// Typed values: what the schema's list and map types make of an object: its field set, the difference of two
// states, the merge of a configuration into a state, and the removal of fields.
//
// Lists with keys are merged by element, sets by value, everything marked atomic is one field.  Values that
// the schema does not describe are taken as they look: maps by member, lists as one.
// Pure.  Specification: structured-merge-diff's typed package, as server-side apply uses it.
#pragma once

#include "api/field_set.h"
#include "api/schema.h"

namespace minik::api {

struct Difference {
  FieldSet added, modified, removed;
  bool empty() const { return added.empty() && modified.empty() && removed.empty(); }
};

// Errors: kInvalid for a keyed list with an element that lacks its keys or appears twice.
Result<FieldSet> fields_of(const StructType& type, const Json& value);
// Lists that break their keys count as atomic.
Difference compare(const StructType& type, const Json& before, const Json& after);
// `config` laid over `live`; what only `live` has stays.  Errors: as fields_of.
Result<Json> merge_typed(const StructType& type, const Json& live, const Json& config);
// `value` without the fields of `fields`, but for what is in or above something in `kept`.
Json without_fields(const StructType& type, Json value, const FieldSet& fields, const FieldSet& kept);

}  // namespace minik::api
