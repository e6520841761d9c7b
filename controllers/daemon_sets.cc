#include "controllers/daemon_sets.h"

#include <fmt/format.h>

#include <algorithm>

#include "controllers/deployments.h"
#include "controllers/pods_of.h"
#include "controllers/revisions.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

constexpr const char* kGenerationLabel = "pod-template-generation";
constexpr const char* kGeneration = "deprecated.daemonset.template.generation";

Json toleration(const char* key, const char* effect) {
  return {{"key", std::string("node.kubernetes.io/") + key}, {"operator", "Exists"}, {"effect", effect}};
}

// Taints that pods of a DaemonSet bear whatever the template says.
Json all_tolerations(const Json& pod_spec) {
  Json all = array_at(pod_spec, "tolerations");
  for (const char* key : {"not-ready", "unreachable"}) all.push_back(toleration(key, "NoExecute"));
  for (const char* key : {"disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"})
    all.push_back(toleration(key, "NoSchedule"));
  if (bool_at(pod_spec, "hostNetwork")) all.push_back(toleration("network-unavailable", "NoSchedule"));
  return all;
}

bool tolerates(const Json& toleration, const Json& taint) {
  const std::string key = string_at(toleration, "key"), effect = string_at(toleration, "effect");
  if (!effect.empty() && effect != string_at(taint, "effect")) return false;
  if (!key.empty() && key != string_at(taint, "key")) return false;
  if (string_at(toleration, "operator", "Equal") == "Exists") return true;
  return !key.empty() && string_at(toleration, "value") == string_at(taint, "value");
}

// Puts the pod on the node through the scheduler: only this node fits.
void pin_to(Json& pod, const std::string& node) {
  const Json field = {{"key", "metadata.name"}, {"operator", "In"}, {"values", {node}}};
  Json& required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
  Json terms = array_at(required, "nodeSelectorTerms");
  if (terms.empty()) terms = Json::array({Json::object()});
  for (Json& term : terms) term["matchFields"] = Json::array({field});
  required = {{"nodeSelectorTerms", std::move(terms)}};
}

std::string node_of(const Object& pod) {
  const std::string& name = pod.view<api::Pod>().node_name;
  if (!name.empty()) return name;
  const Json* required =
      find(spec_of(pod), "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  if (required == nullptr) return "";
  for (const Json& term : array_at(*required, "nodeSelectorTerms")) {
    for (const Json& field : array_at(term, "matchFields")) {
      const Json& values = array_at(field, "values");
      if (string_at(field, "key") == "metadata.name" && values.size() == 1 && values[0].is_string())
        return values[0].get<std::string>();
    }
  }
  return "";
}

// One DaemonSet in one round.
class Round {
 public:
  Round(const World& world, ObjectPtr set, const std::vector<ObjectPtr>& pods, Steps& steps)
      : world_(world),
        set_(std::move(set)),
        steps_(steps),
        writer_(set_, "daemonset-controller", steps, world.now),
        history_(history_of(world, *set_, steps)) {
    if (history_.fresh != nullptr) hash_ = label_of(*history_.fresh, kRevisionLabel);
    world.objects->for_each("nodes", "", [&](const ObjectPtr& node) {
      fits_[node->name()] = fit_of(object_at(template_of(*set_), "spec"), *node);
    });
    for (const ObjectPtr& pod : pods) {
      if (pod->meta().deletion) {
        leaving_.insert(node_of(*pod));
        continue;
      }
      by_node_[node_of(*pod)].push_back(pod);
    }
    for (auto& [node, list] : by_node_) {
      std::stable_sort(list.begin(), list.end(), [](const ObjectPtr& a, const ObjectPtr& b) {
        return a->meta().created < b->meta().created;
      });
    }
  }

  void run() {
    if (history_.fresh != nullptr) {
      place();
      if (string_at(object_at(spec_of(*set_), "updateStrategy"), "type") == "RollingUpdate") replace();
      drop_revisions(*set_, history_, live_revisions(), steps_);
    }
    Json status = next_status();
    if (status != status_of(*set_)) steps_.writes.push_back(put_status(*set_, std::move(status)));
  }

 private:
  bool updated(const ObjectPtr& pod) const { return label_of(*pod, kRevisionLabel) == hash_; }
  bool available(const ObjectPtr& pod) {
    return is_available(pod, int_at(spec_of(*set_), "minReadySeconds"), world_.now, steps_);
  }
  void drop(const ObjectPtr& pod) {
    if (dropped_.insert(pod->name()).second) writer_.drop(*pod);
  }
  void make(const std::string& node) {
    Json pod = random_pod_from(*set_, template_of(*set_), set_->name());
    pod["metadata"]["labels"][kRevisionLabel] = hash_;
    pod["metadata"]["labels"][kGenerationLabel] = annotation_of(*set_, kGeneration);
    pod["spec"]["tolerations"] = all_tolerations(pod["spec"]);
    pin_to(pod, node);
    writer_.make(std::move(pod));
  }
  std::int64_t limit(const char* member, std::int64_t fallback) const {
    const Json& rolling = object_at(object_at(spec_of(*set_), "updateStrategy"), "rollingUpdate");
    const Json* share = find(rolling, member);
    return share == nullptr ? fallback : resolve_share(*share, wanted_nodes(), true);
  }
  std::int64_t wanted_nodes() const {
    return std::count_if(fits_.begin(), fits_.end(), [](const auto& fit) { return fit.second.run; });
  }
  // Old and new pods together are meant while a surge lasts.
  bool surging(const std::vector<ObjectPtr>& pods) const {
    const auto fresh = std::count_if(pods.begin(), pods.end(), [&](const auto& p) { return updated(p); });
    return limit("maxSurge", 0) > 0 && pods.size() == 2 && fresh == 1;
  }

  // Missing pods are made; failed ones, second ones and those that may not stay are deleted.
  void place() {
    for (const auto& [node, fit] : fits_) {
      std::vector<ObjectPtr> running;
      for (const ObjectPtr& pod : by_node_[node]) {
        if (!pod->view<api::Pod>().finished()) {
          running.push_back(pod);
        } else {
          const bool failed = pod->view<api::Pod>().phase == "Failed";
          writer_.tell(failed, failed ? "FailedDaemonPod" : "SucceededDaemonPod",
                       fmt::format("Found {} daemon pod {}/{} on node {}, will try to {} it",
                                   failed ? "failed" : "succeeded", pod->ns(), pod->name(), node,
                                   failed ? "kill" : "delete"));
          drop(pod);
        }
      }
      if (!fit.stay) {
        for (const ObjectPtr& pod : running) drop(pod);
      } else if (fit.run && by_node_[node].empty() && !leaving_.contains(node)) {
        make(node);
      } else if (!surging(running)) {
        for (std::size_t i = 1; i < running.size(); ++i) drop(running[i]);
      }
    }
    for (const auto& [node, pods] : by_node_) {  // Of nodes that are no more.
      if (fits_.contains(node) || node.empty()) continue;
      for (const ObjectPtr& pod : pods) drop(pod);
    }
  }

  // The old and the new pod of a node; null where there is none.
  struct Pair {
    ObjectPtr old, fresh;
  };
  Pair pair_of(const std::string& node) const {
    Pair pair;
    const auto it = by_node_.find(node);
    if (it == by_node_.end()) return pair;
    for (const ObjectPtr& pod : it->second) {
      if (pod->view<api::Pod>().finished()) continue;
      (updated(pod) ? pair.fresh : pair.old) = pod;
    }
    return pair;
  }

  void replace() {
    if (limit("maxSurge", 0) > 0) return surge();
    const std::int64_t most = limit("maxUnavailable", 1);
    std::int64_t missing = 0;
    std::vector<ObjectPtr> at_once, candidates;
    for (const auto& [node, fit] : fits_) {
      if (!fit.run) continue;
      const auto [old, fresh] = pair_of(node);
      if ((old == nullptr) == (fresh == nullptr)) {
        ++missing;
      } else if (fresh != nullptr) {
        missing += available(fresh) ? 0 : 1;
      } else if (!available(old)) {
        at_once.push_back(old);
        ++missing;
      } else {
        candidates.push_back(old);
      }
    }
    for (const ObjectPtr& pod : at_once) drop(pod);
    for (const ObjectPtr& pod : candidates) {
      if (missing >= most) break;
      drop(pod);
      ++missing;
    }
  }

  void surge() {
    const std::int64_t most = limit("maxSurge", 0);
    std::int64_t doubled = 0;
    std::vector<std::string> candidates;
    for (const auto& [node, fit] : fits_) {
      if (!fit.run) continue;
      const auto [old, fresh] = pair_of(node);
      if (old == nullptr || (fresh == nullptr && leaving_.contains(node))) continue;
      if (fresh != nullptr) {
        ++doubled;
        if (available(fresh)) drop(old);
      } else if (!available(old)) {
        make(node);
        ++doubled;
      } else {
        candidates.push_back(node);
      }
    }
    for (const std::string& node : candidates) {
      if (doubled >= most) break;
      make(node);
      ++doubled;
    }
  }

  std::vector<std::string> live_revisions() const {
    std::vector<std::string> live;
    for (const auto& [node, pods] : by_node_) {
      for (const ObjectPtr& pod : pods) live.push_back(set_->name() + "-" + label_of(*pod, kRevisionLabel));
    }
    return live;
  }

  Json next_status() {
    std::int64_t desired = 0, current = 0, wrong = 0, ready = 0, usable = 0, fresh = 0;
    for (const auto& [node, fit] : fits_) {
      const auto it = by_node_.find(node);
      const bool has = it != by_node_.end() && !it->second.empty();
      if (!fit.run) {
        wrong += has ? 1 : 0;
        continue;
      }
      ++desired;
      if (!has) continue;
      ++current;
      const auto any = [&](auto&& is) {
        return std::any_of(it->second.begin(), it->second.end(), is) ? 1 : 0;
      };
      ready += any([](const ObjectPtr& pod) { return is_ready(pod); });
      usable += any([this](const ObjectPtr& pod) { return available(pod); });
      fresh += any([this](const ObjectPtr& pod) { return !hash_.empty() && updated(pod); });
    }
    Json status = {{"currentNumberScheduled", current},
                   {"numberMisscheduled", wrong},
                   {"desiredNumberScheduled", desired},
                   {"numberReady", ready},
                   {"observedGeneration", set_->meta().generation}};
    const auto number = [&](const char* member, std::int64_t value) {
      if (value != 0) status[member] = value;
    };
    number("updatedNumberScheduled", fresh);
    number("numberAvailable", usable);
    number("numberUnavailable", desired - usable);
    number("collisionCount", history_.collisions);
    return status;
  }

  const World& world_;
  ObjectPtr set_;
  Steps& steps_;
  PodWriter writer_;
  History history_;
  std::string hash_;
  std::map<std::string, NodeFit> fits_;
  std::map<std::string, std::vector<ObjectPtr>> by_node_;
  std::set<std::string> leaving_;  // Nodes on which a pod is on its way out.
  std::set<std::string> dropped_;
};

}  // namespace

NodeFit fit_of(const Json& pod_spec, const Object& node) {
  const std::string name = string_at(pod_spec, "nodeName");
  if (!name.empty() && name != node.name()) return {};
  for (const auto& [key, value] : object_at(pod_spec, "nodeSelector").items()) {
    if (!value.is_string() || !node.meta().labels.contains(key) || label_of(node, key) != value) return {};
  }
  NodeFit fit{true, true};
  const Json tolerations = all_tolerations(pod_spec);
  for (const Json& taint : array_at(spec_of(node), "taints")) {
    const std::string effect = string_at(taint, "effect");
    if (effect == "PreferNoSchedule") continue;
    if (std::any_of(tolerations.begin(), tolerations.end(),
                    [&](const Json& t) { return tolerates(t, taint); }))
      continue;
    fit.run = false;
    if (effect == "NoExecute") fit.stay = false;
  }
  return fit;
}

void DaemonSetController::sync(const World& world, const ObjectPtr& set, std::vector<ObjectPtr> pods,
                               Steps& steps) const {
  Round(world, set, pods, steps).run();
}

}  // namespace minik::controllers
