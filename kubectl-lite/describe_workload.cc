// Deployments and ReplicaSets.
#include <algorithm>

#include "api/selector.h"
#include "base/text.h"
#include "kubectl-lite/describe.h"
#include "kubectl-lite/describe_text.h"

namespace minik::kubectl {
namespace {

constexpr const char* kHashLabel = "pod-template-hash";

bool owned_by(const Json& object, const Json& owner) {
  for (const Json& ref : array_at(object_at(object, "metadata"), "ownerReferences")) {
    if (bool_at(ref, "controller") && string_at(ref, "uid") == string_at(object_at(owner, "metadata"), "uid"))
      return true;
  }
  return false;
}

// A ReplicaSet is the deployment's new one when its template is the deployment's, but for the hash label.
bool same_template(const Json& replica_set, const Json& deployment) {
  Json mine = object_at(object_at(replica_set, "spec"), "template");
  if (mine.contains("metadata") && mine["metadata"].contains("labels"))
    mine["metadata"]["labels"].erase(kHashLabel);
  return mine == object_at(object_at(deployment, "spec"), "template");
}

std::string replica_sets_text(const std::vector<Json>& sets) {
  std::vector<std::string> parts;
  for (const Json& set : sets) {
    parts.push_back(fmt::format("{} ({}/{} replicas created)", string_at(object_at(set, "metadata"), "name"),
                                int_at(object_at(set, "status"), "replicas"),
                                int_at(object_at(set, "spec"), "replicas", 1)));
  }
  return or_none(join(parts, ", "));
}

std::string selector_text(const Json& spec) {
  const auto selector = api::LabelSelector::from_json(object_at(spec, "selector"));
  return selector.ok() ? or_none(selector->text()) : "<none>";
}

void conditions(DescribeText& text, const Json& status) {
  const Json& list = array_at(status, "conditions");
  if (list.empty()) return;
  text.line(0, "Conditions:");
  text.line(1, "Type\tStatus\tReason");
  text.line(1, "----\t------\t------");
  for (const Json& c : list)
    text.line(1, "{} \t{}\t{}", string_at(c, "type"), string_at(c, "status"), string_at(c, "reason"));
}

void old_and_new(DescribeText& text, const Json& deployment, const Json& replica_sets) {
  std::vector<Json> mine;
  for (const Json& set : replica_sets) {
    if (owned_by(set, deployment)) mine.push_back(set);
  }
  std::stable_sort(mine.begin(), mine.end(), [](const Json& a, const Json& b) {
    return string_at(object_at(a, "metadata"), "creationTimestamp") <
           string_at(object_at(b, "metadata"), "creationTimestamp");
  });
  std::vector<Json> newest, old;
  for (Json& set : mine) {
    if (newest.empty() && same_template(set, deployment))
      newest.push_back(std::move(set));
    else
      old.push_back(std::move(set));
  }
  if (newest.empty() && old.empty()) return;
  text.line(0, "OldReplicaSets:\t{}", replica_sets_text(old));
  text.line(0, "NewReplicaSet:\t{}", replica_sets_text(newest));
}

}  // namespace

std::string describe_deployment(const Json& deployment, const Json& replica_sets, const Json* events,
                                WallTime now) {
  DescribeText text(now);
  const Json &meta = object_at(deployment, "metadata"), &spec = object_at(deployment, "spec"),
             &status = object_at(deployment, "status");
  text.line(0, "Name:\t{}", string_at(meta, "name"));
  text.line(0, "Namespace:\t{}", string_at(meta, "namespace"));
  text.line(0, "CreationTimestamp:\t{}", long_time(string_at(meta, "creationTimestamp")));
  text.labels("Labels", object_at(meta, "labels"));
  text.annotations("Annotations", object_at(meta, "annotations"));
  text.line(0, "Selector:\t{}", selector_text(spec));
  text.line(0, "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable",
            int_at(spec, "replicas", 1), int_at(status, "updatedReplicas"), int_at(status, "replicas"),
            int_at(status, "availableReplicas"), int_at(status, "unavailableReplicas"));
  const Json& strategy = object_at(spec, "strategy");
  text.line(0, "StrategyType:\t{}", string_at(strategy, "type"));
  text.line(0, "MinReadySeconds:\t{}", int_at(spec, "minReadySeconds"));
  if (const Json* rolling = find(strategy, "rollingUpdate")) {
    text.line(0, "RollingUpdateStrategy:\t{} max unavailable, {} max surge",
              number_or_text(*rolling, "maxUnavailable"), number_or_text(*rolling, "maxSurge"));
  }
  describe_pod_template(text, object_at(spec, "template"));
  conditions(text, status);
  old_and_new(text, deployment, replica_sets);
  if (events != nullptr) text.events(*events);
  return text.take();
}

std::string describe_replica_set(const Json& replica_set, const Json& pods, const Json* events,
                                 WallTime now) {
  DescribeText text(now);
  const Json &meta = object_at(replica_set, "metadata"), &spec = object_at(replica_set, "spec"),
             &status = object_at(replica_set, "status");
  text.line(0, "Name:\t{}", string_at(meta, "name"));
  text.line(0, "Namespace:\t{}", string_at(meta, "namespace"));
  text.line(0, "Selector:\t{}", selector_text(spec));
  text.labels("Labels", object_at(meta, "labels"));
  text.annotations("Annotations", object_at(meta, "annotations"));
  if (const std::string owner = controller_of(replica_set); !owner.empty())
    text.line(0, "Controlled By:\t{}", owner);
  text.line(0, "Replicas:\t{} current / {} desired", int_at(status, "replicas"), int_at(spec, "replicas", 1));
  std::map<std::string, int> phases;
  for (const Json& pod : pods) {
    if (owned_by(pod, replica_set)) ++phases[string_at(object_at(pod, "status"), "phase")];
  }
  text.line(0, "Pods Status:\t{} Running / {} Waiting / {} Succeeded / {} Failed", phases["Running"],
            phases["Pending"], phases["Succeeded"], phases["Failed"]);
  describe_pod_template(text, object_at(spec, "template"));
  conditions(text, status);
  if (events != nullptr) text.events(*events);
  return text.take();
}

}  // namespace minik::kubectl
