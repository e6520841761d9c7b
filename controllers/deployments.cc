#include "controllers/deployments.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "controllers/deployment_status.h"
#include "controllers/pods_of.h"
#include "controllers/revisions.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

constexpr const char* kSets = "replicasets.apps";
constexpr const char* kHashLabel = "pod-template-hash";
constexpr const char* kRevision = "deployment.kubernetes.io/revision";

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
  const std::string hash = template_hash(spec["template"], int_at(status_of(deployment), "collisionCount"));
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

// The Event that follows the last write.
void tell_scaled(const ObjectPtr& deployment, const std::string& set, std::int64_t from, std::int64_t to,
                 Steps& steps) {
  if (from == to) return;
  steps.reports.push_back(
      {deployment, "deployment-controller", false, "ScalingReplicaSet",
       fmt::format("Scaled {} replica set {} from {} to {}", from < to ? "up" : "down", set, from, to),
       steps.writes.back().key, "", ""});
}

void resize(const ObjectPtr& deployment, const Object& set, std::int64_t replicas, Steps& steps) {
  const std::int64_t before = int_at(spec_of(set), "replicas", 1);
  if (before == replicas) return;
  Json body = set.body();
  body["spec"]["replicas"] = replicas;
  steps.writes.push_back(put(set, std::move(body)));
  tell_scaled(deployment, set.name(), before, replicas, steps);
}

void drop_history(const Object& deployment, const std::vector<ObjectPtr>& old, Steps& steps) {
  const std::int64_t limit = int_at(spec_of(deployment), "revisionHistoryLimit", 10);
  std::vector<ObjectPtr> empty;
  for (const ObjectPtr& set : old) {
    const SetSize size = size_of(*set);
    if (size.wanted == 0 && size.there == 0) empty.push_back(set);
  }
  for (std::size_t i = 0; i + static_cast<std::size_t>(limit) < empty.size(); ++i)
    steps.writes.push_back(remove(*empty[i]));
}

// Makes the ReplicaSet of a new template, or counts the collision if somebody else has its name; its name.
std::string make_set(const World& world, const ObjectPtr& deployment, std::int64_t replicas,
                     std::int64_t revision, Steps& steps) {
  Json set = new_set(*deployment, replicas, revision);
  const std::string name = string_at(set["metadata"], "name");
  if (world.objects->find(kSets, deployment->ns(), name) != nullptr) {
    Json status = status_of(*deployment);
    status["collisionCount"] = int_at(status, "collisionCount") + 1;
    steps.writes.push_back(put_status(*deployment, std::move(status)));
    return "";
  }
  steps.writes.push_back(create(kSets, std::move(set)));
  tell_scaled(deployment, name, 0, replicas, steps);
  return name;
}

// A rollback: the old template is the newest again.
void renew(const ObjectPtr& deployment, const Object& set, std::int64_t replicas, std::int64_t revision,
           Steps& steps) {
  Json body = set.body();
  body["metadata"]["annotations"][kRevision] = std::to_string(revision);
  body["spec"]["replicas"] = replicas;
  steps.writes.push_back(put(set, std::move(body)));
  tell_scaled(deployment, set.name(), int_at(spec_of(set), "replicas", 1), replicas, steps);
}

}  // namespace

void DeploymentController::sync(const World& world, const ObjectPtr& deployment, std::vector<ObjectPtr> all,
                                Steps& steps) const {
  std::erase_if(all, [](const ObjectPtr& set) { return set->meta().deletion.has_value(); });
  std::sort(all.begin(), all.end(),
            [](const ObjectPtr& a, const ObjectPtr& b) { return revision_of(*a) < revision_of(*b); });
  const Json wanted = without_hash(template_of(*deployment));
  const auto match = std::find_if(all.begin(), all.end(), [&](const ObjectPtr& set) {
    return without_hash(template_of(*set)) == wanted;
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
  const bool paused = bool_at(spec_of(*deployment), "paused");
  const RolloutStep step =
      next_step(limits_of(*deployment), fresh == nullptr ? SetSize{} : size_of(*fresh), old_sizes);
  std::string made;
  if (fresh == nullptr && !paused) {
    made = make_set(world, deployment, step.fresh, revision, steps);
    if (made.empty()) return;
  } else if (fresh != nullptr) {
    if (revision_of(*fresh) != revision && !paused)
      renew(deployment, *fresh, step.fresh, revision, steps);
    else
      resize(deployment, *fresh, step.fresh, steps);
  }
  for (std::size_t i = 0; i < old.size() && !paused; ++i) resize(deployment, *old[i], step.old[i], steps);
  drop_history(*deployment, old, steps);
  Json status = deployment_status(*deployment, all, fresh.get(), made, world.now, steps);
  const std::string number = std::to_string(revision);
  Json body = deployment->body();
  if (annotation_of(*deployment, kRevision) != number && !paused) {
    body["metadata"]["annotations"][kRevision] = number;
    body["status"] = std::move(status);
    steps.writes.push_back(put_all(*deployment, std::move(body)));
  } else if (status != status_of(*deployment)) {
    steps.writes.push_back(put_status(*deployment, std::move(status)));
  }
}

}  // namespace minik::controllers
