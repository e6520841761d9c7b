#include "controllers/stateful_pods.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/schema.h"
#include "base/text.h"
#include "controllers/pods_of.h"
#include "controllers/revisions.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

constexpr const char* kClaims = "persistentvolumeclaims";

std::string claim_name(const Json& claim_template, const std::string& pod) {
  return string_at(object_at(claim_template, "metadata"), "name") + "-" + pod;
}

void add_volumes(const Object& set, const std::string& name, Json& pod) {
  Json volumes = Json::array();
  std::set<std::string> taken;
  for (const Json& claim : array_at(spec_of(set), "volumeClaimTemplates")) {
    const std::string volume = string_at(object_at(claim, "metadata"), "name");
    taken.insert(volume);
    volumes.push_back(
        {{"name", volume}, {"persistentVolumeClaim", {{"claimName", claim_name(claim, name)}}}});
  }
  if (volumes.empty()) return;
  for (const Json& volume : array_at(pod["spec"], "volumes")) {
    if (!taken.contains(string_at(volume, "name"))) volumes.push_back(volume);
  }
  pod["spec"]["volumes"] = std::move(volumes);
}

Json claim_from(const Object& set, const Json& claim_template, const std::string& name) {
  const Json& meta = object_at(claim_template, "metadata");
  Json claim = {{"kind", "PersistentVolumeClaim"}, {"apiVersion", "v1"}};
  claim["spec"] = object_at(claim_template, "spec");
  claim["metadata"] = {{"name", name}, {"namespace", set.ns()}};
  if (meta.contains("annotations")) claim["metadata"]["annotations"] = meta["annotations"];
  Json labels = object_at(meta, "labels");
  labels.update(object_at(object_at(spec_of(set), "selector"), "matchLabels"));
  claim["metadata"]["labels"] = std::move(labels);
  const Json& retention = object_at(spec_of(set), "persistentVolumeClaimRetentionPolicy");
  if (string_at(retention, "whenDeleted") == "Delete") {
    Json owner = owner_reference(set);
    owner.erase("controller");
    owner.erase("blockOwnerDeletion");
    claim["metadata"]["ownerReferences"] = Json::array({owner});
  }
  return claim;
}

}  // namespace

std::string stateful_pod_name(const Object& set, std::int64_t ordinal) {
  return fmt::format("{}-{}", set.name(), ordinal);
}

std::optional<std::int64_t> ordinal_of(const Object& set, const Object& pod) {
  const std::string start = set.name() + "-";
  if (!pod.name().starts_with(start)) return std::nullopt;
  const auto ordinal = parse_int(pod.name().substr(start.size()));
  if (!ordinal || *ordinal < 0) return std::nullopt;
  return *ordinal;
}

Json stateful_pod(const Object& set, const Object& revision, std::int64_t ordinal) {
  const std::string name = stateful_pod_name(set, ordinal);
  Json pod = pod_from(set, template_of_revision(revision), name);
  pod["metadata"]["generateName"] = set.name() + "-";
  Json& labels = pod["metadata"]["labels"];
  labels[kRevisionLabel] = revision.name();
  labels["statefulset.kubernetes.io/pod-name"] = name;
  labels["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
  pod["spec"]["hostname"] = name;
  pod["spec"]["subdomain"] = string_at(spec_of(set), "serviceName");
  if (pod["spec"]["subdomain"] == "") pod["spec"].erase("subdomain");
  add_volumes(set, name, pod);
  return pod;
}

void make_claims(const World& world, const ObjectPtr& set, std::int64_t ordinal, Steps& steps) {
  if (api::Schema::builtin().by_key(kClaims) == nullptr) return;
  const std::string pod = stateful_pod_name(*set, ordinal);
  for (const Json& claim : array_at(spec_of(*set), "volumeClaimTemplates")) {
    const std::string name = claim_name(claim, pod);
    if (world.objects->find(kClaims, set->ns(), name) != nullptr) continue;
    steps.writes.push_back(create(kClaims, claim_from(*set, claim, name)));
    const std::string what = fmt::format("create Claim {} Pod {} in StatefulSet {}", name, pod, set->name());
    steps.reports.push_back({set, "statefulset-controller", false, "SuccessfulCreate", what + " success",
                             steps.writes.back().key, "FailedCreate", what + " failed error: "});
  }
}

void drop_claims(const World& world, const Object& set, std::int64_t first, std::int64_t end, Steps& steps) {
  const Json& retention = object_at(spec_of(set), "persistentVolumeClaimRetentionPolicy");
  if (string_at(retention, "whenScaled") != "Delete") return;
  for (const Json& claim : array_at(spec_of(set), "volumeClaimTemplates")) {
    const std::string start = claim_name(claim, set.name() + "-");
    world.objects->for_each(kClaims, set.ns(), [&](const ObjectPtr& object) {
      if (!object->name().starts_with(start) || object->meta().deletion) return;
      const auto ordinal = parse_int(object->name().substr(start.size()));
      if (!ordinal || (*ordinal >= first && *ordinal < end)) return;
      if (world.objects->find("pods", set.ns(), stateful_pod_name(set, *ordinal)) == nullptr)
        steps.writes.push_back(remove(*object));
    });
  }
}

}  // namespace minik::controllers
