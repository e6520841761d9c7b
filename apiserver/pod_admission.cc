#include "apiserver/pod_admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/files.h"

namespace minik::apiserver {
namespace {

constexpr const char* kPriorityClasses = "priorityclasses.scheduling.k8s.io";
constexpr int kTolerationSeconds = 300;

constexpr const char* kVolumePrefix = "kube-api-access-";
constexpr std::int64_t kTokenSeconds = 3607;

bool wants_token(const Json& spec, const api::Object& account) {
  for (const Json* from : {&spec, &account.body()}) {
    const Json* wish = find(*from, "automountServiceAccountToken");
    if (wish != nullptr && wish->is_boolean()) return wish->get<bool>();
  }
  return true;
}

Json token_volume(const std::string& name) {
  Json sources = Json::array();
  sources.push_back({{"serviceAccountToken", {{"expirationSeconds", kTokenSeconds}, {"path", "token"}}}});
  sources.push_back(
      {{"configMap",
        {{"name", "kube-root-ca.crt"}, {"items", Json::array({{{"key", "ca.crt"}, {"path", "ca.crt"}}})}}}});
  sources.push_back(
      {{"downwardAPI",
        {{"items",
          Json::array({{{"path", "namespace"},
                        {"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}}}}})}}}});
  return {{"name", name}, {"projected", {{"defaultMode", 0644}, {"sources", std::move(sources)}}}};
}

bool mounts_there(const Json& container) {
  const Json& mounts = array_at(container, "volumeMounts");
  return std::any_of(mounts.begin(), mounts.end(),
                     [](const Json& mount) { return string_at(mount, "mountPath") == kAccountPath; });
}

// A volume of this kind that the pod brings along.
std::string volume_of(const Json& spec) {
  for (const Json& volume : array_at(spec, "volumes")) {
    std::string name = string_at(volume, "name");
    if (name.starts_with(kVolumePrefix) && volume.contains("projected")) return name;
  }
  return "";
}

void mount_token(Json& spec) {
  const std::string brought = volume_of(spec);
  const std::string name = brought.empty() ? kVolumePrefix + random_suffix(5) : brought;
  bool used = false;
  for (const char* list : {"initContainers", "containers"}) {
    if (array_at(spec, list).empty()) continue;
    for (Json& container : spec[list]) {
      if (!container.is_object() || mounts_there(container)) continue;
      if (!container["volumeMounts"].is_array()) container["volumeMounts"] = Json::array();
      container["volumeMounts"].push_back({{"name", name}, {"readOnly", true}, {"mountPath", kAccountPath}});
      used = true;
    }
  }
  if (!used || !brought.empty()) return;
  if (!spec["volumes"].is_array()) spec["volumes"] = Json::array();
  spec["volumes"].push_back(token_volume(name));
}

}  // namespace

Result<> admit_priority(const api::Snapshot& objects, Json& pod) {
  Json& spec = pod["spec"];
  if (!spec.is_object()) return {};
  static const std::map<std::string, std::int64_t> kBuiltIn = {{"system-cluster-critical", 2'000'000'000},
                                                               {"system-node-critical", 2'000'001'000}};
  std::string name = string_at(spec, "priorityClassName");
  std::int64_t value = 0;
  api::ObjectPtr found;
  objects.for_each(kPriorityClasses, "", [&](const api::ObjectPtr& candidate) {
    const bool meant = name.empty() ? bool_at(candidate->body(), "globalDefault") : candidate->name() == name;
    if (meant) found = candidate;
  });
  const std::string pod_name = string_at(object_at(pod, "metadata"), "name");
  if (found != nullptr) {
    value = int_at(found->body(), "value");
    spec["priorityClassName"] = found->name();
  } else if (const auto it = kBuiltIn.find(name); it != kBuiltIn.end()) {
    value = it->second;
  } else if (!name.empty()) {
    return Error(
        Code::kForbidden,
        fmt::format("pods \"{}\" is forbidden: no PriorityClass with name {} was found", pod_name, name));
  }
  if (const Json* given = find(spec, "priority"); given != nullptr && *given != Json(value)) {
    return Error(
        Code::kForbidden,
        fmt::format("pods \"{}\" is forbidden: the integer value of priority ({}) must not be provided in "
                    "pod spec; priority admission controller computed {} from the given PriorityClass name",
                    pod_name, to_text(*given), value));
  }
  spec["priority"] = value;
  if (!spec.contains("preemptionPolicy"))
    spec["preemptionPolicy"] = found == nullptr
                                   ? "PreemptLowerPriority"
                                   : string_at(found->body(), "preemptionPolicy", "PreemptLowerPriority");
  return {};
}

void admit_tolerations(Json& pod) {
  Json& spec = pod["spec"];
  if (!spec.is_object()) return;
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    bool borne = false;
    for (const Json& t : array_at(spec, "tolerations")) {
      const std::string effect = string_at(t, "effect"), for_key = string_at(t, "key");
      borne |= (effect.empty() || effect == "NoExecute") && (for_key.empty() || for_key == key);
    }
    if (borne) continue;
    spec["tolerations"].push_back({{"key", key},
                                   {"operator", "Exists"},
                                   {"effect", "NoExecute"},
                                   {"tolerationSeconds", kTolerationSeconds}});
  }
}

Result<> admit_service_account(const api::Snapshot& objects, const std::string& ns, Json& pod) {
  Json& spec = pod["spec"];
  if (!spec.is_object()) return {};  // The rules say what is missing.
  std::string name = string_at(spec, "serviceAccountName", string_at(spec, "serviceAccount"));
  if (name.empty()) name = string_at(spec, "serviceAccount", "default");
  if (name.empty()) name = "default";
  const api::ObjectPtr account = objects.find("serviceaccounts", ns, name);
  if (account == nullptr) {
    return Error(Code::kForbidden,
                 fmt::format("pods \"{}\" is forbidden: error looking up service account {}/{}: "
                             "serviceaccount \"{}\" not found",
                             string_at(object_at(pod, "metadata"), "name"), ns, name, name));
  }
  spec["serviceAccountName"] = spec["serviceAccount"] = name;
  if (array_at(spec, "imagePullSecrets").empty()) {
    if (const Json& secrets = array_at(account->body(), "imagePullSecrets"); !secrets.empty())
      spec["imagePullSecrets"] = secrets;
  }
  if (wants_token(spec, *account)) mount_token(spec);
  return {};
}

}  // namespace minik::apiserver
