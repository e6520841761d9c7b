// The constant part of the service tables (service-proxy.md section 5.2) and the names in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "netd/plan/names.h"
#include "netd/plan/node_config.h"
#include "netd/plan/ruleset.h"

namespace minik::proxy {

inline constexpr std::uint32_t kChainsAlways = 16;  // lb-1 … lb-16 are there from the start.
inline constexpr const char* kNoEndpoints = "no-endpoints";

// lb-N: one rule that draws one of N slots; shared by all addresses with N endpoints.
std::string balancer_chain(std::uint32_t endpoints);

inline netd::SetName services_map(Family family) { return {netd::service_table(family), "services"}; }
inline netd::SetName endpoints_map(Family family) { return {netd::service_table(family), "endpoints"}; }
inline netd::SetName cluster_ips_set(Family family) { return {netd::service_table(family), "cluster-ips"}; }
inline netd::SetName masquerade_set(Family family) {
  return {netd::service_table(family), "masquerade-vips"};
}
inline netd::SetName routed_set(Family family) { return {netd::service_table(family), "routed-ips"}; }

// Chains, rules and empty sets; with balancer chains up to `largest`.
std::shared_ptr<const netd::Table> service_skeleton(const netd::NodeConfig& config, Family family,
                                                    std::uint32_t largest);

}  // namespace minik::proxy
