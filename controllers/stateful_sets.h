// StatefulSets: pods with names, numbers and claims that stay: made in order, ended in reverse order, and
// replaced from the highest ordinal down.
//
// Rules as the reference controller: with OrderedReady each step waits until all pods before it are running
// and available; with Parallel only updates go one by one.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class StatefulSetController final : public OwningController {
 public:
  StatefulSetController()
      : OwningController("statefulsets.apps", {"pods", "statefulsets.apps", "StatefulSet"}) {}

 private:
  void sync(const World& world, const api::ObjectPtr& owner, std::vector<api::ObjectPtr> owned,
            Steps& steps) const override;
};

}  // namespace minik::controllers
