#include "netd/plan/topology.h"

#include <fmt/format.h>

namespace minik::netd {

std::set<std::string> facts(const NodeLinks& node) {
  std::set<std::string> out;
  out.insert(fmt::format("bridge {} {} up", node.bridge, node.mac.text()));
  for (const BridgeRange& range : node.ranges) {
    out.insert(fmt::format("address {} {}/{}", node.bridge, range.gateway().text(), range.range.prefix()));
    out.insert(fmt::format("route unreachable {}", range.range.text()));
  }
  for (const Cidr& range : node.service_ranges)
    out.insert(fmt::format("route {} dev {}", range.text(), node.bridge));
  if (!node.host) return out;
  for (const auto& [host, own] : node.host->addresses) {
    const int whole = own.is_v4() ? 32 : 128;
    out.insert(fmt::format("address {} {}/{}", node.host->node_if, own.text(), whole));
    out.insert(fmt::format("route {}/{} dev {}", host.text(), whole, node.host->node_if));
    if (node.host->egress) {
      out.insert(fmt::format("route {} via {} dev {}", own.is_v4() ? "0.0.0.0/0" : "::/0", host.text(),
                             node.host->node_if));
    }
  }
  return out;
}

std::set<std::string> facts(const NodeLinks& node, const PodLink& pod) {
  std::set<std::string> out;
  out.insert(fmt::format("port {} on {} up isolated locked", pod.host_if, node.bridge));
  out.insert(fmt::format("fdb {} {}", pod.mac.text(), pod.host_if));
  for (const Ip& ip : pod.addresses) {
    out.insert(fmt::format("neighbour {} {} {}", node.bridge, ip.text(), pod.mac.text()));
    out.insert(fmt::format("route {}/{} dev {}", ip.text(), ip.is_v4() ? 32 : 128, node.bridge));
  }
  for (const Ip& extra : pod.extra) {
    for (const Ip& via : pod.addresses) {
      if (via.family() != extra.family()) continue;
      out.insert(fmt::format("route {}/{} via {} dev {}", extra.text(), extra.is_v4() ? 32 : 128, via.text(),
                             node.bridge));
    }
  }
  return out;
}

std::set<std::string> facts(const Topology& topology) {
  std::set<std::string> out;
  if (!topology.node) return out;
  out = facts(*topology.node);
  topology.pods.for_each([&](const std::string&, const std::shared_ptr<const PodLink>& pod) {
    out.merge(facts(*topology.node, *pod));
  });
  return out;
}

Ip link_local(const Mac& mac) {
  const auto& m = mac.bytes;
  const std::array<std::uint8_t, 16> bytes{
      0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<std::uint8_t>(m[0] ^ 2),
      m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return Ip::v6(bytes);
}

}  // namespace minik::netd
