// ReplicaSets: the wanted number of pods of a template, and the status that says how far it is.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class ReplicaSetController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  void sync(const World& world, const api::Object& set, std::vector<api::Write>& writes) const;
  std::vector<api::ObjectPtr> pods_of(const World& world, const api::Object& set) const;

  api::SnapshotPtr seen_;
  std::map<std::string, std::set<api::NsName>> pods_by_owner_;  // By the owner's uid.
};

}  // namespace minik::controllers
