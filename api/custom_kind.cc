#include "api/custom_kind.h"

#include <algorithm>

#include "api/definition.h"
#include "api/structural.h"
#include "base/text.h"

namespace minik::api {
namespace {

std::vector<std::string> words_at(const Json& object, std::string_view member) {
  std::vector<std::string> out;
  for (const Json& word : array_at(object, member)) {
    if (word.is_string()) out.push_back(word.get<std::string>());
  }
  return out;
}

void add_columns(const Json& version, Kind& kind, CustomRules& rules) {
  static const Json kAge =
      Json::array({{{"name", "Age"}, {"type", "date"}, {"jsonPath", ".metadata.creationTimestamp"}}});
  const Json& asked = array_at(version, "additionalPrinterColumns");
  kind.columns.push_back({"Name", "string", "name", false});
  for (const Json& column : asked.empty() ? kAge : asked) {
    auto path = JsonPath::parse("{" + string_at(column, "jsonPath") + "}");
    if (!path.ok()) continue;
    const std::string type = string_at(column, "type");
    kind.columns.push_back(
        {string_at(column, "name"), type, string_at(column, "format"), int_at(column, "priority") > 0});
    rules.columns.push_back(*std::move(path));
  }
}

void add_subresources(const Json& version, Kind& kind, CustomRules& rules) {
  const Json& subresources = object_at(version, "subresources");
  if (subresources.contains("status")) kind.subresources.push_back("status");
  const Json* scale = find(subresources, "scale");
  if (scale == nullptr) return;
  kind.subresources.push_back("scale");
  const auto path = [&](const char* member) {
    return scale_path(string_at(*scale, member)).value_or(std::vector<std::string>{});
  };
  rules.scale = {path("specReplicasPath"), path("statusReplicasPath"), path("labelSelectorPath")};
}

Kind kind_of_version(const Json& definition, const Json& version) {
  const Json& spec = object_at(definition, "spec");
  const Json& names = object_at(object_at(definition, "status"), "acceptedNames");
  auto rules = std::make_shared<CustomRules>();
  Kind kind;
  kind.group = string_at(spec, "group");
  kind.version = string_at(version, "name");
  kind.kind = string_at(names, "kind");
  kind.resource = string_at(names, "plural");
  kind.singular = string_at(names, "singular");
  kind.short_names = words_at(names, "shortNames");
  kind.categories = words_at(names, "categories");
  kind.namespaced = string_at(spec, "scope") != "Cluster";
  for (const Json& field : array_at(version, "selectableFields")) {
    const std::string path = string_at(field, "jsonPath");
    if (path.starts_with(".")) kind.fields.push_back(path.substr(1));
  }
  rules->list_kind = string_at(names, "listKind");
  rules->schema = object_at(object_at(version, "schema"), "openAPIV3Schema");
  rules->root = rules->schema;
  for (const char* member : {"properties", "additionalProperties"}) rules->root.erase(member);
  rules->served = bool_at(version, "served");
  rules->storage = bool_at(version, "storage");
  rules->terminating = object_at(definition, "metadata").contains("deletionTimestamp");
  if (bool_at(version, "deprecated"))
    rules->deprecation =
        string_at(version, "deprecationWarning", kind.api_version() + " " + kind.kind + " is deprecated");
  add_columns(version, kind, *rules);
  add_subresources(version, kind, *rules);
  kind.type = root_of_schema(rules->schema, kind.kind, rules->types);
  kind.custom = std::move(rules);
  return kind;
}

}  // namespace

std::vector<Kind> kinds_of_definition(const Json& definition) {
  std::vector<Kind> kinds;
  if (!owns_objects(definition)) return kinds;
  for (const Json& version : array_at(object_at(definition, "spec"), "versions"))
    kinds.push_back(kind_of_version(definition, version));
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const Kind& a, const Kind& b) { return a.custom->storage && !b.custom->storage; });
  return kinds;
}

std::optional<std::vector<std::string>> scale_path(const std::string& path) {
  if (!path.starts_with(".")) return std::nullopt;
  auto members = split(path.substr(1), '.');
  const bool plain = std::all_of(members.begin(), members.end(), [](const std::string& member) {
    return !member.empty() && member.find_first_of("[]*?@(){}'\"") == std::string::npos;
  });
  if (!plain || members.size() < 2) return std::nullopt;
  return members;
}

void validate_custom(Causes& causes, const Kind& kind, const Json& object) {
  for (const auto& [name, property] : object_at(kind.custom->schema, "properties").items()) {
    if (name != "metadata" && name != "kind" && name != "apiVersion" && object.contains(name))
      validate_by_schema(property, object[name], name, causes);
  }
  validate_by_schema(kind.custom->root, object, "", causes);
}

}  // namespace minik::api
