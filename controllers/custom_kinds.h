// Custom kinds: a definition that is being deleted takes its objects with it, and one whose names were taken
// gets them when they are free again.
//
// Cost: looks only when a definition or an object of a dying kind changed.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class CustomKindsController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  api::SnapshotPtr seen_;
};

}  // namespace minik::controllers
