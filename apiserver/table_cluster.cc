// Storage, autoscalers, quotas, roles and bindings, classes, leases.
#include <fmt/format.h>

#include <algorithm>

#include "apiserver/table_cells.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Object;

std::string created(const Object& object) { return rfc3339(object.meta().created); }

std::string text_at(const Json& object, const char* member) {
  const Json* value = find(object, member);
  if (value == nullptr) return "";
  return value->is_string() ? value->get<std::string>() : to_text(*value);
}

std::string modes_text(const Json& modes) {
  std::vector<std::string> parts;
  for (const auto& [mode, word] : {std::pair{"ReadWriteOnce", "RWO"},
                                   {"ReadOnlyMany", "ROX"},
                                   {"ReadWriteMany", "RWX"},
                                   {"ReadWriteOncePod", "RWOP"}}) {
    if (std::find(modes.begin(), modes.end(), mode) != modes.end()) parts.emplace_back(word);
  }
  return join(parts, ",");
}

Json claim_cells(const Object& claim, WallTime now) {
  const Json& spec = spec_of(claim);
  const Json& status = status_of(claim);
  const bool bound = !string_at(spec, "volumeName").empty();
  return {claim.name(),
          claim.meta().deletion ? "Terminating" : string_at(status, "phase"),
          string_at(spec, "volumeName"),
          bound ? text_at(object_at(status, "capacity"), "storage") : "",
          bound ? modes_text(array_at(status, "accessModes")) : "",
          string_at(spec, "storageClassName"),
          string_at(spec, "volumeAttributesClassName", "<unset>"),
          age_of(claim, now),
          string_at(spec, "volumeMode", "<unset>")};
}

Json volume_cells(const Object& volume, WallTime now) {
  const Json& spec = spec_of(volume);
  const Json& claim = object_at(spec, "claimRef");
  return {volume.name(),
          text_at(object_at(spec, "capacity"), "storage"),
          modes_text(array_at(spec, "accessModes")),
          string_at(spec, "persistentVolumeReclaimPolicy"),
          volume.meta().deletion ? "Terminating" : string_at(status_of(volume), "phase"),
          claim.empty() ? "" : string_at(claim, "namespace") + "/" + string_at(claim, "name"),
          string_at(spec, "storageClassName"),
          string_at(spec, "volumeAttributesClassName", "<unset>"),
          string_at(status_of(volume), "reason"),
          age_of(volume, now),
          string_at(spec, "volumeMode", "<unset>")};
}

Json storage_class_cells(const Object& object, WallTime now) {
  const Json& body = object.body();
  const auto& notes = object.meta().annotations;
  const auto it = notes.find("storageclass.kubernetes.io/is-default-class");
  const bool preferred = it != notes.end() && it->second == "true";
  return {object.name() + (preferred ? " (default)" : ""),
          string_at(body, "provisioner"),
          string_at(body, "reclaimPolicy"),
          string_at(body, "volumeBindingMode"),
          bool_at(body, "allowVolumeExpansion") ? "true" : "false",
          age_of(object, now)};
}

std::string value_or(const Json& object, const char* member, const char* otherwise) {
  return object.contains(member) ? text_at(object, member) : otherwise;
}

// Of a resource: cpu: 30%/80%.
std::string resource_metric_text(const Json& source, const Json& now) {
  const Json& target = object_at(source, "target");
  const std::string name = string_at(source, "name");
  if (target.contains("averageValue"))
    return fmt::format("{}: {}/{}", name, value_or(now, "averageValue", "<unknown>"),
                       text_at(target, "averageValue"));
  const auto percent = [](const Json& object, const char* otherwise) -> std::string {
    const Json* use = find(object, "averageUtilization");
    return use == nullptr ? otherwise : to_text(*use) + "%";
  };
  return fmt::format("{}: {}/{}", name, percent(now, "<unknown>"), percent(target, "<auto>"));
}

// "<unknown>/100": what was measured, and what it should be.
std::string metric_text(const Json& metric, const Json& measured) {
  static const std::map<std::string, const char*> kSources = {{"Resource", "resource"},
                                                              {"ContainerResource", "containerResource"},
                                                              {"Pods", "pods"},
                                                              {"Object", "object"},
                                                              {"External", "external"}};
  const std::string type = string_at(metric, "type");
  const auto it = kSources.find(type);
  if (it == kSources.end()) return "<unknown type>";
  const Json& source = object_at(metric, it->second);
  const Json& now = object_at(object_at(measured, it->second), "current");
  if (type.ends_with("Resource")) return resource_metric_text(source, now);
  const Json& target = object_at(source, "target");
  const bool average = target.contains("averageValue");
  const char* member = average ? "averageValue" : "value";
  return fmt::format("{}/{}{}", value_or(now, member, "<unknown>"), text_at(target, member),
                     average && type != "Pods" ? " (avg)" : "");
}

Json autoscaler_cells(const Object& scaler, WallTime now) {
  const Json& spec = spec_of(scaler);
  const Json& to = object_at(spec, "scaleTargetRef");
  const Json& metrics = array_at(spec, "metrics");
  const Json& measured = array_at(status_of(scaler), "currentMetrics");
  std::vector<std::string> targets;
  for (std::size_t i = 0; i < metrics.size() && i < 2; ++i)
    targets.push_back(metric_text(metrics[i], i < measured.size() ? measured[i] : Json::object()));
  std::string text = or_none(join(targets, ", "));
  if (metrics.size() > 2) text += fmt::format(" + {} more...", metrics.size() - 2);
  return {scaler.name(),
          string_at(to, "kind") + "/" + string_at(to, "name"),
          text,
          spec.contains("minReplicas") ? std::to_string(int_at(spec, "minReplicas")) : "<unset>",
          int_at(spec, "maxReplicas"),
          int_at(status_of(scaler), "currentReplicas"),
          age_of(scaler, now)};
}

// What the quota controller has counted; nothing before it has.
Json quota_cells(const Object& quota, WallTime now) {
  const Json& status = status_of(quota);
  std::vector<std::string> requests, limits;
  for (const auto& [name, hard] : object_at(status, "hard").items()) {
    const std::string text =
        fmt::format("{}: {}/{}", name, value_or(object_at(status, "used"), name.c_str(), "0"),
                    hard.is_string() ? hard.get<std::string>() : to_text(hard));
    (name.starts_with("limits") ? limits : requests).push_back(text);
  }
  return {quota.name(), age_of(quota, now), join(requests, ", "), join(limits, ", ")};
}

Json created_cells(const Object& object, WallTime) { return {object.name(), created(object)}; }

Json binding_cells(const Object& binding, WallTime now) {
  const Json& role = object_at(binding.body(), "roleRef");
  std::vector<std::string> users, groups, accounts;
  for (const Json& subject : array_at(binding.body(), "subjects")) {
    const std::string kind = string_at(subject, "kind"), name = string_at(subject, "name");
    if (kind == "User")
      users.push_back(name);
    else if (kind == "Group")
      groups.push_back(name);
    else
      accounts.push_back(string_at(subject, "namespace") + "/" + name);
  }
  return {binding.name(),       string_at(role, "kind") + "/" + string_at(role, "name"),
          age_of(binding, now), join(users, ", "),
          join(groups, ", "),   join(accounts, ", ")};
}

Json lease_cells(const Object& lease, WallTime now) {
  return {lease.name(), string_at(spec_of(lease), "holderIdentity"), age_of(lease, now)};
}

Json definition_cells(const Object& definition, WallTime) {
  return {definition.name(), string_at(object_at(definition.body(), "metadata"), "creationTimestamp")};
}
Json priority_cells(const Object& priority, WallTime now) {
  return {priority.name(), int_at(priority.body(), "value"), bool_at(priority.body(), "globalDefault"),
          age_of(priority, now)};
}

Json runtime_class_cells(const Object& object, WallTime now) {
  return {object.name(), string_at(object.body(), "handler"), age_of(object, now)};
}

}  // namespace

std::map<std::string, CellsOf> cluster_cells() {
  return {{"persistentvolumeclaims", claim_cells},
          {"persistentvolumes", volume_cells},
          {"storageclasses.storage.k8s.io", storage_class_cells},
          {"horizontalpodautoscalers.autoscaling", autoscaler_cells},
          {"resourcequotas", quota_cells},
          {"limitranges", created_cells},
          {"roles.rbac.authorization.k8s.io", created_cells},
          {"clusterroles.rbac.authorization.k8s.io", created_cells},
          {"rolebindings.rbac.authorization.k8s.io", binding_cells},
          {"clusterrolebindings.rbac.authorization.k8s.io", binding_cells},
          {"customresourcedefinitions.apiextensions.k8s.io", definition_cells},
          {"leases.coordination.k8s.io", lease_cells},
          {"priorityclasses.scheduling.k8s.io", priority_cells},
          {"runtimeclasses.node.k8s.io", runtime_class_cells}};
}

}  // namespace minik::apiserver
