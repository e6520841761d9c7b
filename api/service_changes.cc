#include "api/service_changes.h"

namespace minik::api {

std::set<NsName> ServiceChanges::update(const SnapshotPtr& now) {
  std::set<NsName> changed;
  Snapshot::diff(seen_.get(), *now, "services", [&](const ObjectPtr& before, const ObjectPtr& after) {
    const Object& object = after != nullptr ? *after : *before;
    changed.insert({object.ns(), object.name()});
  });
  Snapshot::diff(seen_.get(), *now, "endpointslices.discovery.k8s.io",
                 [&](const ObjectPtr& before, const ObjectPtr& after) {
                   if (before != nullptr) {
                     const NsName service{before->ns(), before->view<EndpointSlice>().service};
                     if (auto it = slices_.find(service); it != slices_.end()) {
                       it->second.erase(before->name());
                       if (it->second.empty()) slices_.erase(it);
                     }
                     changed.insert(service);
                   }
                   if (after != nullptr) {
                     const NsName service{after->ns(), after->view<EndpointSlice>().service};
                     slices_[service][after->name()] = after;
                     changed.insert(service);
                   }
                 });
  seen_ = now;
  return changed;
}

std::vector<ObjectPtr> ServiceChanges::slices(const NsName& service) const {
  std::vector<ObjectPtr> out;
  if (const auto it = slices_.find(service); it != slices_.end()) {
    for (const auto& [name, slice] : it->second) out.push_back(slice);
  }
  return out;
}

}  // namespace minik::api
