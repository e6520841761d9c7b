// Snapshot: all objects at one revision.  A value: copies share structure, readers never lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "base/cow_map.h"

namespace minik::api {

class Snapshot {
 public:
  using Index = CowMap<NsName, ObjectPtr>;

  std::uint64_t revision() const { return revision_; }
  // Null if there is none.
  ObjectPtr find(std::string_view resource, const std::string& ns, const std::string& name) const;
  ObjectPtr find(const Key& key) const { return find(key.resource, key.ns, key.name); }
  // Sorted by (namespace, name).  Empty `ns` means all namespaces.
  template <class Visit>
  void for_each(std::string_view resource, const std::string& ns, Visit&& visit) const {
    const Index& index = of(resource);
    if (ns.empty()) return index.for_each([&](const NsName&, const ObjectPtr& object) { visit(object); });
    index.for_each_from(NsName{ns, ""}, [&](const NsName& key, const ObjectPtr& object) {
      if (key.ns != ns) return false;
      visit(object);
      return true;
    });
  }
  std::vector<ObjectPtr> list(std::string_view resource, const std::string& ns = "") const;
  std::size_t count(std::string_view resource) const { return of(resource).size(); }
  std::vector<std::string> resources() const;

  // Calls visit(const ObjectPtr& before, const ObjectPtr& after) for each object of `resource` that differs;
  // null means absent.  Costs what changed, not what is there.  `before` may be null: then everything is new.
  template <class Visit>
  static void diff(const Snapshot* before, const Snapshot& after, std::string_view resource, Visit&& visit) {
    static const Index kNone;
    static const ObjectPtr kAbsent;
    Index::diff(before == nullptr ? kNone : before->of(resource), after.of(resource),
                [&](const NsName&, const ObjectPtr* a, const ObjectPtr* b) {
                  visit(a == nullptr ? kAbsent : *a, b == nullptr ? kAbsent : *b);
                });
  }
  // Whether the resource is the very same in both.
  static bool same(const Snapshot* before, const Snapshot& after, std::string_view resource);

  // For the store, which makes the next snapshot from a copy of the last one.
  void put(ObjectPtr object);
  void remove(const Key& key);
  void set_revision(std::uint64_t revision) { revision_ = revision; }

 private:
  const Index& of(std::string_view resource) const;
  Index& writable(std::string_view resource);

  std::uint64_t revision_ = 0;
  std::map<std::string, std::shared_ptr<const Index>, std::less<>> indexes_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace minik::api
