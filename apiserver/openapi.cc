// OpenAPI v3 of one group version: real paths for kubectl explain, the fieldValidation parameter that
// switches client-side checking off, and a schema per type.
#include <map>
#include <set>

#include "api/custom_kind.h"
#include "apiserver/discovery.h"

namespace minik::apiserver {
namespace {

using api::Field;
using api::Kind;
using api::StructType;
using api::Type;

Json gvk(const Kind& kind) { return {{"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}}; }

Json reference(std::string_view name) {
  return {{"allOf", Json::array({{{"$ref", "#/components/schemas/" + std::string(name)}}})}};
}

// Scalars that clients know by a name.
const std::map<std::string, Json, std::less<>>& named_scalars() {
  static const std::map<std::string, Json, std::less<>> kScalars = {
      {"Time", {{"type", "string"}, {"format", "date-time"}}},
      {"MicroTime", {{"type", "string"}, {"format", "date-time"}}},
      {"Quantity", {{"oneOf", {{{"type", "string"}}, {{"type", "number"}}}}}},
      {"IntOrString",
       {{"format", "int-or-string"}, {"oneOf", {{{"type", "integer"}}, {{"type", "string"}}}}}}};
  return kScalars;
}

Json schema_of(const Type& type, std::set<const StructType*>& used) {
  using K = Type::Kind;
  switch (type.kind) {
    case K::kString:
      return {{"type", "string"}};
    case K::kInt32:
      return {{"type", "integer"}, {"format", "int32"}};
    case K::kInt64:
      return {{"type", "integer"}, {"format", "int64"}};
    case K::kBool:
      return {{"type", "boolean"}};
    case K::kNumber:
      return {{"type", "number"}};
    case K::kBytes:
      return {{"type", "string"}, {"format", "byte"}};
    case K::kTime:
      return reference("Time");
    case K::kMicroTime:
      return reference("MicroTime");
    case K::kQuantity:
      return reference("Quantity");
    case K::kIntOrString:
      return reference("IntOrString");
    case K::kAny:
      return {{"type", "object"}};
    case K::kArray:
      return {{"type", "array"}, {"items", schema_of(*type.element, used)}};
    case K::kMap:
      return {{"type", "object"}, {"additionalProperties", schema_of(*type.element, used)}};
    case K::kStruct:
      break;
  }
  used.insert(type.of);
  return reference(type.of->name);
}

void add_list_hints(const Field& field, Json& property) {
  if (field.merge) {
    property["x-kubernetes-patch-strategy"] = field.retain_keys ? "merge,retainKeys" : "merge";
    if (!field.merge_key.empty()) property["x-kubernetes-patch-merge-key"] = field.merge_key;
  } else if (field.retain_keys) {
    property["x-kubernetes-patch-strategy"] = "retainKeys";
  }
  if (!field.list_keys.empty()) {
    property["x-kubernetes-list-type"] = "map";
    property["x-kubernetes-list-map-keys"] = field.list_keys;
  } else if (field.set) {
    property["x-kubernetes-list-type"] = "set";
  } else if (field.atomic) {
    property[field.type.kind == Type::Kind::kArray ? "x-kubernetes-list-type" : "x-kubernetes-map-type"] =
        "atomic";
  }
}

Json component(const StructType& type, std::set<const StructType*>& used) {
  Json json = {{"type", "object"}, {"description", type.description}, {"properties", Json::object()}};
  for (const Field& field : type.fields) {
    Json property = schema_of(field.type, used);
    property["description"] = field.description;
    if (field.fallback) property["default"] = *field.fallback;
    if (!field.allowed.empty()) property["enum"] = field.allowed;
    add_list_hints(field, property);
    json["properties"][field.name] = std::move(property);
    if (field.required) json["required"].push_back(field.name);
  }
  return json;
}

// What the definition says, as it says it.
Json custom_component(const Kind& kind, std::set<const StructType*>& used) {
  Json json = kind.custom->schema;
  json["type"] = "object";
  json["properties"]["metadata"] = schema_of(kind.type->field("metadata")->type, used);
  json["properties"]["metadata"]["description"] = "Name, labels and the like.";
  return json;
}

Json operation(const Kind& kind, const char* action) {
  Json op = {{"x-kubernetes-group-version-kind", gvk(kind)},
             {"x-kubernetes-action", action},
             {"responses", Json::object()}};
  if (std::string_view(action) != "get" && std::string_view(action) != "list" &&
      std::string_view(action) != "delete") {
    op["parameters"].push_back(
        {{"name", "fieldValidation"}, {"in", "query"}, {"schema", {{"type", "string"}}}});
    op["parameters"].push_back({{"name", "dryRun"}, {"in", "query"}, {"schema", {{"type", "string"}}}});
  }
  return op;
}

void add_paths(const Kind& kind, Json& paths) {
  const std::string base =
      kind.group.empty() ? "/api/" + kind.version : "/apis/" + kind.group + "/" + kind.version;
  const std::string collection = base + (kind.namespaced ? "/namespaces/{namespace}/" : "/") + kind.resource;
  paths[collection] = {{"post", operation(kind, "post")}};
  if (!kind.can("list")) return;
  paths[collection]["get"] = operation(kind, "list");
  paths[collection + "/{name}"] = {{"get", operation(kind, "get")},
                                   {"put", operation(kind, "put")},
                                   {"patch", operation(kind, "patch")},
                                   {"delete", operation(kind, "delete")}};
}

std::string document_of(const api::Schema& schema, std::string_view group, std::string_view version) {
  Json doc = {{"openapi", "3.0.0"},
              {"info", {{"title", "minik"}, {"version", std::string(version)}}},
              {"paths", Json::object()},
              {"components", {{"schemas", Json::object()}}}};
  Json& schemas = doc["components"]["schemas"];
  for (const auto& [name, scalar] : named_scalars()) schemas[name] = scalar;
  std::set<const StructType*> used;
  for (const Kind& kind : schema.kinds()) {
    if (kind.group != group || kind.version != version) continue;
    add_paths(kind, doc["paths"]);
    Json root = kind.custom == nullptr ? component(*kind.type, used) : custom_component(kind, used);
    root["properties"]["kind"] = {{"type", "string"}, {"description", "Kind of the object."}};
    root["properties"]["apiVersion"] = {{"type", "string"},
                                        {"description", "Version of the form the object is written in."}};
    root["x-kubernetes-group-version-kind"] = Json::array({gvk(kind)});
    schemas[kind.kind] = std::move(root);
  }
  if (doc["paths"].empty()) return "";
  for (bool grown = true; grown;) {
    grown = false;
    for (const StructType* type : std::set(used)) {
      if (schemas.contains(type->name)) continue;
      schemas[type->name] = component(*type, used);
      grown = true;
    }
  }
  return to_text(doc);
}

}  // namespace

void OpenApi::add(const api::Schema& schema, const std::string& path, const Kind& kind) {
  std::string text = document_of(schema, kind.group, kind.version);
  const std::string hash = std::to_string(std::hash<std::string>{}(text));
  paths_[path] = {{"serverRelativeURL", "/openapi/v3/" + path + "?hash=" + hash}};
  documents_.insert_or_assign(path, std::move(text));
}

const OpenApi& OpenApi::builtin() {
  static const OpenApi kBuiltin(api::Schema::builtin(), nullptr);
  return kBuiltin;
}

OpenApi::OpenApi(const api::Schema& schema) : OpenApi(schema, &builtin()) {}

OpenApi::OpenApi(const api::Schema& schema, const OpenApi* known) {
  if (known != nullptr) *this = *known;
  std::set<std::string> added;
  for (const Kind& kind : schema.kinds()) {
    const std::string path = (kind.group.empty() ? "api/" : "apis/") + kind.api_version();
    if ((known == nullptr || kind.custom != nullptr) && added.insert(path).second) add(schema, path, kind);
  }
  root_ = to_text(Json{{"paths", paths_}});
}

const std::string* OpenApi::find(const std::string& path) const {
  const auto it = documents_.find(path);
  return it == documents_.end() ? nullptr : &it->second;
}

}  // namespace minik::apiserver
