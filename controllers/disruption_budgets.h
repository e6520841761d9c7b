// PodDisruptionBudgets: how many of the pods that a budget counts may be evicted now.
//
// Threads: the loop's only.  The eviction subresource spends what the status allows.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class DisruptionController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;
  std::vector<Report> take_reports() override { return std::exchange(reports_, {}); }
  std::optional<WallTime> wake_at() const override { return wake_; }

 private:
  api::SnapshotPtr seen_;
  std::optional<WallTime> wake_;
  std::vector<Report> reports_;
  std::set<std::string> told_;  // Uids of budgets that were told to have no pods.
};

// The status that the pods mean.  Pure.
struct BudgetState {
  Json status;
  std::string trouble;  // Why the expected number is not known; "" if it is.
  std::size_t pods = 0;
  std::optional<WallTime> again;  // When a disruption under way is forgotten.
};
BudgetState budget_state(const World& world, const api::Object& budget);

}  // namespace minik::controllers
