#include "apiserver/custom_objects.h"

#include <fmt/format.h>

#include "api/custom_kind.h"
#include "api/definition.h"
#include "api/go_value.h"
#include "apiserver/table_cells.h"

namespace minik::apiserver {

using api::Kind;
using api::Object;

namespace {

const Json* at_path(const Json& object, const std::vector<std::string>& path) {
  if (path.empty()) return nullptr;
  const Json* at = &object;
  for (const auto& member : path) {
    if (!at->is_object()) return nullptr;
    at = find(*at, member);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::int64_t number_at(const Json& object, const std::vector<std::string>& path) {
  const Json* number = at_path(object, path);
  return number == nullptr || !number->is_number_integer() ? 0 : number->get<std::int64_t>();
}

// A value as its column's type wants it; null when it is of another one.
Json cell_of(const Json& value, const std::string& type, WallTime now) {
  if (type == "string") return value.is_structured() ? api::go_json(value) : api::go_value(value);
  if (type == "integer") return value.is_number_integer() ? value : Json();
  if (type == "number") return value.is_number() ? value : Json();
  if (type == "boolean") return value.is_boolean() ? value : Json();
  if (!value.is_string()) return nullptr;
  return parse_rfc3339(value.get_ref<const std::string&>()) ? Json(ago(value.get<std::string>(), now))
                                                            : Json("<invalid>");
}

}  // namespace

Result<> check_definition(const api::Snapshot& objects, const Kind& kind) {
  if (kind.custom == nullptr) return {};
  const api::ObjectPtr definition = objects.find(api::kDefinitions, "", kind.group_resource());
  if (definition == nullptr)
    return Error(Code::kNotFound, "the server could not find the requested resource");
  if (definition->meta().deletion)
    return Error(Code::kForbidden, "create not allowed while custom resource definition is terminating");
  return {};
}

Result<> check_custom(const Kind& kind, const Json& object) {
  if (kind.custom == nullptr) return {};
  api::Causes causes;
  api::validate_custom(causes, kind, object);
  if (causes.empty()) return {};
  return api::invalid(kind.kind + "." + kind.group, string_at(object_at(object, "metadata"), "name"),
                      std::move(causes));
}

Json custom_scale(const Kind& kind, const Object& object) {
  const Json& meta = object_at(object.body(), "metadata");
  const api::ScalePaths& paths = kind.custom->scale;
  Json scale = {{"kind", "Scale"}, {"apiVersion", "autoscaling/v1"}};
  for (const char* member : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (meta.contains(member)) scale["metadata"][member] = meta[member];
  }
  scale["spec"]["replicas"] = number_at(object.body(), paths.spec_replicas);
  scale["status"]["replicas"] = number_at(object.body(), paths.status_replicas);
  const Json* selector = at_path(object.body(), paths.selector);
  if (selector != nullptr && selector->is_string()) scale["status"]["selector"] = *selector;
  return scale;
}

void set_custom_replicas(const Kind& kind, Json& object, const Json& replicas) {
  Json* at = &object;
  for (const auto& member : kind.custom->scale.spec_replicas) {
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[member];
  }
  *at = replicas;
}

Json custom_cells(const Kind& kind, const Object& object, WallTime now) {
  Json cells = {object.name()};
  const auto& columns = kind.custom->columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto found = columns[i].find_values(object.body());
    cells.push_back(found.ok() && !found->empty() ? cell_of(found->front(), kind.columns[i + 1].type, now)
                                                  : Json());
  }
  return cells;
}

}  // namespace minik::apiserver
