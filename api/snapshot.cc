#include "api/snapshot.h"

namespace minik::api {

const Snapshot::Index& Snapshot::of(std::string_view resource) const {
  static const Index kNone;
  const auto it = indexes_.find(resource);
  return it == indexes_.end() ? kNone : *it->second;
}

ObjectPtr Snapshot::find(std::string_view resource, const std::string& ns, const std::string& name) const {
  const ObjectPtr* found = of(resource).find(NsName{ns, name});
  return found == nullptr ? nullptr : *found;
}

std::vector<ObjectPtr> Snapshot::list(std::string_view resource, const std::string& ns) const {
  std::vector<ObjectPtr> objects;
  for_each(resource, ns, [&](const ObjectPtr& object) { objects.push_back(object); });
  return objects;
}

std::vector<std::string> Snapshot::resources() const {
  std::vector<std::string> names;
  for (const auto& [resource, index] : indexes_) {
    if (!index->empty()) names.push_back(resource);
  }
  return names;
}

bool Snapshot::same(const Snapshot* before, const Snapshot& after, std::string_view resource) {
  if (before == nullptr) return false;
  const auto a = before->indexes_.find(resource);
  const auto b = after.indexes_.find(resource);
  const bool none_a = a == before->indexes_.end(), none_b = b == after.indexes_.end();
  if (none_a || none_b) return none_a == none_b;
  return a->second == b->second;
}

Snapshot::Index& Snapshot::writable(std::string_view resource) {
  auto it = indexes_.find(resource);
  auto copy = it == indexes_.end() ? std::make_shared<Index>() : std::make_shared<Index>(*it->second);
  Index& result = *copy;
  if (it == indexes_.end()) {
    indexes_.emplace(std::string(resource), std::move(copy));
  } else {
    it->second = std::move(copy);
  }
  return result;
}

void Snapshot::put(ObjectPtr object) {
  const NsName key{object->ns(), object->name()};
  writable(object->resource()).set(key, std::move(object));
}

void Snapshot::remove(const Key& key) { writable(key.resource).erase(NsName{key.ns, key.name}); }

}  // namespace minik::api
