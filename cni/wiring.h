// Wiring: Pods → links and the rules that belong to a link: who may send from which address.
//
// Threads: one.  Pure but for its memory: a pod's link and piece are made again only when the pod changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/snapshot.h"
#include "netd/plan/node_config.h"
#include "netd/plan/plan.h"

namespace minik::cni {

// What the runtime did for a pod so far.
struct PodNet {
  std::string netns;  // Path of the pod's pinned network namespace.
  bool operator==(const PodNet&) const = default;
};
using PodNets = std::map<std::string, PodNet>;  // By uid.

struct Wired {
  netd::Topology topology;
  netd::Ruleset ruleset;  // Table inet minik-node and pieces "pod <ns>/<name>".
};

class Wiring {
 public:
  explicit Wiring(netd::NodeConfig config);
  ~Wiring();
  // A pod is wired while it has an address, is not finished and the runtime made its namespace.
  Wired update(const api::SnapshotPtr& now, const PodNets& nets);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minik::cni
