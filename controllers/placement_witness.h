// PlacementWitness: tells when a pod got its node, as the scheduler of the reference does.  Writes nothing.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class PlacementWitness final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;
  std::vector<Report> take_reports() override { return std::exchange(reports_, {}); }

 private:
  api::SnapshotPtr seen_;
  std::vector<Report> reports_;
};

}  // namespace minik::controllers
