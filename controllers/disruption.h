// PodDisruptionBudgets: how many pods may be evicted now.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class DisruptionController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  api::SnapshotPtr seen_;
};

}  // namespace minik::controllers
