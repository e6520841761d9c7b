// RbacController: the Roles and bindings that every cluster begins with, and the rules of ClusterRoles that
// take them over from others.
//
// The first are looked at once, at start: what is missing is added, what somebody added stays, and objects
// annotated rbac.authorization.kubernetes.io/autoupdate: "false" are left alone.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class RbacController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  api::SnapshotPtr seen_;
};

// The bootstrap policy: whole objects.
const std::vector<Json>& bootstrap_policy();
// The rules that an aggregated ClusterRole should have.
Json aggregated_rules(const api::Snapshot& objects, const api::Object& role);

}  // namespace minik::controllers
