#include "controllers/garbage.h"

#include <algorithm>

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kForeground = "foregroundDeletion";

bool waits_for_dependents(const Object& object) {
  const auto& finalizers = object.meta().finalizers;
  return object.meta().deletion &&
         std::find(finalizers.begin(), finalizers.end(), kForeground) != finalizers.end();
}

}  // namespace

void GarbageController::note(const ObjectPtr& before, const ObjectPtr& after) {
  if (before != nullptr && (after == nullptr || after->uid() != before->uid())) {
    alive_.erase(before->uid());
    // Whoever named it may be garbage now.
    if (const auto it = dependents_.find(before->uid()); it != dependents_.end())
      suspects_.insert(it->second.begin(), it->second.end());
  }
  if (before != nullptr) {
    for (const auto& owner : before->meta().owners) {
      const auto it = dependents_.find(owner.uid);
      if (it == dependents_.end()) continue;
      it->second.erase(before->key());
      if (it->second.empty()) dependents_.erase(it);
    }
  }
  if (after == nullptr) return;
  alive_.insert_or_assign(after->uid(), after->key());
  for (const auto& owner : after->meta().owners) dependents_[owner.uid].insert(after->key());
  if (!after->meta().owners.empty() || waits_for_dependents(*after)) suspects_.insert(after->key());
}

bool GarbageController::any_owner_left(const Object& object) const {
  const auto& owners = object.meta().owners;
  return std::any_of(owners.begin(), owners.end(),
                     [&](const api::OwnerRef& o) { return alive_.contains(o.uid); });
}

std::vector<Write> GarbageController::reconcile(const World& world) {
  suspects_.clear();
  std::set<std::string> resources;
  for (const api::Snapshot* objects : {seen_.get(), world.objects.get()}) {
    if (objects == nullptr) continue;
    for (auto& resource : objects->resources()) resources.insert(std::move(resource));
  }
  resources.erase("events");  // Events own nothing and are owned by nothing.
  // A dependent that went may be the last one that its owner waits for.
  std::set<std::string> lost_owners;
  for (const auto& resource : resources) {
    api::Snapshot::diff(seen_.get(), *world.objects, resource,
                        [&](const ObjectPtr& before, const ObjectPtr& after) {
                          note(before, after);
                          if (before == nullptr || after != nullptr) return;
                          for (const auto& owner : before->meta().owners) lost_owners.insert(owner.uid);
                        });
  }
  for (const auto& uid : lost_owners) {
    if (const auto it = alive_.find(uid); it != alive_.end()) suspects_.insert(it->second);
  }
  seen_ = world.objects;
  std::vector<Write> writes;
  for (const api::Key& key : suspects_) {
    const ObjectPtr object = world.objects->find(key);
    if (object == nullptr) continue;
    if (!object->meta().owners.empty() && !object->meta().deletion && !any_owner_left(*object))
      writes.push_back(remove(*object));
    if (!waits_for_dependents(*object)) continue;
    const auto it = dependents_.find(object->uid());
    if (it == dependents_.end()) {
      Json body = object->body();
      Json& finalizers = body["metadata"]["finalizers"];
      finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), Json(kForeground)),
                       finalizers.end());
      writes.push_back(put_all(*object, std::move(body)));
      continue;
    }
    for (const api::Key& dependent : it->second) {
      const ObjectPtr found = world.objects->find(dependent);
      if (found != nullptr && !found->meta().deletion) writes.push_back(remove(*found));
    }
  }
  return writes;
}

}  // namespace minik::controllers
