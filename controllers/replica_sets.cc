#include "controllers/replica_sets.h"

#include <algorithm>

#include "api/pod.h"
#include "controllers/pod_template.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

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
  for (std::size_t i = active.size(); i < wanted; ++i)
    writes.push_back(
        create("pods", pod_from_template(set, object_at(object_at(set.body(), "spec"), "template"))));
  if (active.size() > wanted) {
    std::sort(active.begin(), active.end(), given_up_before);
    for (std::size_t i = 0; i < active.size() - wanted; ++i) writes.push_back(remove(*active[i]));
  }
  Json status = status_of(set, active);
  if (status != object_at(set.body(), "status")) writes.push_back(put_status(set, std::move(status)));
}

}  // namespace minik::controllers
