#include "controllers/replica_sets.h"

#include <algorithm>

#include "api/pod.h"
#include "base/files.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr std::size_t kNamePrefixMax = 57;  // 63 less "-" and five random characters.

// The pod that is given up first stands first: unassigned, not running, not ready, youngest.
bool given_up_before(const ObjectPtr& a, const ObjectPtr& b) {
  const auto& x = a->view<api::Pod>();
  const auto& y = b->view<api::Pod>();
  const auto rank = [](const api::Pod& pod) {
    return std::tuple(!pod.node_name.empty(), pod.phase == "Running", pod.ready);
  };
  if (rank(x) != rank(y)) return rank(x) < rank(y);
  return a->meta().created > b->meta().created;
}

Json pod_from(const Object& set) {
  const Json& template_json = object_at(object_at(set.body(), "spec"), "template");
  Json pod = {{"kind", "Pod"}, {"apiVersion", "v1"}, {"spec", object_at(template_json, "spec")}};
  pod["metadata"] = object_at(template_json, "metadata");
  const std::string prefix = set.name().substr(0, kNamePrefixMax) + "-";
  pod["metadata"]["generateName"] = prefix;
  pod["metadata"]["name"] = prefix + random_suffix(5);
  pod["metadata"]["namespace"] = set.ns();
  pod["metadata"]["ownerReferences"] = Json::array({owner_reference(set)});
  pod["metadata"].erase("creationTimestamp");
  return pod;
}

Json status_of(const Object& set, const std::vector<ObjectPtr>& active) {
  Json status = {{"replicas", active.size()}, {"observedGeneration", set.meta().generation}};
  std::int64_t ready = 0, labelled = 0;
  const Json& labels =
      object_at(object_at(object_at(object_at(set.body(), "spec"), "template"), "metadata"), "labels");
  for (const ObjectPtr& pod : active) {
    if (pod->view<api::Pod>().ready) ++ready;
    bool all = true;
    for (const auto& [key, value] : labels.items()) {
      const auto it = pod->meta().labels.find(key);
      all = all && it != pod->meta().labels.end() && value == Json(it->second);
    }
    if (all) ++labelled;
  }
  if (labelled > 0) status["fullyLabeledReplicas"] = labelled;
  if (ready > 0) status["readyReplicas"] = status["availableReplicas"] = ready;
  return status;
}

}  // namespace

void ReplicaSetController::sync(const World& world, const Object& set, std::vector<Write>& writes) const {
  if (auto adopted = owned().adopt(*world.objects, set); !adopted.empty()) {  // Counted in the next round.
    std::move(adopted.begin(), adopted.end(), std::back_inserter(writes));
    return;
  }
  std::vector<ObjectPtr> active = owned().owned(*world.objects, set.uid());
  std::erase_if(
      active, [](const ObjectPtr& pod) { return pod->meta().deletion || pod->view<api::Pod>().finished(); });
  const auto wanted = static_cast<std::size_t>(
      std::max<std::int64_t>(0, int_at(object_at(set.body(), "spec"), "replicas", 1)));
  for (std::size_t i = active.size(); i < wanted; ++i) writes.push_back(create("pods", pod_from(set)));
  if (active.size() > wanted) {
    std::sort(active.begin(), active.end(), given_up_before);
    for (std::size_t i = 0; i < active.size() - wanted; ++i) writes.push_back(remove(*active[i]));
  }
  Json status = status_of(set, active);
  if (status != object_at(set.body(), "status")) writes.push_back(put_status(set, std::move(status)));
}

}  // namespace minik::controllers
