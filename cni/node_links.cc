#include "cni/node_links.h"

#include "cni/guard.h"

namespace minik::cni {
namespace {

using Sysctls = std::vector<std::pair<std::string, std::string>>;

// network-policy.md sections 2.4 and 2.6; the conntrack times are those that kube-proxy sets.
Sysctls sysctls(bool v6) {
  Sysctls out = {
      {"net.ipv4.ip_forward", "1"},
      {"net.ipv4.conf.all.send_redirects", "0"},
      {"net.ipv4.conf.default.send_redirects", "0"},
      {"net.ipv4.conf.all.accept_redirects", "0"},
      {"net.ipv4.conf.default.accept_redirects", "0"},
      {"net.ipv4.conf.all.rp_filter", "0"},
      {"net.ipv4.conf.default.rp_filter", "0"},
      {"net.bridge.bridge-nf-call-iptables", "0"},
      {"net.bridge.bridge-nf-call-ip6tables", "0"},
      {"net.bridge.bridge-nf-call-arptables", "0"},
      {"net.netfilter.nf_conntrack_tcp_loose", "0"},
      {"net.netfilter.nf_conntrack_tcp_timeout_established", "86400"},
      {"net.netfilter.nf_conntrack_tcp_timeout_close_wait", "3600"},
      {std::string("net.ipv4.conf.") + kBridge + ".send_redirects", "0"},
  };
  if (v6) {
    out.emplace_back("net.ipv6.conf.all.forwarding", "1");
    out.emplace_back("net.ipv6.conf.all.accept_redirects", "0");
    out.emplace_back("net.ipv6.conf.default.accept_redirects", "0");
    out.emplace_back("net.ipv6.conf.all.accept_ra", "0");
    out.emplace_back("net.ipv6.conf.default.accept_ra", "0");
    out.emplace_back(std::string("net.ipv6.conf.") + kBridge + ".accept_dad", "0");
  }
  return out;
}

netd::HostLink host_link(const netd::NodeConfig& config) {
  netd::HostLink link;
  link.host_if = netd::host_link_name(config.cluster, config.node);
  link.alias = netd::host_link_alias(config.cluster, config.node);
  for (const Ip& host : config.host_ips) {
    for (const Ip& node : config.node_ips) {
      if (node.family() == host.family()) link.addresses.emplace_back(host, node);
    }
  }
  for (const auto* ranges : {&config.pod_cidrs, &config.service_cidrs, &config.host_routes}) {
    link.routes.insert(link.routes.end(), ranges->begin(), ranges->end());
  }
  link.egress = config.egress;
  if (!config.egress) return link;
  link.masquerade_table = netd::host_table_name(config.cluster);
  link.masquerade = config.pod_cidrs;
  for (const Ip& node : config.node_ips) link.masquerade.emplace_back(node, node.is_v4() ? 32 : 128);
  return link;
}

}  // namespace

netd::NodeLinks node_links(const netd::NodeConfig& config) {
  netd::NodeLinks node;
  node.bridge = kBridge;
  for (const Cidr& range : config.pod_cidrs) node.ranges.push_back({range});
  if (!node.ranges.empty()) node.mac = mac_for(node.ranges[0].gateway());
  node.service_ranges = config.service_cidrs;
  node.sysctls = sysctls(config.has(Family::kV6));
  if (config.host_link) node.host = host_link(config);
  return node;
}

}  // namespace minik::cni
