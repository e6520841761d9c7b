// Custom kinds: what a CustomResourceDefinition says, as kinds of the schema.
//
// Pure.  Values that a definition holds were checked when it was written (rules_extensions.cc); what is left
// unsaid or makes no sense is taken as "anything".
// Ownership: the rules own the types of their kind; whoever holds the kind's `custom` keeps both.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/jsonpath.h"
#include "api/object.h"
#include "api/rules.h"
#include "api/schema.h"

namespace minik::api {

// Paths of the scale subresource, as members: spec, replicas.
struct ScalePaths {
  std::vector<std::string> spec_replicas, status_replicas, selector;
};

struct CustomRules {
  std::string list_kind;
  Json schema = Json::object();   // openAPIV3Schema
  Json root = Json::object();     // The same without its properties.
  std::vector<JsonPath> columns;  // Of the values, for the kind's columns behind Name.
  ScalePaths scale;
  std::string deprecation;  // What clients of the version are told; empty: nothing.
  bool served = true;
  bool storage = false;      // The version that objects are stored in.
  bool terminating = false;  // The definition is being deleted: nothing new is made.
  std::vector<std::unique_ptr<StructType>> types;
};

// The kinds of a definition whose names are accepted, the stored version first; nothing otherwise.
std::vector<Kind> kinds_of_definition(const Json& definition);

// The type of a structural schema's value.  Structs are appended to `owned`.
Type type_of_schema(const Json& schema, const std::string& name,
                    std::vector<std::unique_ptr<StructType>>& owned);

// The type of whole objects: the envelope, and the schema's properties.
const StructType* root_of_schema(const Json& schema, const std::string& kind,
                                 std::vector<std::unique_ptr<StructType>>& owned);

// .spec.replicas → spec, replicas.  Nothing if it is no such path.
std::optional<std::vector<std::string>> scale_path(const std::string& path);

// The rules of the kind's schema for one of its objects.
void validate_custom(Causes& causes, const Kind& kind, const Json& object);

}  // namespace minik::api
