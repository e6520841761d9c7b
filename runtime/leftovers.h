// Removing everything of a cluster's runtime when no daemon runs: after kill -9, for `minik down`.
#pragma once

#include "runtime/runtime.h"

namespace minik::runtime {

// Ends shims and containers, unmounts everything below RUN, removes the names in /run/netns that belong to
// pods of this cluster (never the node's), RUN, and the writable layers.  Images, logs and records in STATE
// stay.  Nothing there is fine.  Call it only while no daemon of the cluster runs. Errors: kKernel: what
// could not be unmounted or removed; the rest is removed nevertheless.
Result<> remove_leftovers(const RuntimeConfig& config);

}  // namespace minik::runtime
