// Roles and bindings, leases, priority and runtime classes.
#include <fmt/format.h>

#include "api/rules.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io";

void check_subject(Causes& causes, const Json& subject, const std::string& path, bool cluster) {
  const std::string kind = string_at(subject, "kind"), group = string_at(subject, "apiGroup"),
                    name = string_at(subject, "name");
  if (name.empty()) cause_required(causes, path + ".name");
  if (kind == "ServiceAccount") {
    if (const std::string error = dns1123_subdomain_error(name); !name.empty() && !error.empty())
      cause_invalid(causes, path + ".name", name, error);
    if (!group.empty()) cause_unsupported(causes, path + ".apiGroup", group, {""});
    if (cluster && string_at(subject, "namespace").empty()) cause_required(causes, path + ".namespace");
  } else if (kind == "User" || kind == "Group") {
    if (group != kRbac) cause_unsupported(causes, path + ".apiGroup", group, {kRbac});
  } else {
    cause_unsupported(causes, path + ".kind", kind, {"ServiceAccount", "User", "Group"});
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
        cluster ? std::vector<std::string>{"ClusterRole"} : std::vector<std::string>{"Role", "ClusterRole"});
  }
  const std::string name = string_at(role, "name");
  if (name.empty())
    cause_required(causes, "roleRef.name");
  else if (const std::string error = path_segment_error(name); !error.empty())
    cause_invalid(causes, "roleRef.name", name, error);
  const Json& subjects = array_at(binding, "subjects");
  for (std::size_t i = 0; i < subjects.size(); ++i)
    check_subject(causes, subjects[i], fmt::format("subjects[{}]", i), cluster);
}

void validate_binding_of_role_update(Causes& causes, const Json& binding, const Json& old) {
  if (object_at(binding, "roleRef") != object_at(old, "roleRef"))
    cause_invalid(causes, "roleRef", binding["roleRef"], "cannot change roleRef");
}

void validate_role(Causes& causes, const Json& role) {
  const bool cluster = string_at(role, "kind") == "ClusterRole";
  if (role.contains("aggregationRule")) {
    const std::string path = "aggregationRule.clusterRoleSelectors";
    const Json& selectors = array_at(role["aggregationRule"], "clusterRoleSelectors");
    if (selectors.empty())
      cause_required(causes, path, "at least one clusterRoleSelector required if aggregationRule is non-nil");
    for (std::size_t i = 0; i < selectors.size(); ++i)
      check_label_selector(causes, selectors[i], fmt::format("{}[{}]", path, i));
  }
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
  const std::string name = string_at(object_at(priority, "metadata"), "name");
  if (name.starts_with("system-")) {
    const auto value = int_at(priority, "value");
    const bool known = (name == "system-cluster-critical" && value == 2 * kHighestForUsers) ||
                       (name == "system-node-critical" && value == 2 * kHighestForUsers + 1000);
    if (!known)
      cause_forbidden(causes, "metadata.name",
                      fmt::format("priority class names with 'system-' prefix are reserved for system use "
                                  "only. error: {} is not a known system priority class",
                                  name));
  } else if (int_at(priority, "value") > kHighestForUsers) {
    cause_forbidden(causes, "value",
                    fmt::format("maximum allowed value of a user defined priority is {}", kHighestForUsers));
  }
}

void validate_priority_class_update(Causes& causes, const Json& priority, const Json& old) {
  if (int_at(priority, "value") != int_at(old, "value"))
    cause_forbidden(causes, "value", "may not be changed in an update.");
}

void validate_runtime_class(Causes& causes, const Json& object) {
  const std::string handler = string_at(object, "handler");
  if (const std::string error = dns1123_label_error(handler); !error.empty())
    cause_invalid(causes, "handler", handler, error);
  for (const auto& [key, value] : object_at(object_at(object, "scheduling"), "nodeSelector").items()) {
    if (const std::string error = qualified_name_error(key); !error.empty())
      cause_invalid(causes, "scheduling.nodeSelector", key, error);
  }
}

}  // namespace minik::api
