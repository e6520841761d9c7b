// The node's own links, out of its configuration.
#pragma once

#include "netd/plan/node_config.h"
#include "netd/plan/topology.h"

namespace minik::cni {

netd::NodeLinks node_links(const netd::NodeConfig& config);

}  // namespace minik::cni
