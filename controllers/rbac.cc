#include "controllers/rbac.h"

#include <algorithm>

#include "api/selector.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kClusterRoles = "clusterroles.rbac.authorization.k8s.io";
constexpr const char* kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

std::string resource_of(const Json& object) {
  return string_at(object, "kind") == "ClusterRole" ? kClusterRoles
                                                    : "clusterrolebindings.rbac.authorization.k8s.io";
}

bool contains(const Json& list, const Json& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Adds the entries of `wanted` that `list` has not.
bool add_missing(Json& list, const Json& wanted) {
  bool added = false;
  for (const Json& item : wanted) {
    if (contains(list, item)) continue;
    list.push_back(item);
    added = true;
  }
  return added;
}

void ensure(const World& world, const Json& wanted, std::vector<Write>& writes) {
  const ObjectPtr stored =
      world.objects->find(resource_of(wanted), "", string_at(object_at(wanted, "metadata"), "name"));
  if (stored == nullptr) {
    writes.push_back(create(resource_of(wanted), wanted));
    return;
  }
  const auto& annotations = stored->meta().annotations;
  const auto update = annotations.find(kAutoUpdate);
  if (stored->meta().deletion || (update != annotations.end() && update->second == "false")) return;
  Json body = stored->body();
  bool changed = false;
  const bool aggregated = wanted.contains("aggregationRule");
  if (aggregated && body.value("aggregationRule", Json()) != wanted["aggregationRule"]) {
    body["aggregationRule"] = wanted["aggregationRule"];
    changed = true;
  }
  for (const char* member : {"rules", "subjects"}) {
    if (aggregated || !wanted.contains(member)) continue;
    if (!body[member].is_array()) body[member] = Json::array();
    changed = add_missing(body[member], wanted[member]) || changed;
  }
  if (changed) writes.push_back(put(*stored, std::move(body)));
}

}  // namespace

Json aggregated_rules(const api::Snapshot& objects, const Object& role) {
  Json rules = Json::array();
  objects.for_each(kClusterRoles, "", [&](const ObjectPtr& other) {
    if (other->name() == role.name()) return;
    for (const Json& json : array_at(object_at(role.body(), "aggregationRule"), "clusterRoleSelectors")) {
      const auto selector = api::LabelSelector::from_json(json);
      if (!selector.ok() || !selector->matches(other->meta().labels)) continue;
      add_missing(rules, array_at(other->body(), "rules"));
      return;
    }
  });
  return rules;
}

std::vector<Write> RbacController::reconcile(const World& world) {
  std::vector<Write> writes;
  if (seen_ == nullptr) {
    for (const Json& wanted : bootstrap_policy()) ensure(world, wanted, writes);
  }
  const bool news = seen_ == nullptr || !api::Snapshot::same(seen_.get(), *world.objects, kClusterRoles);
  seen_ = world.objects;
  // What is added now aggregates at the next look: a role written twice in one go would be lost.
  if (!news || !writes.empty()) return writes;
  world.objects->for_each(kClusterRoles, "", [&](const ObjectPtr& role) {
    if (object_at(role->body(), "aggregationRule").empty() || role->meta().deletion) return;
    Json rules = aggregated_rules(*world.objects, *role);
    if (rules == array_at(role->body(), "rules")) return;
    Json body = role->body();
    body["rules"] = std::move(rules);
    writes.push_back(put(*role, std::move(body)));
  });
  return writes;
}

}  // namespace minik::controllers
