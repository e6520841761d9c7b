// Topology: links, addresses, routes and switches that one node should have, as a value.
//
// A node is a network namespace with the bridge; each pod is a veth pair from the bridge into the pod's own
// namespace, which the runtime made and pinned.  Pods have /32 and /128 addresses and reach everything
// through the bridge's address, so every packet between pods is routed by the node and meets its rules
// (network-policy.md section 2).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/cow_map.h"
#include "base/ip.h"

namespace minik::netd {

// One pod range of the node, whose first address is the bridge's.
struct BridgeRange {
  Cidr range;
  Ip gateway() const { return range.at(1); }
  bool operator==(const BridgeRange&) const = default;
};

// The veth pair between host and node.  Both ends have /32 addresses and a route to the other end.
struct HostLink {
  std::string host_if;                       // In the host's namespace; at most 15 bytes.
  std::string node_if = "host0";             // In the node's namespace.
  std::string alias;                         // "minik <cluster>/<node>": how the link is found again.
  std::vector<std::pair<Ip, Ip>> addresses;  // (host, node), one per family.
  std::vector<Cidr> routes;                  // On the host, through the node: pods, Services, load balancers.
  bool egress = false;                       // The node's default route goes to the host, which masquerades.
  std::string masquerade_table;              // With egress: "minik-host-<cluster>", on the host.
  std::vector<Cidr> masquerade;              // With egress: sources that the host masquerades.
  bool operator==(const HostLink&) const = default;
};

struct NodeLinks {
  std::string bridge = "cbr0";
  Mac mac;
  std::vector<BridgeRange> ranges;   // One per family.
  std::vector<Cidr> service_ranges;  // Routed to the bridge, so that the node itself can dial Services.
  std::vector<std::pair<std::string, std::string>> sysctls;  // ("net.ipv4.ip_forward", "1"), in order.
  std::optional<HostLink> host;
  bool operator==(const NodeLinks&) const = default;
};

struct PodLink {
  std::string uid;
  std::string name;           // default/web-7f, for messages.
  std::string netns;          // Path of the pod's pinned namespace.
  std::string host_if;        // Bridge port in the node's namespace; at most 15 bytes.
  Mac mac;                    // Of the pod's eth0.
  std::vector<Ip> addresses;  // On eth0, one per family.
  std::vector<Ip> extra;      // On the pod's lo, and routed to the pod by the node without NAT.
  std::vector<Ip> gateways;   // The bridge's addresses, one per family of `addresses`.
  bool operator==(const PodLink&) const = default;
};

struct Topology {
  std::optional<NodeLinks> node;                             // Absent: nothing at all.
  CowMap<std::string, std::shared_ptr<const PodLink>> pods;  // By uid.
};

// One line per thing that the node's namespace should hold: "port mk1a2b3c up isolated locked",
// "route 10.244.0.2 dev cbr0", ...  NetlinkKernel::observe says what is there in the same words.
std::set<std::string> facts(const Topology& topology);
std::set<std::string> facts(const NodeLinks& node);
std::set<std::string> facts(const NodeLinks& node, const PodLink& pod);

// The EUI-64 link-local address of a MAC (RFC 4291 appendix A), which the kernel gives to the pod's eth0.
Ip link_local(const Mac& mac);

}  // namespace minik::netd
