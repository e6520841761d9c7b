// Deployments: one ReplicaSet per template, sized step by step.
//
// Rollout rules as the reference controller: at most maxSurge pods too many, never fewer available ones than
// replicas - maxUnavailable; pods that cannot become ready are given up first.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class DeploymentController final : public OwningController {
 public:
  DeploymentController()
      : OwningController("deployments.apps", {"replicasets.apps", "deployments.apps", "Deployment"}) {}

 private:
  void sync(const World& world, const api::ObjectPtr& owner, std::vector<api::ObjectPtr> owned,
            Steps& steps) const override;
};

// Sizes for the next moment, pure.
struct SetSize {
  std::int64_t wanted = 0;     // spec.replicas
  std::int64_t there = 0;      // status.replicas
  std::int64_t available = 0;  // status.availableReplicas
};
struct RolloutLimits {
  std::int64_t replicas = 1, surge = 1, unavailable = 0;
  bool recreate = false;
};
// The newest set's size is `fresh`; `old` are the others, oldest first.  Answers the new wanted sizes in that
// order.
struct RolloutStep {
  std::int64_t fresh = 0;
  std::vector<std::int64_t> old;
};
RolloutStep next_step(const RolloutLimits& limits, const SetSize& fresh, const std::vector<SetSize>& old);

// A number or a percentage of `total`.
std::int64_t resolve_share(const Json& value, std::int64_t total, bool round_up);

}  // namespace minik::controllers
