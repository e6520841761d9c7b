// DaemonSets: one pod of a template on every node that fits, replaced step by step.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class DaemonSetController final : public OwningController {
 public:
  DaemonSetController()
      : OwningController("daemonsets.apps", {"pods", "daemonsets.apps", "DaemonSet"}, {"nodes"}) {}

 private:
  void sync(const World& world, const api::Object& owner, std::vector<api::Write>& writes) const override;
};

}  // namespace minik::controllers
