// StatefulSets: pods with lasting names, made in order, ended and replaced in the opposite one.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class StatefulSetController final : public OwningController {
 public:
  StatefulSetController()
      : OwningController("statefulsets.apps", {"pods", "statefulsets.apps", "StatefulSet"}) {}

 private:
  void sync(const World& world, const api::Object& owner, std::vector<api::Write>& writes) const override;
};

}  // namespace minik::controllers
