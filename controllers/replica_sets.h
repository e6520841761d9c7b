// ReplicaSets and ReplicationControllers: the wanted number of pods of a template, and the status that says
// how far it is.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class ReplicaSetController final : public OwningController {
 public:
  ReplicaSetController()
      : OwningController("replicasets.apps", {"pods", "replicasets.apps", "ReplicaSet"}),
        component_("replicaset-controller") {}
  // The same for ReplicationControllers.
  static std::unique_ptr<ReplicaSetController> of_replication_controllers();

 private:
  explicit ReplicaSetController(OwnerIndex owned)
      : OwningController("replicationcontrollers", std::move(owned)), component_("replication-controller") {}
  void sync(const World& world, const api::ObjectPtr& owner, std::vector<api::ObjectPtr> owned,
            Steps& steps) const override;

  std::string component_;
};

}  // namespace minik::controllers
