// Happenings: what controllers did, read off the difference of two snapshots, for Events.
//
// Controllers only write objects; that a ReplicaSet made a pod follows from the pod that was not there before
// and names the set as its controller.  So no controller has to remember to tell, and none can tell twice.
//
// Threads: the loop's only.  Cost: what changed.
#pragma once

#include <string>
#include <vector>

#include "api/snapshot.h"

namespace minik::controllers {

struct Happening {
  std::string api_version, kind;
  api::Key about;
  std::string uid;
  std::string field_path;  // spec.containers{web}
  std::string component;   // kubelet, default-scheduler, deployment-controller, …
  bool warning = false;
  std::string reason, message;
};

// What happened between the two; nothing when there is no `before`.
std::vector<Happening> happenings_between(const api::Snapshot* before, const api::Snapshot& now);

}  // namespace minik::controllers
