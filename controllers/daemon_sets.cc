#include "controllers/daemon_sets.h"

#include <algorithm>
#include <map>

#include "api/pod.h"
#include "controllers/deployments.h"
#include "controllers/pod_template.h"
#include "controllers/revisions.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kHashLabel = "controller-revision-hash";

// Every pod of a DaemonSet bears what would keep others from a node.
const Json& node_tolerations() {
  static const Json kAll = [] {
    Json all = Json::array();
    for (const char* key : {"not-ready", "unreachable"})
      all.push_back({{"key", std::string("node.kubernetes.io/") + key},
                     {"operator", "Exists"},
                     {"effect", "NoExecute"}});
    for (const char* key : {"disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"})
      all.push_back({{"key", std::string("node.kubernetes.io/") + key},
                     {"operator", "Exists"},
                     {"effect", "NoSchedule"}});
    return all;
  }();
  return kAll;
}

bool bears(const Json& tolerations, const Json& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(), [&](const Json& t) {
    const std::string effect = string_at(t, "effect"), key = string_at(t, "key");
    if (!effect.empty() && effect != string_at(taint, "effect")) return false;
    if (string_at(t, "operator") == "Exists") return key.empty() || key == string_at(taint, "key");
    return key == string_at(taint, "key") && string_at(t, "value") == string_at(taint, "value");
  });
}

bool fits(const Object& node, const Json& pod) {
  for (const auto& [key, value] : object_at(pod, "nodeSelector").items()) {
    const auto it = node.meta().labels.find(key);
    if (it == node.meta().labels.end() || value != Json(it->second)) return false;
  }
  Json tolerations = array_at(pod, "tolerations");
  for (const Json& t : node_tolerations()) tolerations.push_back(t);
  for (const Json& taint : array_at(object_at(node.body(), "spec"), "taints")) {
    if (string_at(taint, "effect") != "PreferNoSchedule" && !bears(tolerations, taint)) return false;
  }
  return true;
}

Json pod_on(const Object& set, const std::string& node, const std::string& hash) {
  Json pod = pod_from_template(set, object_at(object_at(set.body(), "spec"), "template"));
  pod["metadata"]["labels"][kHashLabel] = hash;
  pod["spec"]["nodeName"] = node;
  for (const Json& t : node_tolerations()) pod["spec"]["tolerations"].push_back(t);
  return pod;
}

struct OnNode {
  std::vector<ObjectPtr> pods;  // Living ones; the newest revision first.
  bool wanted = false;
};

struct Counts {
  std::int64_t desired = 0, current = 0, misscheduled = 0, ready = 0, updated = 0;
};

bool is_of(const ObjectPtr& pod, const std::string& hash) {
  const auto it = pod->meta().labels.find(kHashLabel);
  return it != pod->meta().labels.end() && it->second == hash;
}

Json status_of(const Object& set, const Counts& counts) {
  Json status = {{"observedGeneration", set.meta().generation},
                 {"currentNumberScheduled", counts.current},
                 {"numberMisscheduled", counts.misscheduled},
                 {"desiredNumberScheduled", counts.desired},
                 {"numberReady", counts.ready}};
  if (counts.updated > 0) status["updatedNumberScheduled"] = counts.updated;
  if (counts.ready > 0) status["numberAvailable"] = counts.ready;
  if (counts.desired > counts.ready) status["numberUnavailable"] = counts.desired - counts.ready;
  return status;
}

}  // namespace

void DaemonSetController::sync(const World& world, const Object& set, std::vector<Write>& writes) const {
  const Json& spec = object_at(set.body(), "spec");
  std::map<std::string, OnNode> nodes;
  world.objects->for_each("nodes", "", [&](const ObjectPtr& node) {
    nodes[node->name()].wanted = fits(*node, object_at(object_at(spec, "template"), "spec"));
  });
  std::set<std::string> hashes;
  for (const ObjectPtr& pod : owned().owned(*world.objects, set.uid())) {
    if (pod->view<api::Pod>().finished() && !pod->meta().deletion) writes.push_back(remove(*pod));
    if (pod->meta().deletion || pod->view<api::Pod>().finished()) continue;
    nodes[pod->view<api::Pod>().node_name].pods.push_back(pod);
    if (const auto it = pod->meta().labels.find(kHashLabel); it != pod->meta().labels.end())
      hashes.insert(it->second);
  }
  const Revision revision = newest_revision(*world.objects, set, hashes, writes);
  Counts counts;
  for (auto& [name, node] : nodes) {
    std::sort(node.pods.begin(), node.pods.end(), [&](const ObjectPtr& a, const ObjectPtr& b) {
      return is_of(a, revision.hash) > is_of(b, revision.hash);
    });
    const bool ready = !node.pods.empty() && node.pods[0]->view<api::Pod>().ready;
    if (node.wanted) {
      ++counts.desired;
      counts.current += node.pods.empty() ? 0 : 1;
      counts.ready += ready ? 1 : 0;
      counts.updated += !node.pods.empty() && is_of(node.pods[0], revision.hash) ? 1 : 0;
      if (node.pods.empty()) writes.push_back(create("pods", pod_on(set, name, revision.hash)));
    } else if (!node.pods.empty()) {
      ++counts.misscheduled;
    }
    for (std::size_t i = node.wanted ? 1 : 0; i < node.pods.size(); ++i)
      writes.push_back(remove(*node.pods[i]));
  }
  const Json& strategy = object_at(spec, "updateStrategy");
  if (string_at(strategy, "type") == "RollingUpdate") {
    const Json& most = object_at(strategy, "rollingUpdate").value("maxUnavailable", Json(1));
    std::int64_t room = std::max<std::int64_t>(1, resolve_share(most, counts.desired, true)) -
                        (counts.desired - counts.ready);
    for (const auto& [name, node] : nodes) {
      if (!node.wanted || node.pods.empty() || is_of(node.pods[0], revision.hash)) continue;
      const bool ready = node.pods[0]->view<api::Pod>().ready;
      if (ready && room-- <= 0) continue;
      writes.push_back(remove(*node.pods[0]));
    }
  }
  Json status = status_of(set, counts);
  if (status != object_at(set.body(), "status")) writes.push_back(put_status(set, std::move(status)));
}

}  // namespace minik::controllers
