// Revisions: the states of a DaemonSet or StatefulSet, kept as ControllerRevisions for going back to them.
//
// Pure.  The newest revision is the one with the highest number; going back gives an old one a new number.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "controllers/controller.h"

namespace minik::controllers {

struct Revision {
  std::string name;  // set-7d9f…
  std::string hash;  // The end of the name.
};

// The revision of the set's template as it is now; writes what makes it the newest and forgets old ones that
// no pod has and the set's revisionHistoryLimit does not keep.
Revision newest_revision(const api::Snapshot& objects, const api::Object& set,
                         const std::set<std::string>& hashes_in_use, std::vector<api::Write>& writes);

}  // namespace minik::controllers
