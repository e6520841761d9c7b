// Rbac: Roles, ClusterRoles and their bindings, compiled: who may do what.
//
// Pure.  Cost: compiling costs the objects; a question costs the bindings of one user and their groups.
// Threads: a Policy is immutable.  rbac.authorization.k8s.io/v1.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/snapshot.h"
#include "apiserver/request.h"

namespace minik::apiserver {

inline constexpr const char* kRbacGroup = "rbac.authorization.k8s.io";
inline constexpr const char* kRoles = "roles.rbac.authorization.k8s.io";
inline constexpr const char* kClusterRoles = "clusterroles.rbac.authorization.k8s.io";
inline constexpr const char* kRoleBindings = "rolebindings.rbac.authorization.k8s.io";
inline constexpr const char* kClusterRoleBindings = "clusterrolebindings.rbac.authorization.k8s.io";
inline constexpr const char* kMasters = "system:masters";  // Of this group is who may do everything.

// What a request wants to do.
struct Attributes {
  std::string verb;  // get list watch create update patch delete deletecollection impersonate …
  bool is_resource = true;
  std::string group, version, resource, subresource, ns, name;  // Of a resource.
  std::string path;                                             // Of anything else.
};

struct PolicyRule {
  std::vector<std::string> verbs, groups, resources, names, urls;
  static PolicyRule parse(const Json& rule);
  bool allows(const Attributes& what) const;
  Json to_json() const;
  std::string text() const;  // {APIGroups:[""], Resources:["pods"], Verbs:["get"]}
};
using Rules = std::vector<PolicyRule>;

Rules parse_rules(const Json& role);
// The parts of `wanted` that `held` does not allow, merged where they differ only in their verbs.
Rules missing_rules(const Rules& held, const Rules& wanted);

class Policy {
 public:
  explicit Policy(const api::Snapshot& objects);

  // What one binding gives to a user, and where: an empty namespace is everywhere.
  struct Grant {
    std::string ns;
    std::shared_ptr<const Rules> rules;  // Null: its role is not there.
    std::string binding, role, subject;  // For texts: RoleBinding "view/default", …
  };
  // Calls visit(grant) for the grants that hold in `ns` until it answers false.
  void visit(const User& user, const std::string& ns, const std::function<bool(const Grant&)>& visit) const;

 private:
  void add(const api::Object& binding, bool cluster);

  std::map<std::string, std::shared_ptr<const Rules>> roles_;  // "ns/name"; "/name" of a ClusterRole.
  std::map<std::string, std::vector<Grant>, std::less<>> users_, groups_;
};

}  // namespace minik::apiserver
