// Who may write Roles and bindings: nobody gives more than they hold.
#include <fmt/format.h>

#include <set>

#include "apiserver/authorizer.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Object;

std::string resource_of(const Object& object) {
  return object.resource().substr(0, object.resource().find('.'));
}

Error refused(const Object& object, const std::string& why) {
  return Error(Code::kForbidden,
               fmt::format("{} \"{}\" is forbidden: {}", object.resource(), object.name(), why));
}

// user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant …
Result<> check_held(const Authorizer& authorizer, const User& user, const Object& object,
                    const Rules& wanted) {
  std::set<std::string> missing;
  for (const auto& rule : missing_rules(authorizer.rules_of(user, object.ns()), wanted))
    missing.insert(rule.text());
  if (missing.empty()) return {};
  std::vector<std::string> groups;
  for (const auto& group : user.groups) groups.push_back(to_text(Json(group)));
  return refused(object,
                 fmt::format("user {} (groups=[{}]) is attempting to grant RBAC permissions not currently "
                             "held:\n{}",
                             to_text(Json(user.name)), join(groups, " "),
                             join(std::vector<std::string>(missing.begin(), missing.end()), "\n")));
}

Result<> check_role(const Authorizer& authorizer, const User& user, const Object& next,
                    const Object* before) {
  const bool same = before != nullptr &&
                    array_at(before->body(), "rules") == array_at(next.body(), "rules") &&
                    object_at(before->body(), "aggregationRule") == object_at(next.body(), "aggregationRule");
  if (same) return {};
  const Attributes escalate{"escalate", true,      kRbacGroup,  "v1", resource_of(next),
                            "",         next.ns(), next.name(), ""};
  if (authorizer.decide(user, escalate).allowed) return {};
  if (!object_at(next.body(), "aggregationRule").empty()) {
    const Rules everything = {{{"*"}, {"*"}, {"*"}, {}, {}}, {{"*"}, {}, {}, {}, {"*"}}};
    if (!missing_rules(authorizer.rules_of(user, ""), everything).empty())
      return refused(next, "must have cluster-admin privileges to use the aggregationRule");
  }
  return check_held(authorizer, user, next, parse_rules(next.body()));
}

Result<> check_binding(const Authorizer& authorizer, const User& user, const api::Snapshot& objects,
                       const Object& next, const Object* before) {
  const bool same = before != nullptr &&
                    array_at(before->body(), "subjects") == array_at(next.body(), "subjects") &&
                    object_at(before->body(), "roleRef") == object_at(next.body(), "roleRef");
  if (same) return {};
  const Json& reference = object_at(next.body(), "roleRef");
  const bool cluster = string_at(reference, "kind") == "ClusterRole";
  const std::string name = string_at(reference, "name");
  const Attributes bind{"bind", true,      kRbacGroup, "v1", cluster ? "clusterroles" : "roles",
                        "",     next.ns(), name,       ""};
  if (authorizer.decide(user, bind).allowed) return {};
  const api::ObjectPtr role = objects.find(cluster ? kClusterRoles : kRoles, cluster ? "" : next.ns(), name);
  if (role == nullptr) {
    return Error(Code::kNotFound, fmt::format("{} \"{}\" not found", cluster ? kClusterRoles : kRoles, name));
  }
  return check_held(authorizer, user, next, parse_rules(role->body()));
}

}  // namespace

Result<> check_escalation(const Authorizer& authorizer, const User& user, const api::Snapshot& objects,
                          const Object& next, const Object* before) {
  if (user.in_group(kMasters)) return {};
  const std::string& resource = next.resource();
  if (resource == kRoles || resource == kClusterRoles) return check_role(authorizer, user, next, before);
  if (resource == kRoleBindings || resource == kClusterRoleBindings)
    return check_binding(authorizer, user, objects, next, before);
  return {};
}

}  // namespace minik::apiserver
