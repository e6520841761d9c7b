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

#include "api/selector.h"
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
  // Writes that make the matching orphans the owner's, and let go what does not match any more.
  std::vector<api::Write> claim(const api::Snapshot& now, const api::Object& owner) const;

 private:
  void note(const api::ObjectPtr& object, bool add, std::set<api::NsName>& dirty);

  std::string resource_, owner_resource_, owner_kind_;
  std::set<api::NsName> orphans_;
  std::map<std::string, std::set<api::NsName>> by_owner_;  // By the owner's uid.
};

// A controller of owners: looks again at each owner that changed, or whose objects did.
class OwningController : public Controller {
 public:
  OwningController(std::string resource, OwnerIndex owned)
      : resource_(std::move(resource)), owned_(std::move(owned)) {}
  std::vector<api::Write> reconcile(const World& world) final;
  std::vector<Report> take_reports() final { return std::exchange(reports_, {}); }
  std::optional<WallTime> wake_at() const final;

 protected:
  // Makes one living owner right; `owned` is what it has, once everything that matches is its own.
  virtual void sync(const World& world, const api::ObjectPtr& owner, std::vector<api::ObjectPtr> owned,
                    Steps& steps) const = 0;
  // A resource whose every change concerns all owners: "nodes" for DaemonSets.
  virtual std::string_view concerns_all() const { return ""; }
  // The owner is no more, or on its way out.
  virtual void gone(const World&, const api::NsName&, Steps&) const {}

 private:
  std::string resource_;
  OwnerIndex owned_;
  api::SnapshotPtr seen_;
  std::vector<Report> reports_;
  std::map<api::NsName, WallTime> again_;
};

// The selector of a workload: of a ReplicationController plain labels, of any other a LabelSelector.
Result<api::LabelSelector> selector_of(const api::Object& owner);

}  // namespace minik::controllers
