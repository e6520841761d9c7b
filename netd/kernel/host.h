// The host around the node: what must be true before `up`, and what `down` removes.
//
// Everything here acts on the network namespace of the calling process.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace minik::netd {

// A range that the cluster will use, and the flag that changes it: {10.244.0.0/16, "--pod-cidr"}.
struct NamedRange {
  Cidr range;
  std::string flag;
};

// Errors: kInvalid, when a route of the host (but the default route and those of this cluster's own link)
// overlaps a range: the message names the route and the flag that avoids it.
Result<> check_ranges(const std::string& cluster, const std::vector<NamedRange>& ranges);

// Whether this kernel and this user can do what a node needs; the message names the first thing that is
// missing. Works in a throw-away namespace.
Result<> probe_features();

// Deletes everything of a cluster: its namespaces (named minik-<cluster>-…), host links, routes, host table.
// What is not there is fine.  Processes inside the namespaces are the runtime's business.
Result<> remove_all(const std::string& cluster);

}  // namespace minik::netd
