#include "controllers/disruption.h"

#include <algorithm>

#include "api/pod.h"
#include "api/selector.h"
#include "controllers/deployments.h"

namespace minik::controllers {

using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kBudgets = "poddisruptionbudgets.policy";

// Pods that the owners of these pods want; those without a scalable owner count as themselves.
std::int64_t expected_of(const api::Snapshot& objects, const std::vector<ObjectPtr>& pods) {
  std::set<std::string> owners;
  std::int64_t expected = 0;
  for (const ObjectPtr& pod : pods) {
    const api::OwnerRef* owner = controller_of(*pod);
    if (owner == nullptr || !owners.insert(owner->uid).second) {
      expected += owner == nullptr ? 1 : 0;
      continue;
    }
    ObjectPtr found;
    for (const char* resource : {"replicasets.apps", "statefulsets.apps", "replicationcontrollers"}) {
      const auto object = objects.find(resource, pod->ns(), owner->name);
      if (object != nullptr && object->uid() == owner->uid) found = object;
    }
    if (found != nullptr)
      expected += int_at(object_at(found->body(), "spec"), "replicas", 1);
    else
      expected += std::count_if(pods.begin(), pods.end(), [&](const ObjectPtr& other) {
        const api::OwnerRef* same = controller_of(*other);
        return same != nullptr && same->uid == owner->uid;
      });
  }
  return expected;
}

Json status_of(const World& world, const api::Object& budget) {
  const Json& spec = object_at(budget.body(), "spec");
  const auto selector = api::LabelSelector::from_json(object_at(spec, "selector"));
  std::vector<ObjectPtr> pods;
  std::int64_t healthy = 0;
  world.objects->for_each("pods", budget.ns(), [&](const ObjectPtr& pod) {
    if (!spec.contains("selector") || !selector.ok() || !selector->matches(pod->meta().labels)) return;
    if (pod->view<api::Pod>().finished()) return;
    pods.push_back(pod);
    healthy += pod->view<api::Pod>().ready && !pod->meta().deletion ? 1 : 0;
  });
  std::int64_t expected = static_cast<std::int64_t>(pods.size()), desired = 0;
  if (const Json* most = find(spec, "maxUnavailable")) {
    expected = expected_of(*world.objects, pods);
    desired = std::max<std::int64_t>(0, expected - resolve_share(*most, expected, true));
  } else if (const Json* least = find(spec, "minAvailable")) {
    if (least->is_string()) expected = expected_of(*world.objects, pods);
    desired = resolve_share(*least, expected, true);
  }
  Json status = object_at(budget.body(), "status");
  status["observedGeneration"] = budget.meta().generation;
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = desired;
  status["expectedPods"] = expected;
  const std::int64_t allowed = expected == 0 ? 0 : std::max<std::int64_t>(0, healthy - desired);
  status["disruptionsAllowed"] = allowed;
  set_condition(status["conditions"], "DisruptionAllowed", allowed > 0,
                allowed > 0 ? "SufficientPods" : "InsufficientPods", "", world.now);
  for (Json& c : status["conditions"]) {
    c["observedGeneration"] = budget.meta().generation;
    c["message"] = "";
  }
  return status;
}

}  // namespace

std::vector<Write> DisruptionController::reconcile(const World& world) {
  std::vector<Write> writes;
  const bool quiet = api::Snapshot::same(seen_.get(), *world.objects, kBudgets) &&
                     api::Snapshot::same(seen_.get(), *world.objects, "pods");
  seen_ = world.objects;
  if (quiet) return writes;
  world.objects->for_each(kBudgets, "", [&](const ObjectPtr& budget) {
    if (budget->meta().deletion) return;
    Json status = status_of(world, *budget);
    if (status != object_at(budget->body(), "status"))
      writes.push_back(put_status(*budget, std::move(status)));
  });
  return writes;
}

}  // namespace minik::controllers
