// DaemonSets: one pod on every node that the template may run on, replaced step by step when it changes.
//
// Rollout rules as the reference controller: at most maxUnavailable nodes without an available pod, or an old
// and a new pod on at most maxSurge nodes.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class DaemonSetController final : public OwningController {
 public:
  DaemonSetController() : OwningController("daemonsets.apps", {"pods", "daemonsets.apps", "DaemonSet"}) {}

 private:
  std::string_view concerns_all() const override { return "nodes"; }
  void sync(const World& world, const api::ObjectPtr& owner, std::vector<api::ObjectPtr> owned,
            Steps& steps) const override;
};

// Whether a pod of the template may start on the node, and whether one that runs may stay.  Pure.
struct NodeFit {
  bool run = false, stay = false;
};
NodeFit fit_of(const Json& pod_spec, const api::Object& node);

}  // namespace minik::controllers
