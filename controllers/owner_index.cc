#include "controllers/owner_index.h"

namespace minik::controllers {
namespace {

bool is_orphan(const api::ObjectPtr& object) {
  return object != nullptr && controller_of(*object) == nullptr && !object->meta().deletion;
}

}  // namespace

void OwnerIndex::note(const api::ObjectPtr& object, bool add, std::set<api::NsName>& dirty) {
  const api::OwnerRef* owner = object == nullptr ? nullptr : controller_of(*object);
  if (owner == nullptr || owner->kind != owner_kind_) return;
  auto& names = by_owner_[owner->uid];
  if (add)
    names.insert({object->ns(), object->name()});
  else
    names.erase({object->ns(), object->name()});
  if (names.empty()) by_owner_.erase(owner->uid);
  dirty.insert({object->ns(), owner->name});
}

void OwnerIndex::update(const api::Snapshot* seen, const api::Snapshot& now, std::set<api::NsName>& dirty) {
  api::Snapshot::diff(seen, now, resource_, [&](const api::ObjectPtr& before, const api::ObjectPtr& after) {
    note(before, false, dirty);
    note(after, true, dirty);
    if (before != nullptr) orphans_.erase({before->ns(), before->name()});
    if (!is_orphan(after)) return;
    orphans_.insert({after->ns(), after->name()});
    if (is_orphan(before) && before->meta().labels == after->meta().labels) return;
    now.for_each(owner_resource_, after->ns(), [&](const api::ObjectPtr& owner) {
      dirty.insert({owner->ns(), owner->name()});
    });
  });
}

std::vector<api::ObjectPtr> OwnerIndex::owned(const api::Snapshot& now, const std::string& owner_uid) const {
  std::vector<api::ObjectPtr> objects;
  const auto it = by_owner_.find(owner_uid);
  if (it == by_owner_.end()) return objects;
  for (const api::NsName& name : it->second) {
    if (auto object = now.find(resource_, name.ns, name.name)) objects.push_back(std::move(object));
  }
  return objects;
}

std::vector<api::Write> OwnerIndex::claim(const api::Snapshot& now, const api::Object& owner) const {
  std::vector<api::Write> writes;
  const auto selector = selector_of(owner);
  if (!selector.ok() || selector->empty()) return writes;
  for (auto it = orphans_.lower_bound({owner.ns(), ""}); it != orphans_.end() && it->ns == owner.ns(); ++it) {
    const api::ObjectPtr orphan = now.find(resource_, it->ns, it->name);
    if (orphan == nullptr || !selector->matches(orphan->meta().labels)) continue;
    Json body = orphan->body();
    body["metadata"]["ownerReferences"].push_back(owner_reference(owner));
    writes.push_back(put(*orphan, std::move(body)));
  }
  for (const api::ObjectPtr& object : owned(now, owner.uid())) {
    if (object->meta().deletion || selector->matches(object->meta().labels)) continue;
    Json body = object->body();
    Json& references = body["metadata"]["ownerReferences"];
    for (auto it = references.begin(); it != references.end();)
      it = string_at(*it, "uid") == owner.uid() ? references.erase(it) : it + 1;
    writes.push_back(put(*object, std::move(body)));
  }
  return writes;
}

Result<api::LabelSelector> selector_of(const api::Object& owner) {
  const Json& selector = object_at(object_at(owner.body(), "spec"), "selector");
  if (owner.resource() != "replicationcontrollers") return api::LabelSelector::from_json(selector);
  return api::LabelSelector::from_json({{"matchLabels", selector}});
}

std::vector<api::Write> OwningController::reconcile(const World& world) {
  std::set<api::NsName> dirty;
  api::Snapshot::diff(seen_.get(), *world.objects, resource_,
                      [&](const api::ObjectPtr& before, const api::ObjectPtr& after) {
                        const api::Object& owner = after != nullptr ? *after : *before;
                        dirty.insert({owner.ns(), owner.name()});
                      });
  owned_.update(seen_.get(), *world.objects, dirty);
  if (!concerns_all().empty() && !api::Snapshot::same(seen_.get(), *world.objects, concerns_all())) {
    world.objects->for_each(resource_, "", [&](const api::ObjectPtr& owner) {
      dirty.insert({owner->ns(), owner->name()});
    });
  }
  seen_ = world.objects;
  for (const auto& [name, at] : again_) {
    if (at <= world.now) dirty.insert(name);
  }
  std::vector<api::Write> writes;
  for (const api::NsName& name : dirty) {
    again_.erase(name);
    Steps steps;
    const api::ObjectPtr owner = world.objects->find(resource_, name.ns, name.name);
    if (owner == nullptr || owner->meta().deletion)
      gone(world, name, steps);
    else if (steps.writes = owned_.claim(*world.objects, *owner); steps.writes.empty())
      sync(world, owner, owned_.owned(*world.objects, owner->uid()), steps);
    if (steps.again) again_.emplace(name, *steps.again);
    std::move(steps.writes.begin(), steps.writes.end(), std::back_inserter(writes));
    std::move(steps.reports.begin(), steps.reports.end(), std::back_inserter(reports_));
  }
  return writes;
}

std::optional<WallTime> OwningController::wake_at() const {
  std::optional<WallTime> first;
  for (const auto& [name, at] : again_) first = first ? std::min(*first, at) : at;
  return first;
}

}  // namespace minik::controllers
