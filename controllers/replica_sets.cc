#include "controllers/replica_sets.h"

#include <algorithm>

#include "controllers/pods_of.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

// The pod that is given up first stands first: unassigned, not running, not ready, cheap, youngest.
bool given_up_before(const ObjectPtr& a, const ObjectPtr& b) {
  const auto rank = [](const ObjectPtr& pod) {
    const auto& view = pod->view<api::Pod>();
    return std::tuple(!view.node_name.empty(), view.phase == "Running", view.ready);
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return a->meta().created > b->meta().created;
}

bool has_labels(const Object& pod, const Json& labels) {
  for (const auto& [key, value] : labels.items()) {
    if (!value.is_string() || !pod.meta().labels.contains(key) || label_of(pod, key) != value) return false;
  }
  return true;
}

Json next_status(const Object& set, const std::vector<ObjectPtr>& active, WallTime now, Steps& steps) {
  Json status = {{"replicas", active.size()}, {"observedGeneration", set.meta().generation}};
  std::int64_t ready = 0, available = 0, labelled = 0;
  const Json& labels = object_at(object_at(template_of(set), "metadata"), "labels");
  const std::int64_t seconds = int_at(spec_of(set), "minReadySeconds");
  for (const ObjectPtr& pod : active) {
    ready += is_ready(pod) ? 1 : 0;
    available += is_available(pod, seconds, now, steps) ? 1 : 0;
    labelled += has_labels(*pod, labels) ? 1 : 0;
  }
  if (labelled > 0) status["fullyLabeledReplicas"] = labelled;
  if (ready > 0) status["readyReplicas"] = ready;
  if (available > 0) status["availableReplicas"] = available;
  return status;
}

}  // namespace

std::unique_ptr<ReplicaSetController> ReplicaSetController::of_replication_controllers() {
  return std::unique_ptr<ReplicaSetController>(
      new ReplicaSetController(OwnerIndex{"pods", "replicationcontrollers", "ReplicationController"}));
}

void ReplicaSetController::sync(const World& world, const ObjectPtr& set, std::vector<ObjectPtr> active,
                                Steps& steps) const {
  std::erase_if(active, [](const ObjectPtr& pod) { return !is_active(pod); });
  Json status = next_status(*set, active, world.now, steps);
  const auto wanted =
      static_cast<std::size_t>(std::max<std::int64_t>(0, int_at(spec_of(*set), "replicas", 1)));
  PodWriter pods(set, component_, steps, world.now);
  for (std::size_t i = active.size(); i < wanted; ++i)
    pods.make(random_pod_from(*set, template_of(*set), set->name()));
  if (active.size() > wanted) {
    std::sort(active.begin(), active.end(), given_up_before);
    for (std::size_t i = 0; i < active.size() - wanted; ++i) pods.drop(*active[i]);
  }
  if (status != status_of(*set)) steps.writes.push_back(put_status(*set, std::move(status)));
}

}  // namespace minik::controllers
