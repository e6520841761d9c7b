// Who may send from which address: the table inet minik-node (network-policy.md section 2.5).
//
// The bridge's ports are locked, so a frame's MAC proves the pod; the guard's sets pair MACs with addresses,
// so the address proves it too.
#pragma once

#include <memory>

#include "netd/plan/node_config.h"
#include "netd/plan/ruleset.h"
#include "netd/plan/topology.h"

namespace minik::cni {

inline constexpr const char* kBridge = "cbr0";

std::shared_ptr<const netd::Table> guard_table(const netd::NodeConfig& config);
// The pod's pairs, and its entry in the hairpin sets of the service tables.
std::shared_ptr<const netd::Piece> pod_piece(const netd::PodLink& pod);

}  // namespace minik::cni
