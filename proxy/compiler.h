// Compiler: Services and EndpointSlices → nftables (service-proxy.md section 5, variant A).
//
// Pure but for its memory: a piece is compiled again only when its Service or one of its slices changed, and
// endpoints keep their slots where they can, so that a change is a few elements.
//
// Threads: one.
// Errors: none as a whole; an object that cannot be honoured is left out and named in `problems`.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/object.h"
#include "api/snapshot.h"
#include "netd/plan/node_config.h"
#include "netd/plan/plan.h"

namespace minik::proxy {

struct Compiled {
  netd::Ruleset ruleset;
  std::vector<std::pair<api::Key, std::string>> problems;  // All that stand now; for Events on the objects.
  std::vector<netd::UdpVip> udp;  // UDP addresses whose endpoints changed in this update.
};

class Compiler {
 public:
  explicit Compiler(netd::NodeConfig config);
  ~Compiler();
  Compiled update(const api::SnapshotPtr& now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minik::proxy
