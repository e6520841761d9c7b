// What a structural schema itself has to be.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/structural.h"

namespace minik::api {
namespace {

const std::vector<std::string>& schema_types() {
  static const std::vector<std::string> kTypes = {"array",  "boolean", "integer",
                                                  "number", "object",  "string"};
  return kTypes;
}

bool says_int_or_string(const Json& schema) { return bool_at(schema, "x-kubernetes-int-or-string"); }

bool is_free(const Json& schema) { return bool_at(schema, "x-kubernetes-preserve-unknown-fields"); }

// Every field and every item has a type, or says that it may be anything.
void require_type(Causes& causes, const Json& schema, const std::string& path, const char* where) {
  if (!schema.is_object()) {
    cause_invalid(causes, path, schema, "must be a schema");
    return;
  }
  if (string_at(schema, "type").empty() && !says_int_or_string(schema) && !is_free(schema))
    cause_required(causes, path + ".type", fmt::format("must not be empty for specified {}", where));
  check_structural(causes, schema, path);
}

void check_list(Causes& causes, const Json& schema, const std::string& path) {
  const std::string list_type = string_at(schema, "x-kubernetes-list-type");
  static const std::vector<std::string> kListTypes = {"atomic", "map", "set"};
  if (!list_type.empty() && std::find(kListTypes.begin(), kListTypes.end(), list_type) == kListTypes.end())
    cause_unsupported(causes, path + ".x-kubernetes-list-type", list_type, kListTypes);
  const Json& keys = array_at(schema, "x-kubernetes-list-map-keys");
  if (list_type == "map" && keys.empty())
    cause_required(causes, path + ".x-kubernetes-list-map-keys",
                   "must not be empty if x-kubernetes-list-type is map");
  const Json& properties = object_at(object_at(schema, "items"), "properties");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].is_string() || !properties.contains(keys[i].get<std::string>()))
      cause_invalid(causes, fmt::format("{}.x-kubernetes-list-map-keys[{}]", path, i), keys[i],
                    "must be a property of the items");
  }
  const Json* items = find(schema, "items");
  if (items == nullptr)
    cause_required(causes, path + ".items", "must be specified");
  else if (items->is_array())
    cause_forbidden(causes, path + ".items", "items must be a schema object and not an array");
  else
    require_type(causes, *items, path + ".items", "array items");
}

// Members of the wrong JSON type mean nothing.
void check_member_types(Causes& causes, const Json& schema, const std::string& path) {
  static const std::map<std::string, std::vector<const char*>> kMembers = {
      {"object", {"properties", "not"}},
      {"array", {"required", "enum", "allOf", "anyOf", "oneOf", "x-kubernetes-list-map-keys"}},
      {"string", {"type", "format", "title", "description", "pattern", "x-kubernetes-list-type"}},
      {"number", {"maximum", "minimum", "multipleOf", "maxLength", "minLength", "maxItems", "minItems"}},
      {"boolean", {"nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"}}};
  for (const auto& [type, members] : kMembers) {
    for (const char* name : members) {
      const Json* member = find(schema, name);
      if (member == nullptr) continue;
      const std::string is = member->type_name();  // object, array, string, number, boolean
      if (is != type)
        cause_invalid(causes, path + "." + name, *member, fmt::format("must be of type {}", type));
    }
  }
}

}  // namespace

void check_structural(Causes& causes, const Json& schema, const std::string& path) {
  check_member_types(causes, schema, path);
  const std::string type = string_at(schema, "type");
  const auto& types = schema_types();
  if (!type.empty() && std::find(types.begin(), types.end(), type) == types.end())
    cause_unsupported(causes, path + ".type", type, types);
  if (says_int_or_string(schema) && !type.empty())
    cause_invalid(causes, path + ".type", type, "must be empty if x-kubernetes-int-or-string is true");
  for (const char* no : {"$ref", "definitions", "dependencies", "patternProperties", "id"}) {
    if (schema.contains(no)) cause_forbidden(causes, path + "." + no, fmt::format("{} is not supported", no));
  }
  if (bool_at(schema, "uniqueItems"))
    cause_forbidden(causes, path + ".uniqueItems",
                    "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  if (const std::string pattern = string_at(schema, "pattern"); !pattern.empty()) {
    if (const std::string error = pattern_error(pattern); !error.empty())
      cause_invalid(causes, path + ".pattern", pattern,
                    "must be a valid regular expression, but isn't: " + error);
  }
  const Json* others = find(schema, "additionalProperties");
  if (others != nullptr && !object_at(schema, "properties").empty())
    cause_forbidden(causes, path + ".additionalProperties",
                    "additionalProperties and properties are mutual exclusive");
  if (others != nullptr && others->is_object())
    require_type(causes, *others, path + ".additionalProperties", "object fields");
  if (others != nullptr && others->is_boolean() && !others->get<bool>())
    cause_forbidden(causes, path + ".additionalProperties", "additionalProperties cannot be set to false");
  for (const auto& [name, property] : object_at(schema, "properties").items())
    require_type(causes, property, fmt::format("{}.properties[{}]", path, name), "object fields");
  if (type == "array") check_list(causes, schema, path);
  if (const Json* fallback = find(schema, "default")) {
    Causes wrong;
    validate_by_schema(schema, *fallback, path + ".default", wrong);
    causes.insert(causes.end(), wrong.begin(), wrong.end());
  }
}

}  // namespace minik::api
