// Roles and bindings, autoscalers, storage, quotas, leases, classes.
#include <fmt/format.h>

#include "api/rules.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io";

void check_subject(Causes& causes, const Json& subject, const std::string& path) {
  const std::string kind = string_at(subject, "kind"), group = string_at(subject, "apiGroup");
  if (string_at(subject, "name").empty()) cause_required(causes, path + ".name");
  if (kind == "ServiceAccount") {
    if (!group.empty()) cause_unsupported(causes, path + ".apiGroup", group, {""});
    if (string_at(subject, "namespace").empty()) cause_required(causes, path + ".namespace");
  } else if (kind == "User" || kind == "Group") {
    if (group != kRbac) cause_unsupported(causes, path + ".apiGroup", group, {kRbac});
  } else {
    cause_unsupported(causes, path + ".kind", kind, {"Group", "ServiceAccount", "User"});
  }
}

}  // namespace

void default_binding_of_role(Json& binding) {
  if (binding.contains("roleRef") && binding["roleRef"].is_object() &&
      string_at(binding["roleRef"], "apiGroup").empty())
    binding["roleRef"]["apiGroup"] = kRbac;
  if (!binding.contains("subjects")) return;
  for (Json& subject : binding["subjects"]) {
    const std::string kind = string_at(subject, "kind");
    if ((kind == "User" || kind == "Group") && string_at(subject, "apiGroup").empty())
      subject["apiGroup"] = kRbac;
  }
}

void validate_binding_of_role(Causes& causes, const Json& binding) {
  const Json& role = object_at(binding, "roleRef");
  if (const std::string group = string_at(role, "apiGroup"); group != kRbac)
    cause_unsupported(causes, "roleRef.apiGroup", group, {kRbac});
  const std::string kind = string_at(role, "kind");
  const bool cluster = string_at(binding, "kind") == "ClusterRoleBinding";
  if (kind != "ClusterRole" && (cluster || kind != "Role")) {
    cause_unsupported(
        causes, "roleRef.kind", kind,
        cluster ? std::vector<std::string>{"ClusterRole"} : std::vector<std::string>{"ClusterRole", "Role"});
  }
  const Json& subjects = array_at(binding, "subjects");
  for (std::size_t i = 0; i < subjects.size(); ++i)
    check_subject(causes, subjects[i], fmt::format("subjects[{}]", i));
}

void validate_binding_of_role_update(Causes& causes, const Json& binding, const Json& old) {
  if (object_at(binding, "roleRef") != object_at(old, "roleRef"))
    cause_invalid(causes, "roleRef", binding["roleRef"], "cannot change roleRef");
}

void validate_role(Causes& causes, const Json& role) {
  const bool cluster = string_at(role, "kind") == "ClusterRole";
  const Json& rules = array_at(role, "rules");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = fmt::format("rules[{}]", i);
    const Json& rule = rules[i];
    if (array_at(rule, "verbs").empty())
      cause_required(causes, path + ".verbs", "verbs must contain at least one value");
    if (!array_at(rule, "nonResourceURLs").empty()) {
      if (!cluster)
        cause_invalid(causes, path + ".nonResourceURLs", rule["nonResourceURLs"],
                      "namespaced rules cannot apply to non-resource URLs");
      if (!array_at(rule, "apiGroups").empty() || !array_at(rule, "resources").empty() ||
          !array_at(rule, "resourceNames").empty())
        cause_invalid(causes, path + ".nonResourceURLs", rule["nonResourceURLs"],
                      "rules cannot apply to both regular resources and non-resource URLs");
      continue;
    }
    if (array_at(rule, "apiGroups").empty())
      cause_required(causes, path + ".apiGroups", "resource rules must supply at least one api group");
    if (array_at(rule, "resources").empty())
      cause_required(causes, path + ".resources", "resource rules must supply at least one resource");
  }
}

void default_autoscaler(Json& scaler) {
  if (!scaler.contains("spec") || !scaler["spec"].is_object() || !array_at(scaler["spec"], "metrics").empty())
    return;
  scaler["spec"]["metrics"] = {
      {{"type", "Resource"},
       {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}}};
}

void validate_autoscaler(Causes& causes, const Json& scaler) {
  const Json& spec = object_at(scaler, "spec");
  const auto least = int_at(spec, "minReplicas", 1), most = int_at(spec, "maxReplicas");
  if (least < 1) cause_invalid(causes, "spec.minReplicas", least, "must be greater than or equal to 1");
  if (most < 1) cause_invalid(causes, "spec.maxReplicas", most, "must be greater than 0");
  if (least >= 1 && most >= 1 && most < least)
    cause_invalid(causes, "spec.maxReplicas", most, "must be greater than or equal to `minReplicas`");
}

void validate_claim(Causes& causes, const Json& claim) {
  const Json& spec = object_at(claim, "spec");
  const Json& modes = array_at(spec, "accessModes");
  if (modes.empty()) cause_required(causes, "spec.accessModes", "at least 1 access mode is required");
  for (const Json& mode : modes) {
    if (mode != "ReadWriteOnce" && mode != "ReadOnlyMany" && mode != "ReadWriteMany" &&
        mode != "ReadWriteOncePod")
      cause_unsupported(causes, "spec.accessModes", mode,
                        {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
  }
  if (!object_at(object_at(spec, "resources"), "requests").contains("storage"))
    cause_required(causes, "spec.resources[storage]");
}

void validate_volume(Causes& causes, const Json& volume) {
  const Json& spec = object_at(volume, "spec");
  if (array_at(spec, "accessModes").empty()) cause_required(causes, "spec.accessModes");
  if (object_at(spec, "capacity").empty()) cause_required(causes, "spec.capacity");
  int sources = 0;
  for (const auto& [name, value] : spec.items()) {
    if (value.is_object() && name != "capacity" && name != "claimRef" && name != "nodeAffinity") ++sources;
  }
  if (sources == 0) cause_required(causes, "spec", "must specify a volume type");
  if (sources > 1) cause_forbidden(causes, "spec", "may not specify more than 1 volume type");
}

void validate_lease(Causes& causes, const Json& lease) {
  const Json& spec = object_at(lease, "spec");
  if (spec.contains("leaseDurationSeconds") && int_at(spec, "leaseDurationSeconds") <= 0)
    cause_invalid(causes, "spec.leaseDurationSeconds", spec["leaseDurationSeconds"],
                  "must be greater than 0");
  if (int_at(spec, "leaseTransitions") < 0)
    cause_invalid(causes, "spec.leaseTransitions", spec["leaseTransitions"],
                  "must be greater than or equal to 0");
}

void validate_priority_class(Causes& causes, const Json& priority) {
  constexpr std::int64_t kHighestForUsers = 1'000'000'000;
  if (string_at(object_at(priority, "metadata"), "name").starts_with("system-")) return;
  if (int_at(priority, "value") > kHighestForUsers)
    cause_forbidden(causes, "value",
                    fmt::format("maximum allowed value of a user defined priority is {}", kHighestForUsers));
}

}  // namespace minik::api
