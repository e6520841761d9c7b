// OwnerIndex: which objects of one resource have which controlling owner, kept by the difference of
// snapshots.
//
// Threads: the loop's only.  Cost: what changed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/snapshot.h"
#include "controllers/controller.h"

namespace minik::controllers {

class OwnerIndex {
 public:
  // Objects of `resource` whose controlling owner is of `owner_kind`, stored as `owner_resource`.
  OwnerIndex(std::string resource, std::string owner_resource, std::string owner_kind)
      : resource_(std::move(resource)),
        owner_resource_(std::move(owner_resource)),
        owner_kind_(std::move(owner_kind)) {}

  // Follows to `now`; adds the owners (namespace, name) of everything that changed to `dirty`, and those in
  // whose namespace an orphan appeared.
  void update(const api::Snapshot* seen, const api::Snapshot& now, std::set<api::NsName>& dirty);
  // What the owner has now.
  std::vector<api::ObjectPtr> owned(const api::Snapshot& now, const std::string& owner_uid) const;
  // Writes that make the matching orphans the owner's.
  std::vector<api::Write> adopt(const api::Snapshot& now, const api::Object& owner) const;

 private:
  void note(const api::ObjectPtr& object, bool add, std::set<api::NsName>& dirty);

  std::string resource_, owner_resource_, owner_kind_;
  std::set<api::NsName> orphans_;
  std::map<std::string, std::set<api::NsName>> by_owner_;  // By the owner's uid.
};

// A controller of owners: looks again at each owner that changed, or whose objects did.
class OwningController : public Controller {
 public:
  // A change of any object of `also` concerns every owner.
  OwningController(std::string resource, OwnerIndex owned, std::vector<std::string> also = {})
      : resource_(std::move(resource)), owned_(std::move(owned)), also_(std::move(also)) {}
  std::vector<api::Write> reconcile(const World& world) final;
  std::optional<WallTime> next_look() const final;

 protected:
  // Makes one living owner right.
  virtual void sync(const World& world, const api::Object& owner, std::vector<api::Write>& writes) const = 0;
  const OwnerIndex& owned() const { return owned_; }
  void look_again(const api::Object& owner, WallTime when) const;

 private:
  std::string resource_;
  OwnerIndex owned_;
  std::vector<std::string> also_;
  mutable std::set<std::pair<WallTime, api::NsName>> due_;
  api::SnapshotPtr seen_;
};

}  // namespace minik::controllers
