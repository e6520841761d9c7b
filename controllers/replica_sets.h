// ReplicaSets: the wanted number of pods of a template, and the status that says how far it is.
#pragma once

#include "controllers/controller.h"
#include "controllers/owner_index.h"

namespace minik::controllers {

class ReplicaSetController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  void sync(const World& world, const api::Object& set, std::vector<api::Write>& writes) const;

  api::SnapshotPtr seen_;
  OwnerIndex pods_{"pods", "replicasets.apps", "ReplicaSet"};
};

}  // namespace minik::controllers
