// EventRecorder: Events on objects, equal ones counted instead of repeated, old ones forgotten after an hour.
//
// Threads: one (the loop).  Errors: none; an Event that cannot be written is not worth failing for.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/snapshot.h"
#include "base/clock.h"

namespace minik::daemon {

struct Happening {
  std::string api_version, kind;
  api::Key about;
  std::string uid;
  std::string field_path;  // spec.containers{web}
  std::string component;   // kubelet, default-scheduler, minik-proxy
  bool warning = false;
  std::string reason, message;
};

class EventRecorder {
 public:
  void note(Happening happening);
  // The writes for what was noted, and the removal of old Events.
  std::vector<api::Write> take(const api::SnapshotPtr& objects, WallTime now);

 private:
  struct Known {
    std::string ns, name;
    WallTime last;
  };
  std::vector<Happening> noted_;
  std::map<std::string, Known> known_;  // By what makes two happenings equal.
  WallTime swept_{};
  std::uint64_t last_name_ = 0;
};

}  // namespace minik::daemon
