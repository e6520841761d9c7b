// Revisions: the templates that a DaemonSet or StatefulSet had, kept as ControllerRevisions so that
// `kubectl rollout history` and `undo` find them.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "controllers/controller.h"

namespace minik::controllers {

inline constexpr const char* kRevisions = "controllerrevisions.apps";
inline constexpr const char* kRevisionLabel = "controller-revision-hash";

// Ten characters of the name-safe alphabet, as kubectl users know them.  `collisions` makes another name when
// an object of somebody else has this one.
std::string template_hash(const Json& pod_template, std::int64_t collisions);

std::int64_t revision_number(const api::Object& revision);
// The template that a revision kept.
Json template_of_revision(const api::Object& revision);

// The history of one owner.
struct History {
  api::ObjectPtr fresh;             // Of the template now; null while it is being written.
  std::vector<api::ObjectPtr> all;  // Oldest first.
  std::int64_t collisions = 0;      // More than the status counts: another name is needed.
};
// Finds the revision of the template; if there is none or it is not the newest, writes what makes it so.
History history_of(const World& world, const api::Object& owner, Steps& steps);
// Deletes the oldest revisions beyond spec.revisionHistoryLimit that are not named in `live`.
void drop_revisions(const api::Object& owner, const History& history, const std::vector<std::string>& live,
                    Steps& steps);

}  // namespace minik::controllers
