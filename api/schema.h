// Schema: every kind described once; discovery, OpenAPI, validation, defaulting, patching and Table output
// are derived from it.  The source is api/schema/*.yaml, compiled into the binary.
//
// Threads: immutable after `builtin()`; any thread may read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace minik::api {

struct StructType;
struct CustomRules;  // custom_kind.h

// The type of a field's value.
struct Type {
  enum class Kind : std::uint8_t {
    kString,
    kInt32,
    kInt64,
    kBool,
    kNumber,
    kBytes,
    kTime,
    kMicroTime,
    kQuantity,
    kIntOrString,
    kAny,
    kStruct,
    kArray,
    kMap,
  } kind = Kind::kAny;
  const StructType* of = nullptr;       // kStruct
  std::shared_ptr<const Type> element;  // kArray, kMap
};

struct Field {
  std::string name;
  Type type;
  bool required = false, immutable = false, retain_keys = false, merge = false, atomic = false, set = false;
  std::string merge_key;               // Strategic merge; empty with merge = true: primitives.
  std::vector<std::string> list_keys;  // Server-side apply: list of type map.
  std::vector<std::string> allowed;    // enum
  std::optional<Json> fallback;        // default
  std::string description;
};

struct StructType {
  std::string name, description;
  std::vector<Field> fields;
  bool open = false;  // Members that are no fields are kept.
  const Field* field(std::string_view name) const;
  std::map<std::string, std::size_t, std::less<>> index;
};

struct Column {
  std::string name, type, format;
  bool wide = false;
};

struct Kind {
  std::string group, version, kind, resource, singular;
  std::vector<std::string> short_names, categories, subresources;
  std::vector<std::string> verbs;  // What can be done with it; empty: everything.
  bool namespaced = true;
  std::vector<Column> columns;
  // For field selectors, beside name and namespace: a path, or "label=path of the stored kind".
  std::vector<std::string> fields;
  const StructType* type = nullptr;
  // Served in this version but stored as another; `conversion` names how (conversion.h), empty: same shape.
  const Kind* stored = nullptr;
  std::string conversion;
  // Set for kinds that a CustomResourceDefinition made; it owns `type`.
  std::shared_ptr<const CustomRules> custom;
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  const Kind& stored_kind() const { return stored == nullptr ? *this : *stored; }
  std::string list_kind() const;
  // Key::resource, of the stored kind.
  std::string group_resource() const {
    const Kind& at = stored_kind();
    return at.group.empty() ? at.resource : at.resource + "." + at.group;
  }
  bool has_subresource(std::string_view name) const;
  bool can(std::string_view verb) const;
};

class Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

class Schema {
 public:
  static const Schema& builtin();
  // Errors: kInvalid; only for the build's own files, checked by a test.
  static Result<std::unique_ptr<Schema>> parse(std::string_view compiled);
  // The built-in kinds, and `custom` ones behind them.  Each group resource has one kind of the version that
  // is stored; the others get it as their `stored`.
  static SchemaPtr with_custom(std::vector<Kind> custom);

  const std::vector<Kind>& kinds() const { return kinds_; }  // In order of discovery.
  const Kind* by_resource(std::string_view group, std::string_view version, std::string_view resource) const;
  const Kind* by_kind(std::string_view api_version, std::string_view kind) const;
  const Kind* by_key(std::string_view group_resource) const;
  // What a person types: pods, pod, po, Pod, deployments.apps.
  const Kind* by_word(std::string_view word) const;
  const StructType* type(std::string_view name) const;
  const std::map<std::string, std::unique_ptr<StructType>, std::less<>>& types() const { return types_; }

 private:
  Result<> add_kinds(const Json& bodies);
  const Kind* storage_of(std::string_view group_resource) const;  // Of a custom kind.

  std::map<std::string, std::unique_ptr<StructType>, std::less<>> types_;
  std::vector<Kind> kinds_;
  std::vector<std::unique_ptr<const Kind>> unserved_;  // Stored versions that nobody may ask for.
};

// Fills in what is absent and has a default, below every struct that is there; writes quantities as the
// reference does: 1000m is 1.
void apply_defaults(const StructType& type, Json& value);

// What strict decoding finds: "unknown field \"spec.bogus\"", in order.  Unknown members are removed from
// `value`, as the decoder of the reference drops them.
std::vector<std::string> take_unknown_fields(const StructType& type, Json& value);

// The first member of a wrong JSON type: kInvalid
// "json: cannot unmarshal string into Go struct field ServiceSpec.spec.ports.port of type int32".
Result<> check_types(const Kind& kind, const Json& value);

// Enum and required violations as API causes, e.g. Unsupported value: "X": supported values: "SCTP", "TCP",
// "UDP".
void check_values(const StructType& type, const Json& value, const std::string& path,
                  std::vector<FieldCause>& causes);

// Removes null members, which mean "absent" everywhere outside patches.
void drop_nulls(Json& value);

}  // namespace minik::api
