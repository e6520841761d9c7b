#include "controllers/deployments.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "controllers/pod_template.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kSets = "replicasets.apps";
constexpr const char* kHashLabel = "pod-template-hash";
constexpr const char* kRevision = "deployment.kubernetes.io/revision";

const Json& spec_of(const Object& object) { return object_at(object.body(), "spec"); }
const Json& status_of(const Object& object) { return object_at(object.body(), "status"); }

Json without_hash(Json pod_template) {
  if (find(pod_template, "metadata", "labels") != nullptr)
    pod_template["metadata"]["labels"].erase(kHashLabel);
  return pod_template;
}

std::int64_t revision_of(const Object& object) {
  const auto it = object.meta().annotations.find(kRevision);
  return it == object.meta().annotations.end() ? 0 : parse_int(it->second).value_or(0);
}

SetSize size_of(const Object& set) {
  return {int_at(spec_of(set), "replicas", 1), int_at(status_of(set), "replicas"),
          int_at(status_of(set), "availableReplicas")};
}

RolloutLimits limits_of(const Object& deployment) {
  const Json& spec = spec_of(deployment);
  const Json& strategy = object_at(spec, "strategy");
  RolloutLimits limits;
  limits.replicas = int_at(spec, "replicas", 1);
  limits.recreate = string_at(strategy, "type") == "Recreate";
  const Json& rolling = object_at(strategy, "rollingUpdate");
  limits.surge = resolve_share(rolling.value("maxSurge", Json("25%")), limits.replicas, true);
  limits.unavailable = resolve_share(rolling.value("maxUnavailable", Json("25%")), limits.replicas, false);
  if (limits.surge == 0 && limits.unavailable == 0) limits.unavailable = 1;
  return limits;
}

Json new_set(const Object& deployment, std::int64_t replicas, std::int64_t revision) {
  const Json& spec = spec_of(deployment);
  const std::string hash = short_hash(spec["template"], int_at(status_of(deployment), "collisionCount"));
  Json set = {{"kind", "ReplicaSet"}, {"apiVersion", "apps/v1"}};
  Json pod_template = spec["template"];
  pod_template["metadata"]["labels"][kHashLabel] = hash;
  Json selector = object_at(spec, "selector");
  selector["matchLabels"][kHashLabel] = hash;
  set["spec"] = {{"replicas", replicas}, {"selector", selector}, {"template", pod_template}};
  if (spec.contains("minReadySeconds")) set["spec"]["minReadySeconds"] = spec["minReadySeconds"];
  Json annotations = object_at(object_at(deployment.body(), "metadata"), "annotations");
  annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
  annotations[kRevision] = std::to_string(revision);
  annotations["deployment.kubernetes.io/desired-replicas"] = std::to_string(int_at(spec, "replicas", 1));
  annotations["deployment.kubernetes.io/max-replicas"] =
      std::to_string(int_at(spec, "replicas", 1) + limits_of(deployment).surge);
  set["metadata"] = {{"name", deployment.name() + "-" + hash},
                     {"namespace", deployment.ns()},
                     {"labels", pod_template["metadata"]["labels"]},
                     {"annotations", annotations},
                     {"ownerReferences", Json::array({owner_reference(deployment)})}};
  return set;
}

void resize(const Object& set, std::int64_t replicas, std::vector<Write>& writes) {
  if (int_at(spec_of(set), "replicas", 1) == replicas) return;
  Json body = set.body();
  body["spec"]["replicas"] = replicas;
  writes.push_back(put(set, std::move(body)));
}

Json next_status(const Object& deployment, const std::vector<ObjectPtr>& all, const Object* fresh,
                 WallTime now) {
  std::int64_t total = 0, ready = 0, available = 0;
  for (const ObjectPtr& set : all) {
    total += int_at(status_of(*set), "replicas");
    ready += int_at(status_of(*set), "readyReplicas");
    available += int_at(status_of(*set), "availableReplicas");
  }
  const std::int64_t wanted = int_at(spec_of(deployment), "replicas", 1);
  const std::int64_t updated = fresh == nullptr ? 0 : int_at(status_of(*fresh), "replicas");
  Json status = {{"observedGeneration", deployment.meta().generation}};
  if (status_of(deployment).contains("collisionCount"))
    status["collisionCount"] = status_of(deployment)["collisionCount"];
  const auto number = [&](const char* member, std::int64_t value) {
    if (value > 0) status[member] = value;
  };
  number("replicas", total);
  number("updatedReplicas", updated);
  number("readyReplicas", ready);
  number("availableReplicas", available);
  number("unavailableReplicas", std::max<std::int64_t>(0, std::max(total, wanted) - available));
  Json conditions = array_at(status_of(deployment), "conditions");
  const RolloutLimits limits = limits_of(deployment);
  const bool enough = available >= wanted - limits.unavailable;
  set_condition(
      conditions, "Available", enough, enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
      now);
  const bool complete = fresh != nullptr && updated == wanted && total == wanted && available == wanted;
  const std::string name = fresh == nullptr ? deployment.name() : fresh->name();
  set_condition(conditions, "Progressing", true, complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
                complete ? fmt::format("ReplicaSet \"{}\" has successfully progressed.", name)
                         : fmt::format("ReplicaSet \"{}\" is progressing.", name),
                now);
  for (Json& condition : conditions) {
    if (!condition.contains("lastUpdateTime")) condition["lastUpdateTime"] = rfc3339(now);
  }
  status["conditions"] = std::move(conditions);
  return status;
}

void drop_history(const Object& deployment, const std::vector<ObjectPtr>& old, std::vector<Write>& writes) {
  const std::int64_t limit = int_at(spec_of(deployment), "revisionHistoryLimit", 10);
  std::vector<ObjectPtr> empty;
  for (const ObjectPtr& set : old) {
    const SetSize size = size_of(*set);
    if (size.wanted == 0 && size.there == 0) empty.push_back(set);
  }
  for (std::size_t i = 0; i + static_cast<std::size_t>(limit) < empty.size(); ++i)
    writes.push_back(remove(*empty[i]));
}

}  // namespace

void DeploymentController::sync(const World& world, const Object& deployment,
                                std::vector<Write>& writes) const {
  if (auto adopted = owned().adopt(*world.objects, deployment);
      !adopted.empty()) {  // Counted in the next round.
    std::move(adopted.begin(), adopted.end(), std::back_inserter(writes));
    return;
  }
  std::vector<ObjectPtr> all = owned().owned(*world.objects, deployment.uid());
  std::erase_if(all, [](const ObjectPtr& set) { return set->meta().deletion.has_value(); });
  std::sort(all.begin(), all.end(),
            [](const ObjectPtr& a, const ObjectPtr& b) { return revision_of(*a) < revision_of(*b); });
  const Json wanted = without_hash(spec_of(deployment)["template"]);
  const auto match = std::find_if(all.begin(), all.end(), [&](const ObjectPtr& set) {
    return without_hash(spec_of(*set)["template"]) == wanted;
  });
  const ObjectPtr fresh = match == all.end() ? nullptr : *match;
  std::vector<ObjectPtr> old;
  std::vector<SetSize> old_sizes;
  for (const ObjectPtr& set : all) {
    if (set == fresh) continue;
    old.push_back(set);
    old_sizes.push_back(size_of(*set));
  }
  const std::int64_t newest = all.empty() ? 0 : revision_of(*all.back());
  const std::int64_t revision = fresh != nullptr && revision_of(*fresh) == newest ? newest : newest + 1;
  const bool paused = bool_at(spec_of(deployment), "paused");
  const RolloutStep step =
      next_step(limits_of(deployment), fresh == nullptr ? SetSize{} : size_of(*fresh), old_sizes);
  if (fresh == nullptr && !paused) {
    Json set = new_set(deployment, step.fresh, revision);
    if (world.objects->find(kSets, deployment.ns(), string_at(set["metadata"], "name")) != nullptr) {
      Json status = status_of(deployment);
      status["collisionCount"] = int_at(status, "collisionCount") + 1;
      writes.push_back(put_status(deployment, std::move(status)));
      return;
    }
    writes.push_back(create(kSets, std::move(set)));
  } else if (fresh != nullptr) {
    if (revision_of(*fresh) != revision && !paused) {  // A rollback: the old template is the newest again.
      Json body = fresh->body();
      body["metadata"]["annotations"][kRevision] = std::to_string(revision);
      body["spec"]["replicas"] = step.fresh;
      writes.push_back(put(*fresh, std::move(body)));
    } else {
      resize(*fresh, step.fresh, writes);
    }
  }
  for (std::size_t i = 0; i < old.size() && !paused; ++i) resize(*old[i], step.old[i], writes);
  drop_history(deployment, old, writes);
  const auto annotation = deployment.meta().annotations.find(kRevision);
  if (annotation == deployment.meta().annotations.end() || annotation->second != std::to_string(revision)) {
    Json body = deployment.body();
    body["metadata"]["annotations"][kRevision] = std::to_string(revision);
    writes.push_back(put(deployment, std::move(body)));
    return;  // The status follows with the next look.
  }
  Json status = next_status(deployment, all, fresh.get(), world.now);
  if (status != status_of(deployment)) writes.push_back(put_status(deployment, std::move(status)));
}

}  // namespace minik::controllers
