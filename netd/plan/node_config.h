// NodeConfig: what proxy and cni need to know about the node they plan for.  Set once at start.
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"

namespace minik::netd {

// An address that a pod holds itself and that the node routes to it without NAT: the cluster DNS.
struct RoutedIp {
  Ip ip;
  std::string ns, pod;
  bool operator==(const RoutedIp&) const = default;
};

struct NodeConfig {
  std::string cluster = "default";
  std::string node = "node-1";
  std::vector<Ip> host_ips;         // The host's end of the link, one per family.
  std::vector<Ip> node_ips;         // The node's own addresses, one per family: NodePorts answer here.
  std::vector<Cidr> pod_cidrs;      // This node's pod ranges, one per family.
  std::vector<Cidr> service_cidrs;  // One per family.
  std::vector<Cidr> host_routes;    // Further ranges that the host sends to this node (load balancers).
  std::vector<RoutedIp> routed;
  bool egress = false;    // Pods reach the outside through the host, masqueraded.
  bool host_link = true;  // A veth pair to the host; tests of the inside do without.

  bool has(Family family) const {
    for (const Cidr& cidr : pod_cidrs) {
      if (cidr.family() == family) return true;
    }
    return false;
  }
};

// Names of namespaces and links, at most 15 bytes where the kernel wants that.
std::string node_netns_name(const std::string& cluster, const std::string& node);  // minik-default-node-1
std::string host_link_name(const std::string& cluster, const std::string& node);   // mk-1a2b3c4d
std::string host_link_alias(const std::string& cluster, const std::string& node);  // minik default/node-1
std::string host_table_name(const std::string& cluster);                           // minik-host-default
std::string pod_link_name(const std::string& uid);                                 // mk1a2b3c4d5e6f

}  // namespace minik::netd
