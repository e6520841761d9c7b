// Ephemeral containers: added to a pod that runs, for debugging; never changed, never removed.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/rules.h"
#include "base/text.h"

namespace minik::api {
namespace {

void check_forbidden_fields(Causes& causes, const Json& container, const std::string& path) {
  for (const char* member : {"ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
                             "resources", "resizePolicy", "restartPolicy"}) {
    const Json* value = find(container, member);
    if (value != nullptr && !value->empty())
      cause_forbidden(causes, path + "." + member, "cannot be set for an Ephemeral Container");
  }
}

bool names_container(const Json& spec, const std::string& name) {
  const Json& containers = array_at(spec, "containers");
  return std::any_of(containers.begin(), containers.end(),
                     [&](const Json& container) { return string_at(container, "name") == name; });
}

void check_new(Causes& causes, const Json& spec, const Json& container, const std::string& path) {
  const std::string name = string_at(container, "name");
  if (name.empty())
    cause_required(causes, path + ".name");
  else if (const std::string error = dns1123_label_error(name); !error.empty())
    cause_invalid(causes, path + ".name", name, error);
  if (string_at(container, "image").empty()) cause_required(causes, path + ".image");
  check_forbidden_fields(causes, container, path);
  const std::string target = string_at(container, "targetContainerName");
  if (!target.empty() && !names_container(spec, target)) {
    causes.push_back({"FieldValueNotFound", path + ".targetContainerName",
                      fmt::format("Not found: {}", to_text(Json(target)))});
  }
}

}  // namespace

void validate_ephemeral_update(Causes& causes, const Json& pod, const Json& old) {
  const std::string path = "spec.ephemeralContainers";
  const Json& spec = object_at(pod, "spec");
  std::set<std::string> taken;
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& container : array_at(spec, list)) taken.insert(string_at(container, "name"));
  }
  std::map<std::string, Json> now;
  const Json& containers = array_at(spec, "ephemeralContainers");
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const std::string here = fmt::format("{}[{}]", path, i), name = string_at(containers[i], "name");
    check_new(causes, spec, containers[i], here);
    if (!name.empty() && !taken.insert(name).second) cause_duplicate(causes, here + ".name", name);
    now.emplace(name, containers[i]);
  }
  for (const Json& before : array_at(object_at(old, "spec"), "ephemeralContainers")) {
    const std::string name = string_at(before, "name");
    const auto it = now.find(name);
    if (it == now.end())
      cause_forbidden(
          causes, path,
          fmt::format("existing ephemeral containers {} may not be removed", to_text(Json(name))));
    else if (it->second != before)
      cause_forbidden(
          causes, path,
          fmt::format("existing ephemeral containers {} may not be changed", to_text(Json(name))));
  }
}

}  // namespace minik::api
