// Authorizer: may this user do this?  By RBAC, always; system:masters may do everything.
//
// Threads: any.  Ownership: refers to the store, and keeps the policy compiled from its newest RBAC objects.
// Cost: nothing for system:masters; the policy is compiled when somebody else asks and an RBAC object has
// changed since.
// Errors: kForbidden in upstream's words.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "apiserver/rbac.h"
#include "apiserver/store.h"

namespace minik::apiserver {

struct Decision {
  bool allowed = false;
  std::string reason;  // RBAC: allowed by RoleBinding "view/default" of ClusterRole "view" to User "jane"
};

// What an HTTP request wants; from its URL alone, whether the kind exists or not.
Attributes attributes_of(const Request& request);

class Authorizer {
 public:
  explicit Authorizer(const Store& store) : store_(store) {}

  Decision decide(const User& user, const Attributes& what) const;
  Result<> check(const User& user, const Attributes& what) const;
  // Everything the user may do in the namespace.
  Rules rules_of(const User& user, const std::string& ns) const;

 private:
  std::shared_ptr<const Policy> policy() const;

  const Store& store_;
  mutable std::mutex mutex_;
  mutable api::SnapshotPtr seen_;
  mutable std::shared_ptr<const Policy> policy_;
};

// pods "web" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"
Error forbidden(const User& user, const Attributes& what, const std::string& reason);

// Refuses Roles that grant and bindings that give what the user does not hold: for what is about to be
// stored, with what was there before (null: nothing).
Result<> check_escalation(const Authorizer& authorizer, const User& user, const api::Snapshot& objects,
                          const api::Object& next, const api::Object* before);

}  // namespace minik::apiserver
