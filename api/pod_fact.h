// PodFact: what the runtime saw of one pod: what is, where the Snapshot says what should be.
//
// A value that the runtime reports whole and controllers read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/cow_map.h"

namespace minik::api {

struct ContainerState {
  enum class Kind : std::uint8_t { kWaiting, kRunning, kTerminated } kind = Kind::kWaiting;
  std::string reason, message;  // ContainerCreating, CrashLoopBackOff, Completed, Error, ...
  WallTime started{}, finished{};
  int exit_code = 0;
  int signal = 0;
  std::string container_id;  // crun://<64 hex>
  bool operator==(const ContainerState&) const = default;
};

// What is of one container.
struct ContainerFact {
  std::string name, image, image_id;
  bool init = false;
  ContainerState state;
  std::optional<ContainerState> last;  // How the run before ended.
  int restarts = 0;
  bool started = false;  // Startup probe passed, or none.
  bool ready = false;    // Started and readiness probe passing, or none.
  bool operator==(const ContainerFact&) const = default;
};

// Everything the runtime knows of one pod: a report replaces the one before.
struct PodFact {
  std::string uid;
  bool sandbox_ready = false;  // The network namespace is pinned at netns_path.
  std::string netns_path;      // /run/netns/minik-<cluster>-<namespace>-<pod>; the node's for hostNetwork.
  bool stopped = false;        // Asked to stop, and every container is down.
  std::vector<ContainerFact> containers;  // Init containers first, in the order of the spec.
  bool operator==(const PodFact&) const = default;
};

// By uid.  A value: copies share, and CowMap::diff tells what changed.
using PodFacts = CowMap<std::string, std::shared_ptr<const PodFact>>;

}  // namespace minik::api
