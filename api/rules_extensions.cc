// CustomResourceDefinition.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/custom_kind.h"
#include "api/definition.h"
#include "api/rules.h"
#include "api/structural.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr const char* kApproval = "api-approved.kubernetes.io";

void check_name_word(Causes& causes, const Json& names, const char* member) {
  const std::string name = string_at(names, member), field = fmt::format("spec.names.{}", member);
  if (name.empty()) return;  // The schema's flags say which must be there.
  if (const std::string error = dns1035_label_error(lower(name)); !error.empty())
    cause_invalid(causes, field, name, error);
}

void check_names(Causes& causes, const Json& spec) {
  const Json& names = object_at(spec, "names");
  for (const char* member : {"plural", "singular", "kind", "listKind"})
    check_name_word(causes, names, member);
  for (const char* member : {"plural", "singular"}) {
    const std::string name = string_at(names, member);
    if (name != lower(name))
      cause_invalid(causes, fmt::format("spec.names.{}", member), name, "must be lower case");
  }
  const Json& shorts = array_at(names, "shortNames");
  for (std::size_t i = 0; i < shorts.size(); ++i) {
    const std::string error = shorts[i].is_string() ? dns1035_label_error(shorts[i].get<std::string>()) : "";
    if (!error.empty()) cause_invalid(causes, fmt::format("spec.names.shortNames[{}]", i), shorts[i], error);
  }
  if (!string_at(names, "kind").empty() && string_at(names, "kind") == string_at(names, "listKind"))
    cause_invalid(causes, "spec.names.listKind", string_at(names, "listKind"),
                  "kind and listKind may not be the same");
}

void check_group(Causes& causes, const Json& definition) {
  const std::string group = string_at(object_at(definition, "spec"), "group");
  if (group.empty()) return;
  if (const std::string error = dns1123_subdomain_error(group); !error.empty())
    cause_invalid(causes, "spec.group", group, error);
  else if (split(group, '.').size() < 2)
    cause_invalid(causes, "spec.group", group, "should be a domain with at least one dot");
  const bool is_protected = group == "k8s.io" || group == "kubernetes.io" || group.ends_with(".k8s.io") ||
                            group.ends_with(".kubernetes.io");
  const Json& annotations = object_at(object_at(definition, "metadata"), "annotations");
  if (is_protected && string_at(annotations, kApproval).empty())
    cause_required(causes, fmt::format("metadata.annotations[{}]", kApproval),
                   fmt::format("protected groups must have approval annotation \"{}\", see "
                               "https://github.com/kubernetes/enhancements/pull/1111",
                               kApproval));
}

void check_schema(Causes& causes, const Json& version, const std::string& path) {
  const Json* schema = find(object_at(version, "schema"), "openAPIV3Schema");
  const std::string here = path + ".schema.openAPIV3Schema";
  if (schema == nullptr) return cause_required(causes, here, "schemas are required");
  if (!schema->is_object()) return cause_invalid(causes, here, *schema, "must be a schema");
  const std::string type = string_at(*schema, "type");
  if (type.empty())
    cause_required(causes, here + ".type", "must not be empty at the root");
  else if (type != "object")
    cause_invalid(causes, here + ".type", type, "must be object at the root");
  check_structural(causes, *schema, here);
}

void check_columns(Causes& causes, const Json& version, const std::string& path) {
  static const std::set<std::string> kTypes = {"boolean", "date", "integer", "number", "string"};
  const Json& columns = array_at(version, "additionalPrinterColumns");
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string here = fmt::format("{}.additionalPrinterColumns[{}]", path, i);
    const std::string type = string_at(columns[i], "type"), json_path = string_at(columns[i], "jsonPath");
    if (!type.empty() && !kTypes.contains(type))
      cause_invalid(causes, here + ".type", type, "must be one of boolean,date,integer,number,string");
    if (json_path.empty()) continue;
    const auto parsed = JsonPath::parse("{" + json_path + "}");
    if (!json_path.starts_with('.'))
      cause_invalid(causes, here + ".jsonPath", json_path, "must be a simple json path starting with .");
    else if (!parsed.ok())
      cause_invalid(causes, here + ".jsonPath", json_path, parsed.error().message());
  }
}

void check_scale(Causes& causes, const Json& version, const std::string& path) {
  const Json* scale = find(object_at(version, "subresources"), "scale");
  if (scale == nullptr) return;
  const auto check = [&](const char* member, std::initializer_list<const char*> roots, const char* detail) {
    const std::string text = string_at(*scale, member);
    if (text.empty()) return;
    const auto parsed = scale_path(text);
    const bool good = parsed && std::any_of(roots.begin(), roots.end(),
                                            [&](const char* root) { return parsed->front() == root; });
    if (!good) cause_invalid(causes, fmt::format("{}.subresources.scale.{}", path, member), text, detail);
  };
  check("specReplicasPath", {"spec"}, "should be a json path under .spec");
  check("statusReplicasPath", {"status"}, "should be a json path under .status");
  check("labelSelectorPath", {"spec", "status"}, "should be a json path under either .spec or .status");
}

void check_versions(Causes& causes, const Json& spec) {
  const Json& versions = array_at(spec, "versions");
  if (versions.empty()) return;
  std::size_t stored = 0;
  std::set<std::string> names;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const std::string path = fmt::format("spec.versions[{}]", i), name = string_at(versions[i], "name");
    stored += bool_at(versions[i], "storage") ? 1 : 0;
    names.insert(name);
    if (const std::string error = dns1035_label_error(name); !name.empty() && !error.empty())
      cause_invalid(causes, path + ".name", name, error);
    check_schema(causes, versions[i], path);
    check_scale(causes, versions[i], path);
    check_columns(causes, versions[i], path);
  }
  if (names.size() != versions.size())
    cause_invalid(causes, "spec.versions", versions, "must contain unique version names");
  if (stored != 1)
    cause_invalid(causes, "spec.versions", versions,
                  "must have exactly one version marked as storage version");
}

}  // namespace

void default_definition(Json& definition) {
  if (!definition.contains("spec") || !definition["spec"].is_object()) return;
  Json& spec = definition["spec"];
  if (!spec.contains("names") || !spec["names"].is_object()) return;
  Json& names = spec["names"];
  const std::string kind = string_at(names, "kind");
  if (kind.empty()) return;
  if (string_at(names, "singular").empty()) names["singular"] = lower(kind);
  if (string_at(names, "listKind").empty()) names["listKind"] = kind + "List";
}

void validate_definition(Causes& causes, const Json& definition) {
  const Json& spec = object_at(definition, "spec");
  const std::string name = string_at(object_at(definition, "metadata"), "name");
  const std::string plural = string_at(object_at(spec, "names"), "plural"), group = string_at(spec, "group");
  if (!plural.empty() && !group.empty() && name != plural + "." + group)
    cause_invalid(causes, "metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
  check_group(causes, definition);
  check_names(causes, spec);
  check_versions(causes, spec);
  const std::string strategy = string_at(object_at(spec, "conversion"), "strategy");
  if (!strategy.empty() && strategy != "None")
    cause_unsupported(causes, "spec.conversion.strategy", strategy, {"None"});
  if (bool_at(spec, "preserveUnknownFields"))
    cause_invalid(causes, "spec.preserveUnknownFields", true,
                  "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                  "spec.versions[*].schema instead");
}

void validate_definition_update(Causes& causes, const Json& definition, const Json& old) {
  const Json &spec = object_at(definition, "spec"), &before = object_at(old, "spec");
  const auto fixed = [&](const Json& now, const Json& was, const char* member, const char* field) {
    if (string_at(now, member) != string_at(was, member))
      cause_invalid(causes, field, string_at(now, member), "field is immutable");
  };
  fixed(spec, before, "group", "spec.group");
  fixed(spec, before, "scope", "spec.scope");
  fixed(object_at(spec, "names"), object_at(before, "names"), "plural", "spec.names.plural");
  fixed(object_at(spec, "names"), object_at(before, "names"), "kind", "spec.names.kind");
  const Json& stored = array_at(object_at(old, "status"), "storedVersions");
  const Json& versions = array_at(spec, "versions");
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (std::none_of(versions.begin(), versions.end(),
                     [&](const Json& version) { return Json(string_at(version, "name")) == stored[i]; }))
      cause_invalid(causes, fmt::format("status.storedVersions[{}]", i), stored[i],
                    "must appear in spec.versions");
  }
}

}  // namespace minik::api
