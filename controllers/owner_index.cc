#include "controllers/owner_index.h"

#include "controllers/controller.h"

namespace minik::controllers {

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

}  // namespace minik::controllers
