#include "controllers/stateful_sets.h"

#include <algorithm>
#include <map>

#include "api/pod.h"
#include "base/text.h"
#include "controllers/pod_template.h"
#include "controllers/revisions.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kHashLabel = "controller-revision-hash";
constexpr const char* kClaims = "persistentvolumeclaims";

struct Wanted {
  std::int64_t first = 0, count = 0, partition = 0;
  bool parallel = false, rolling = true;
  bool has(std::int64_t ordinal) const { return ordinal >= first && ordinal < first + count; }
};

Wanted wanted_of(const Object& set) {
  const Json& spec = object_at(set.body(), "spec");
  const Json& strategy = object_at(spec, "updateStrategy");
  Wanted wanted;
  wanted.first = int_at(object_at(spec, "ordinals"), "start");
  wanted.count = int_at(spec, "replicas", 1);
  wanted.partition = int_at(object_at(strategy, "rollingUpdate"), "partition");
  wanted.parallel = string_at(spec, "podManagementPolicy") == "Parallel";
  wanted.rolling = string_at(strategy, "type") != "OnDelete";
  return wanted;
}

// The number at the end of the name; nothing for a pod of another name.
std::optional<std::int64_t> ordinal_of(const Object& set, const Object& pod) {
  const std::string prefix = set.name() + "-";
  if (!pod.name().starts_with(prefix)) return std::nullopt;
  return parse_int(std::string_view(pod.name()).substr(prefix.size()));
}

std::string revision_of(const Object& pod) {
  const auto it = pod.meta().labels.find(kHashLabel);
  return it == pod.meta().labels.end() ? "" : it->second;
}

std::string claim_name(const Json& claim, const std::string& pod) {
  return string_at(object_at(claim, "metadata"), "name") + "-" + pod;
}

Json pod_with(const Object& set, std::int64_t ordinal, const std::string& revision,
              const Json& pod_template) {
  const std::string name = set.name() + "-" + std::to_string(ordinal);
  Json pod = pod_from_template(set, pod_template, name);
  Json& labels = pod["metadata"]["labels"];
  labels["statefulset.kubernetes.io/pod-name"] = name;
  labels["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
  labels[kHashLabel] = revision;
  pod["spec"]["hostname"] = name;
  const Json& spec = object_at(set.body(), "spec");
  if (const std::string service = string_at(spec, "serviceName"); !service.empty())
    pod["spec"]["subdomain"] = service;
  for (const Json& claim : array_at(spec, "volumeClaimTemplates")) {
    const std::string volume = string_at(object_at(claim, "metadata"), "name");
    Json& volumes = pod["spec"]["volumes"];
    if (!volumes.is_array()) volumes = Json::array();
    std::erase_if(volumes.get_ref<Json::array_t&>(),
                  [&](const Json& v) { return string_at(v, "name") == volume; });
    volumes.push_back(
        {{"name", volume}, {"persistentVolumeClaim", {{"claimName", claim_name(claim, name)}}}});
  }
  return pod;
}

void make_claims(const World& world, const Object& set, const std::string& pod, std::vector<Write>& writes) {
  for (const Json& from : array_at(object_at(set.body(), "spec"), "volumeClaimTemplates")) {
    const std::string name = claim_name(from, pod);
    if (world.objects->find(kClaims, set.ns(), name) != nullptr) continue;
    Json claim = from;
    claim["kind"] = "PersistentVolumeClaim";
    claim["apiVersion"] = "v1";
    claim["metadata"]["name"] = name;
    claim["metadata"]["namespace"] = set.ns();
    const Json& labels = object_at(object_at(object_at(set.body(), "spec"), "selector"), "matchLabels");
    for (const auto& [key, value] : labels.items()) claim["metadata"]["labels"][key] = value;
    claim.erase("status");
    writes.push_back(create(kClaims, std::move(claim)));
  }
}

// The template that a revision kept; the set's own when it is gone.
Json template_of(const World& world, const Object& set, const std::string& revision) {
  Json kept = object_at(object_at(set.body(), "spec"), "template");
  if (const auto object = world.objects->find("controllerrevisions.apps", set.ns(), revision))
    kept = object_at(object_at(object_at(object->body(), "data"), "spec"), "template");
  kept.erase("$patch");
  return kept;
}

using Pods = std::map<std::int64_t, ObjectPtr>;

bool is_up(const ObjectPtr& pod) { return !pod->meta().deletion && pod->view<api::Pod>().ready; }

// One step towards the wanted pods; nothing more happens in order until this one is ready.
void step(const World& world, const Object& set, const Pods& pods, const std::string& current,
          const std::string& update, std::vector<Write>& writes) {
  const Wanted wanted = wanted_of(set);
  for (std::int64_t i = wanted.first; i < wanted.first + wanted.count; ++i) {
    const auto it = pods.find(i);
    if (it == pods.end()) {
      const bool old = wanted.rolling && i < wanted.first + wanted.partition && !current.empty();
      const std::string& revision = old ? current : update;
      const std::string name = set.name() + "-" + std::to_string(i);
      make_claims(world, set, name, writes);
      writes.push_back(create("pods", pod_with(set, i, revision, template_of(world, set, revision))));
      if (!wanted.parallel) return;
      continue;
    }
    if (it->second->view<api::Pod>().finished() && !it->second->meta().deletion) {
      writes.push_back(remove(*it->second));
      if (!wanted.parallel) return;
    }
    if (!is_up(it->second) && !wanted.parallel) return;
  }
  for (auto it = pods.rbegin(); it != pods.rend(); ++it) {  // Too many: the highest number goes first.
    if (wanted.has(it->first)) continue;
    if (!it->second->meta().deletion) writes.push_back(remove(*it->second));
    if (!wanted.parallel) return;
  }
  if (!wanted.rolling) return;
  for (auto it = pods.rbegin(); it != pods.rend(); ++it) {
    if (it->first < wanted.first + wanted.partition || !wanted.has(it->first)) continue;
    if (revision_of(*it->second) != update) {
      if (!it->second->meta().deletion) writes.push_back(remove(*it->second));
      return;
    }
    if (!is_up(it->second)) return;
  }
}

Json status_of(const Object& set, const Pods& pods, const std::string& current, const std::string& update) {
  const Wanted wanted = wanted_of(set);
  std::int64_t ready = 0, at_current = 0, at_update = 0, there = 0;
  for (const auto& [ordinal, pod] : pods) {
    ++there;
    ready += is_up(pod) ? 1 : 0;
    if (pod->meta().deletion) continue;
    at_current += revision_of(*pod) == current ? 1 : 0;
    at_update += revision_of(*pod) == update ? 1 : 0;
  }
  const bool done = at_update == wanted.count && there == wanted.count && ready == wanted.count;
  Json status = {{"observedGeneration", set.meta().generation},
                 {"replicas", there},
                 {"availableReplicas", ready},
                 {"collisionCount", int_at(object_at(set.body(), "status"), "collisionCount")},
                 {"currentRevision", done ? update : current},
                 {"updateRevision", update}};
  if (ready > 0) status["readyReplicas"] = ready;
  if (const auto count = done ? at_update : at_current; count > 0) status["currentReplicas"] = count;
  if (at_update > 0) status["updatedReplicas"] = at_update;
  return status;
}

}  // namespace

void StatefulSetController::sync(const World& world, const Object& set, std::vector<Write>& writes) const {
  Pods pods;
  std::set<std::string> hashes;
  for (const ObjectPtr& pod : owned().owned(*world.objects, set.uid())) {
    if (const auto ordinal = ordinal_of(set, *pod)) pods.emplace(*ordinal, pod);
    const std::string revision = revision_of(*pod);
    hashes.insert(revision.substr(revision.rfind('-') + 1));
  }
  std::string current = string_at(object_at(set.body(), "status"), "currentRevision");
  hashes.insert(current.substr(current.rfind('-') + 1));
  const Revision update = newest_revision(*world.objects, set, hashes, writes);
  if (current.empty()) current = update.name;
  step(world, set, pods, current, update.name, writes);
  Json status = status_of(set, pods, current, update.name);
  if (status != object_at(set.body(), "status")) writes.push_back(put_status(set, std::move(status)));
}

}  // namespace minik::controllers
