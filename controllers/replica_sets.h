// ReplicaSets and ReplicationControllers: the wanted number of pods of a template, and the status that says
// how far it is.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class ReplicaSetController final : public OwningController {
 public:
  // `resource` and `kind`: of the owners.
  ReplicaSetController(const std::string& resource, const std::string& kind)
      : OwningController(resource, {"pods", resource, kind}) {}

 private:
  void sync(const World& world, const api::Object& owner, std::vector<api::Write>& writes) const override;
};

}  // namespace minik::controllers
