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

// Whether a foreground deletion of the owner waits for the object.
bool blocks(const Object& object, const std::string& owner_uid) {
  for (const Json& owner : array_at(object_at(object.body(), "metadata"), "ownerReferences")) {
    if (string_at(owner, "uid") == owner_uid) return bool_at(owner, "blockOwnerDeletion");
  }
  return false;
}

Write without_owner(const Object& object, const std::string& owner_uid) {
  Json body = object.body();
  Json& owners = body["metadata"]["ownerReferences"];
  for (auto it = owners.begin(); it != owners.end();)
    it = string_at(*it, "uid") == owner_uid ? owners.erase(it) : it + 1;
  return put_all(object, std::move(body));
}

// The deletion of what has dependents of its own, which go first.
Write remove_in_foreground(const Object& object, WallTime now) {
  Json body = object.body();
  Json& meta = body["metadata"];
  meta["finalizers"].push_back(kForeground);
  meta["deletionTimestamp"] = rfc3339(now);
  meta["deletionGracePeriodSeconds"] = 0;
  return put_all(object, std::move(body));
}

}  // namespace

// Dependents of an owner in foreground deletion: they go, unless another owner keeps them; the owner goes
// when none is left that blocks it.
void GarbageController::empty_owner(const World& world, const Object& owner,
                                    std::vector<Write>& writes) const {
  bool blocked = false;
  if (const auto it = dependents_.find(owner.uid()); it != dependents_.end()) {
    for (const api::Key& key : it->second) {
      const ObjectPtr found = world.objects->find(key);
      if (found == nullptr) continue;
      const auto& owners = found->meta().owners;
      const bool kept = std::any_of(owners.begin(), owners.end(), [&](const api::OwnerRef& other) {
        return other.uid != owner.uid() && alive_.contains(other.uid);
      });
      if (kept && !found->meta().deletion) {
        writes.push_back(without_owner(*found, owner.uid()));
        continue;
      }
      blocked = blocked || blocks(*found, owner.uid());
      if (found->meta().deletion) continue;
      const bool has_own = dependents_.contains(found->uid()) && found->resource() != "pods";
      writes.push_back(has_own ? remove_in_foreground(*found, world.now) : remove(*found));
    }
  }
  if (blocked) return;
  Json body = owner.body();
  Json& finalizers = body["metadata"]["finalizers"];
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), Json(kForeground)), finalizers.end());
  writes.push_back(put_all(owner, std::move(body)));
}

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
    if (waits_for_dependents(*object)) empty_owner(world, *object, writes);
  }
  return writes;
}

}  // namespace minik::controllers
