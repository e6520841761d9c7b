// ServiceChanges: which Services concern a reader since its last look, with their slices at hand.
//
// proxy and dns both compile one piece per Service from the Service and its EndpointSlices.  This keeps the
// index from Service to slices and tells which Services to compile again; one look costs what changed.
//
// Threads: one.  Errors: none.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/service.h"
#include "api/snapshot.h"

namespace minik::api {

class ServiceChanges {
 public:
  // Services (namespace, name) that appeared, changed or went, or whose slices did, since the last call.
  std::set<NsName> update(const SnapshotPtr& now);
  // The slices that carry the Service's name, in name order.
  std::vector<ObjectPtr> slices(const NsName& service) const;

 private:
  SnapshotPtr seen_;
  std::map<NsName, std::map<std::string, ObjectPtr>> slices_;
};

}  // namespace minik::api
