// Structural schemas as types of the schema, so that pruning, defaults and server-side apply follow from
// them.
#include <algorithm>

#include "api/custom_kind.h"

namespace minik::api {
namespace {

using Owned = std::vector<std::unique_ptr<StructType>>;

const Type& meta_type() {
  static const Type kMeta{Type::Kind::kStruct, Schema::builtin().type("ObjectMeta"), nullptr};
  return kMeta;
}

void add_field(StructType& type, Field field) {
  if (type.index.contains(field.name)) return;
  type.index.emplace(field.name, type.fields.size());
  type.fields.push_back(std::move(field));
}

Field envelope_field(std::string name, Type type, std::string description) {
  Field field;
  field.name = std::move(name);
  field.type = std::move(type);
  field.description = std::move(description);
  return field;
}

Field field_of_schema(const Json& schema, const std::string& name, const std::string& owner, Owned& owned) {
  Field field;
  field.name = name;
  field.type = type_of_schema(schema, owner + "." + name, owned);
  field.description = string_at(schema, "description");
  const std::string list_type = string_at(schema, "x-kubernetes-list-type");
  field.set = list_type == "set";
  field.atomic = list_type == "atomic" || string_at(schema, "x-kubernetes-map-type") == "atomic";
  for (const Json& key : array_at(schema, "x-kubernetes-list-map-keys")) {
    if (list_type == "map" && key.is_string()) field.list_keys.push_back(key.get<std::string>());
  }
  if (const Json* fallback = find(schema, "default"); fallback != nullptr && !fallback->is_null())
    field.fallback = *fallback;
  return field;
}

Type struct_of_schema(const Json& schema, const std::string& name, Owned& owned) {
  owned.push_back(std::make_unique<StructType>());
  StructType& type = *owned.back();
  type.name = name;
  type.description = string_at(schema, "description");
  type.open = bool_at(schema, "x-kubernetes-preserve-unknown-fields");
  if (bool_at(schema, "x-kubernetes-embedded-resource")) {
    const Type text{Type::Kind::kString, nullptr, nullptr};
    add_field(type, envelope_field("apiVersion", text, "Version of the form the object is written in."));
    add_field(type, envelope_field("kind", text, "Kind of the object."));
    add_field(type, envelope_field("metadata", meta_type(), "Name, labels and the like."));
  }
  for (const auto& [member, property] : object_at(schema, "properties").items())
    add_field(type, field_of_schema(property, member, name, owned));
  return {Type::Kind::kStruct, &type, nullptr};
}

Type object_of_schema(const Json& schema, const std::string& name, Owned& owned) {
  const Json* others = find(schema, "additionalProperties");
  const bool has_fields =
      !object_at(schema, "properties").empty() || bool_at(schema, "x-kubernetes-embedded-resource");
  if (!has_fields && others != nullptr && !(others->is_boolean() && !others->get<bool>()))
    return {Type::Kind::kMap, nullptr, std::make_shared<Type>(type_of_schema(*others, name, owned))};
  if (!has_fields && bool_at(schema, "x-kubernetes-preserve-unknown-fields")) return {};
  return struct_of_schema(schema, name, owned);
}

}  // namespace

Type type_of_schema(const Json& schema, const std::string& name, Owned& owned) {
  using K = Type::Kind;
  if (bool_at(schema, "x-kubernetes-int-or-string")) return {K::kIntOrString, nullptr, nullptr};
  const std::string type = string_at(schema, "type");
  if (type == "string") return {K::kString, nullptr, nullptr};
  if (type == "boolean") return {K::kBool, nullptr, nullptr};
  if (type == "number") return {K::kNumber, nullptr, nullptr};
  if (type == "integer") {
    const bool small = string_at(schema, "format") == "int32";
    return {small ? K::kInt32 : K::kInt64, nullptr, nullptr};
  }
  if (type == "array") {
    const Json* items = find(schema, "items");
    static const Json kAnything = Json::object();
    return {K::kArray, nullptr,
            std::make_shared<Type>(type_of_schema(items == nullptr ? kAnything : *items, name, owned))};
  }
  if (type == "object" || !object_at(schema, "properties").empty())
    return object_of_schema(schema, name, owned);
  return {};
}

const StructType* root_of_schema(const Json& schema, const std::string& kind, Owned& owned) {
  owned.push_back(std::make_unique<StructType>());
  StructType& root = *owned.back();
  root.name = kind;
  root.description = string_at(schema, "description");
  root.open = bool_at(schema, "x-kubernetes-preserve-unknown-fields");
  add_field(root, envelope_field("metadata", meta_type(), "Name, labels and the like."));
  for (const auto& [member, property] : object_at(schema, "properties").items()) {
    if (member != "kind" && member != "apiVersion")
      add_field(root, field_of_schema(property, member, kind, owned));
  }
  return &root;
}

}  // namespace minik::api
