// OwnerIndex: which objects of one resource have which controlling owner, kept by the difference of
// snapshots.
//
// Threads: the loop's only.  Cost: what changed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "api/snapshot.h"

namespace minik::controllers {

class OwnerIndex {
 public:
  // Objects of `resource` whose controlling owner is of `owner_kind`.
  OwnerIndex(std::string resource, std::string owner_kind)
      : resource_(std::move(resource)), owner_kind_(std::move(owner_kind)) {}

  // Follows to `now`; adds the owners (namespace, name) of everything that changed to `dirty`.
  void update(const api::Snapshot* seen, const api::Snapshot& now, std::set<api::NsName>& dirty);
  // What the owner has now.
  std::vector<api::ObjectPtr> owned(const api::Snapshot& now, const std::string& owner_uid) const;

 private:
  void note(const api::ObjectPtr& object, bool add, std::set<api::NsName>& dirty);

  std::string resource_, owner_kind_;
  std::map<std::string, std::set<api::NsName>> by_owner_;  // By the owner's uid.
};

}  // namespace minik::controllers
