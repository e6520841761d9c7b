#include "apiserver/rbac.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/token_issuer.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using Words = std::vector<std::string>;

Words words_at(const Json& object, const char* member) {
  Words out;
  for (const Json& word : array_at(object, member)) {
    if (word.is_string()) out.push_back(word.get<std::string>());
  }
  return out;
}

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool has_or_all(const Words& words, std::string_view word) { return has(words, "*") || has(words, word); }

bool resource_matches(const Words& resources, const Attributes& what) {
  const std::string whole = what.subresource.empty() ? what.resource : what.resource + "/" + what.subresource;
  if (has_or_all(resources, whole)) return true;
  return !what.subresource.empty() && has(resources, "*/" + what.subresource);
}

bool url_matches(const Words& urls, const std::string& path) {
  return std::any_of(urls.begin(), urls.end(), [&](const std::string& url) {
    if (url == "*" || url == path) return true;
    return url.ends_with("*") && path.starts_with(url.substr(0, url.size() - 1));
  });
}

std::string quoted(const Words& words) {
  Words out;
  for (const auto& word : words) out.push_back(to_text(Json(word)));
  return "[" + join(out, " ") + "]";
}

// Rules of one verb and one resource (or URL) each: what is covered or not.
Rules pieces_of(const PolicyRule& rule) {
  Rules pieces;
  for (const auto& verb : rule.verbs) {
    for (const auto& url : rule.urls) pieces.push_back({{verb}, {}, {}, {}, {url}});
    for (const auto& group : rule.groups) {
      for (const auto& resource : rule.resources) {
        if (rule.names.empty()) pieces.push_back({{verb}, {group}, {resource}, {}, {}});
        for (const auto& name : rule.names) pieces.push_back({{verb}, {group}, {resource}, {name}, {}});
      }
    }
  }
  return pieces;
}

bool covers_resource(const Words& held, const std::string& wanted) {
  if (has_or_all(held, wanted)) return true;
  const auto slash = wanted.find('/');
  return slash != std::string::npos && has(held, "*" + wanted.substr(slash));
}

bool covers_url(const Words& held, const std::string& wanted) {
  if (has_or_all(held, wanted)) return true;
  return std::any_of(held.begin(), held.end(), [&](const std::string& url) {
    return url.ends_with("*") && wanted.starts_with(url.substr(0, url.size() - 1));
  });
}

bool covers(const PolicyRule& held, const PolicyRule& piece) {
  if (!has_or_all(held.verbs, piece.verbs[0])) return false;
  if (!piece.urls.empty()) return covers_url(held.urls, piece.urls[0]);
  return has_or_all(held.groups, piece.groups[0]) && covers_resource(held.resources, piece.resources[0]) &&
         (held.names.empty() || (!piece.names.empty() && has(held.names, piece.names[0])));
}

std::string subject_text(const Json& subject) {
  const std::string kind = string_at(subject, "kind"), name = string_at(subject, "name");
  const std::string ns = string_at(subject, "namespace");
  return fmt::format("{} \"{}\"", kind, kind == "ServiceAccount" ? name + "/" + ns : name);
}

}  // namespace

PolicyRule PolicyRule::parse(const Json& rule) {
  return {words_at(rule, "verbs"), words_at(rule, "apiGroups"), words_at(rule, "resources"),
          words_at(rule, "resourceNames"), words_at(rule, "nonResourceURLs")};
}

bool PolicyRule::allows(const Attributes& what) const {
  if (!has_or_all(verbs, what.verb)) return false;
  if (!what.is_resource) return url_matches(urls, what.path);
  return has_or_all(groups, what.group) && resource_matches(resources, what) &&
         (names.empty() || has(names, what.name));
}

Json PolicyRule::to_json() const {
  Json rule = {{"verbs", verbs}};
  const auto put = [&](const char* member, const Words& words) {
    if (!words.empty()) rule[member] = words;
  };
  put("apiGroups", groups);
  put("resources", resources);
  put("resourceNames", names);
  put("nonResourceURLs", urls);
  return rule;
}

std::string PolicyRule::text() const {
  Words parts;
  const auto put = [&](const char* name, const Words& words) {
    if (!words.empty()) parts.push_back(std::string(name) + ":" + quoted(words));
  };
  put("APIGroups", groups);
  put("Resources", resources);
  put("NonResourceURLs", urls);
  put("ResourceNames", names);
  put("Verbs", verbs);
  return "{" + join(parts, ", ") + "}";
}

Rules parse_rules(const Json& role) {
  Rules rules;
  for (const Json& rule : array_at(role, "rules")) rules.push_back(PolicyRule::parse(rule));
  return rules;
}

Rules missing_rules(const Rules& held, const Rules& wanted) {
  Rules missing;
  for (const PolicyRule& rule : wanted) {
    for (PolicyRule& piece : pieces_of(rule)) {
      const bool covered =
          std::any_of(held.begin(), held.end(), [&](const auto& own) { return covers(own, piece); });
      if (covered) continue;
      const auto alike = std::find_if(missing.begin(), missing.end(), [&](const PolicyRule& other) {
        return other.groups == piece.groups && other.resources == piece.resources &&
               other.names == piece.names && other.urls == piece.urls;
      });
      if (alike == missing.end())
        missing.push_back(std::move(piece));
      else if (!has(alike->verbs, piece.verbs[0]))
        alike->verbs.push_back(piece.verbs[0]);
    }
  }
  return missing;
}

Policy::Policy(const api::Snapshot& objects) {
  const auto take_role = [&](const api::ObjectPtr& role) {
    roles_[role->ns() + "/" + role->name()] = std::make_shared<const Rules>(parse_rules(role->body()));
  };
  objects.for_each(kRoles, "", take_role);
  objects.for_each(kClusterRoles, "", take_role);
  objects.for_each(kClusterRoleBindings, "", [&](const api::ObjectPtr& binding) { add(*binding, true); });
  objects.for_each(kRoleBindings, "", [&](const api::ObjectPtr& binding) { add(*binding, false); });
}

void Policy::add(const api::Object& binding, bool cluster) {
  const Json& reference = object_at(binding.body(), "roleRef");
  const bool cluster_role = string_at(reference, "kind") == "ClusterRole";
  const std::string name = string_at(reference, "name");
  const auto role = roles_.find((cluster_role ? "" : binding.ns()) + "/" + name);
  Grant grant;
  grant.ns = cluster ? "" : binding.ns();
  if (role != roles_.end()) grant.rules = role->second;
  grant.binding = cluster ? fmt::format("ClusterRoleBinding \"{}\"", binding.name())
                          : fmt::format("RoleBinding \"{}/{}\"", binding.name(), binding.ns());
  grant.role = fmt::format("{} \"{}\"", cluster_role ? "ClusterRole" : "Role", name);
  for (const Json& subject : array_at(binding.body(), "subjects")) {
    const std::string kind = string_at(subject, "kind");
    const std::string who = string_at(subject, "name");
    grant.subject = subject_text(subject);
    if (kind == "User") users_[who].push_back(grant);
    if (kind == "Group") groups_[who].push_back(grant);
    if (kind != "ServiceAccount") continue;
    const std::string ns = string_at(subject, "namespace", grant.ns);
    if (!ns.empty()) users_[account_user_name(ns, who)].push_back(grant);
  }
}

void Policy::visit(const User& user, const std::string& ns,
                   const std::function<bool(const Grant&)>& look) const {
  bool more = true;
  const auto each = [&](const auto& subjects, const std::string& name) {
    const auto found = subjects.find(name);
    if (found == subjects.end()) return;
    for (const Grant& grant : found->second) {
      if (more && (grant.ns.empty() || (!ns.empty() && grant.ns == ns))) more = look(grant);
    }
  };
  each(users_, user.name);
  for (const auto& group : user.groups) {
    if (more) each(groups_, group);
  }
}

}  // namespace minik::apiserver
