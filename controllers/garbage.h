// Garbage: dependents whose owners are all gone; owners that wait for their dependents (foreground deletion).
//
// KEP: garbage collection by ownerReferences.  Works on uids: a new object of the old name is no owner.
#pragma once

#include <unordered_map>

#include "controllers/controller.h"

namespace minik::controllers {

class GarbageController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  void note(const api::ObjectPtr& before, const api::ObjectPtr& after);
  bool any_owner_left(const api::Object& object) const;
  void empty_owner(const World& world, const api::Object& owner, std::vector<api::Write>& writes) const;

  api::SnapshotPtr seen_;
  std::unordered_map<std::string, api::Key> alive_;                 // All objects by uid.
  std::unordered_map<std::string, std::set<api::Key>> dependents_;  // Owner's uid → who names it.
  std::set<api::Key> suspects_;                                     // To look at in this round.
};

}  // namespace minik::controllers
