#include "apiserver/authorizer.h"

#include <fmt/format.h>

#include "base/text.h"

namespace minik::apiserver {
namespace {

bool is_master(const User& user) { return user.in_group(kMasters); }

Attributes path_attributes(const Request& request) {
  Attributes what;
  what.is_resource = false;
  what.verb = lower(request.method);
  what.path = request.path;
  return what;
}

std::string verb_of(const Request& request, const std::string& name) {
  const std::string& method = request.method;
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return name.empty() ? "deletecollection" : "delete";
  if (method != "GET" && method != "HEAD") return lower(method);
  if (!name.empty()) return "get";
  return request.flag("watch") ? "watch" : "list";
}

// The name that a list is narrowed down to.
std::string selected_name(const Request& request) {
  constexpr std::string_view kName = "metadata.name=";
  for (const auto& term : split(request.param("fieldSelector"), ',')) {
    if (term.starts_with(kName)) return std::string(trim(replace_all(term.substr(kName.size()), "=", "")));
  }
  return "";
}

}  // namespace

Attributes attributes_of(const Request& request) {
  std::vector<std::string> parts;
  for (const auto& part : split(request.path, '/')) {
    if (!part.empty()) parts.push_back(percent_decode(part, false));
  }
  const bool core = !parts.empty() && parts[0] == "api";
  const bool grouped = !parts.empty() && parts[0] == "apis";
  std::size_t at = core ? 1 : 2;
  if ((!core && !grouped) || parts.size() < at + 2) return path_attributes(request);
  Attributes what;
  if (grouped) what.group = parts[1];
  what.version = parts[at++];
  if (parts[at] == "watch" && at + 1 < parts.size()) ++at;
  if (parts[at] == "namespaces" && at + 1 < parts.size()) {
    what.ns = parts[at + 1];
    const bool of_namespace =
        at + 2 < parts.size() && (parts[at + 2] == "status" || parts[at + 2] == "finalize");
    if (at + 2 < parts.size() && !of_namespace) at += 2;
  }
  what.resource = parts[at];
  if (at + 1 < parts.size()) what.name = parts[at + 1];
  if (at + 2 < parts.size()) what.subresource = parts[at + 2];
  what.verb = verb_of(request, what.name);
  if (what.name.empty() && what.verb != "create") what.name = selected_name(request);
  return what;
}

Error forbidden(const User& user, const Attributes& what, const std::string& reason) {
  const std::string why = reason.empty() ? "" : ": " + reason;
  if (!what.is_resource) {
    return Error(Code::kForbidden, fmt::format("forbidden: User \"{}\" cannot {} path \"{}\"{}", user.name,
                                               what.verb, what.path, why));
  }
  const std::string of = what.group.empty() ? what.resource : what.resource + "." + what.group;
  const std::string resource =
      what.subresource.empty() ? what.resource : what.resource + "/" + what.subresource;
  const std::string where =
      what.ns.empty() ? "at the cluster scope" : fmt::format("in the namespace \"{}\"", what.ns);
  return Error(
      Code::kForbidden,
      fmt::format("{}{} is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {}{}", of,
                  what.name.empty() ? "" : " \"" + what.name + "\"", user.name, what.verb, resource,
                  what.group, where, why));
}

std::shared_ptr<const Policy> Authorizer::policy() const {
  const api::SnapshotPtr now = store_.snapshot();
  const std::lock_guard lock(mutex_);
  bool same = policy_ != nullptr;
  for (const char* resource : {kRoles, kClusterRoles, kRoleBindings, kClusterRoleBindings})
    same = same && api::Snapshot::same(seen_.get(), *now, resource);
  if (!same) policy_ = std::make_shared<const Policy>(*now);
  seen_ = now;
  return policy_;
}

Decision Authorizer::decide(const User& user, const Attributes& what) const {
  if (is_master(user)) return {true, ""};
  Decision decision;
  policy()->visit(user, what.is_resource ? what.ns : "", [&](const Policy::Grant& grant) {
    if (grant.rules == nullptr) {
      const bool cluster = grant.role.starts_with("ClusterRole");
      decision.reason = fmt::format("RBAC: {}.{} {} not found", cluster ? "clusterrole" : "role", kRbacGroup,
                                    grant.role.substr(grant.role.find('"')));
      return true;
    }
    for (const PolicyRule& rule : *grant.rules) {
      if (!rule.allows(what)) continue;
      decision = {true,
                  fmt::format("RBAC: allowed by {} of {} to {}", grant.binding, grant.role, grant.subject)};
      return false;
    }
    return true;
  });
  return decision;
}

Result<> Authorizer::check(const User& user, const Attributes& what) const {
  if (is_master(user)) return {};
  const Decision decision = decide(user, what);
  return decision.allowed ? Result<>() : forbidden(user, what, decision.reason);
}

Rules Authorizer::rules_of(const User& user, const std::string& ns) const {
  if (is_master(user)) return {{{"*"}, {"*"}, {"*"}, {}, {}}, {{"*"}, {}, {}, {}, {"*"}}};
  Rules all;
  policy()->visit(user, ns, [&](const Policy::Grant& grant) {
    if (grant.rules != nullptr) all.insert(all.end(), grant.rules->begin(), grant.rules->end());
    return true;
  });
  return all;
}

}  // namespace minik::apiserver
