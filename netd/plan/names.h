// Names that two rooms must agree on: proxy owns the service tables, cni fills one set in them.
#pragma once

#include "netd/plan/ruleset.h"

namespace minik::netd {

// ip minik-svc, ip6 minik-svc.
inline TableName service_table(Family family) {
  return {family == Family::kV4 ? TableFamily::kIp : TableFamily::kIp6, "minik-svc"};
}
// Pairs (pod address . the same address): a pod that reached itself through a Service.
inline SetName hairpin_set(Family family) { return {service_table(family), "hairpin"}; }

// inet minik-node: who may send from which address.
inline TableName node_table() { return {TableFamily::kInet, "minik-node"}; }
inline SetName source_set(Family family) {
  return {node_table(), family == Family::kV4 ? "sources" : "sources6"};
}

}  // namespace minik::netd
