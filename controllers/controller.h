// Controller: nouns that follow from nouns.  Each looks at the world and answers the writes that would make
// it right; it never waits, calls nobody and remembers only what it can compute again.
//
// Threads: the loop's only.  Errors: none; what cannot be done yet is simply not written yet.
// Cost: a call costs what changed since the last one (Snapshot::diff), not what is there.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
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

class Controller {
 public:
  virtual ~Controller() = default;
  virtual std::vector<api::Write> reconcile(const World& world) = 0;
  // When it wants to look again though nothing changed.
  virtual std::optional<WallTime> next_look() const { return std::nullopt; }
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

}  // namespace minik::controllers
