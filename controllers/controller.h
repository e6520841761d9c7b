// Controller: nouns that follow from nouns.  Each looks at the world and answers the writes that would make
// it right; it never waits, calls nobody and remembers only what it can compute again.
//
// Threads: the loop's only.  Errors: none; what cannot be done yet is simply not written yet.
// Cost: a call costs what changed since the last one (Snapshot::diff), not what is there.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/pod_fact.h"
#include "api/snapshot.h"
#include "base/clock.h"

namespace minik::controllers {

struct World {
  api::SnapshotPtr objects;
  const api::PodFacts* facts = nullptr;
  WallTime now{};
};

// An Event on `about` that follows from a write: one when the write is done, another when it is refused.
// Without a key it follows at once.
struct Report {
  api::ObjectPtr about;
  std::string component;  // replicaset-controller
  bool warning = false;
  std::string reason, message;
  std::optional<api::Key> write;
  std::string failed_reason, failed_message;  // The refusal follows the message; empty: no Event.
};

class Controller {
 public:
  virtual ~Controller() = default;
  virtual std::vector<api::Write> reconcile(const World& world) = 0;
  // What the last reconcile has to tell.
  virtual std::vector<Report> take_reports() { return {}; }
  // When to reconcile again even if nothing changes.
  virtual std::optional<WallTime> wake_at() const { return std::nullopt; }
};

// What a controller does for one object.
struct Steps {
  std::vector<api::Write> writes;
  std::vector<Report> reports;
  std::optional<WallTime> again;  // When to look at the object again.

  void later(WallTime at) { again = again ? std::min(*again, at) : at; }
};

// What every write of a controller looks like.
api::Write create(const std::string& resource, Json body);
api::Write put_status(const api::Object& object, Json status);
api::Write put(const api::Object& object, Json body);
api::Write put_all(const api::Object& object, Json body);
api::Write remove(const api::Object& object);

// metadata.ownerReferences entry that makes `owner` the controller.
Json owner_reference(const api::Object& owner);
// The object's controlling owner, null if it has none.
const api::OwnerRef* controller_of(const api::Object& object);

// Sets one entry of a condition list; lastTransitionTime moves only with the status.
void set_condition(Json& conditions, const std::string& type, bool status, const std::string& reason,
                   const std::string& message, WallTime now);

// The same with any word as status: True, False, Unknown.
void set_condition_word(Json& conditions, const std::string& type, const std::string& word,
                        const std::string& reason, const std::string& message, WallTime now);

}  // namespace minik::controllers
