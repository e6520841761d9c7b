#include "netd/kernel/links.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/text.h"
#include "base/unique_fd.h"
#include "netd/kernel/netns.h"

namespace minik::netd {
namespace {

constexpr const char* kPodIf = "eth0";

Cidr whole(const Ip& ip) { return Cidr(ip, ip.is_v4() ? 32 : 128); }

std::optional<Ip> of_family(const std::vector<Ip>& list, Family family) {
  for (const Ip& ip : list) {
    if (ip.family() == family) return ip;
  }
  return std::nullopt;
}

Result<> put_neighbour(Rtnl& rtnl, int link, const Ip& ip, const Mac& mac) {
  ndmsg fixed{};
  fixed.ndm_family = ip.is_v4() ? AF_INET : AF_INET6;
  fixed.ndm_ifindex = link;
  fixed.ndm_state = NUD_PERMANENT;
  RtRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, fixed, "add neighbour " + ip.text());
  request.put(NDA_DST, ip).put(NDA_LLADDR, mac);
  return rtnl.send(request);
}

// The bridge forwards frames for the MAC to this port only, and takes frames from it only with that source.
Result<> put_fdb(Rtnl& rtnl, int port, const Mac& mac) {
  ndmsg fixed{};
  fixed.ndm_family = AF_BRIDGE;
  fixed.ndm_ifindex = port;
  fixed.ndm_state = NUD_NOARP;
  fixed.ndm_flags = NTF_MASTER;
  RtRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, fixed, "add bridge entry " + mac.text());
  request.put(NDA_LLADDR, mac);
  return rtnl.send(request);
}

// The pod's end: addresses, and everything through the bridge.  Runs inside the pod's namespace.
Result<> configure_pod(const PodLink& pod) {
  const bool v6 = of_family(pod.addresses, Family::kV6).has_value();
  if (v6) {
    TRY(write_sysctl("net.ipv6.conf.all.accept_redirects", "0"));
    TRY(write_sysctl("net.ipv6.conf.eth0.accept_redirects", "0"));
    TRY(write_sysctl("net.ipv6.conf.eth0.accept_ra", "0"));
    TRY(write_sysctl("net.ipv6.conf.eth0.accept_dad", "0"));
  } else if (auto off = write_sysctl("net.ipv6.conf.eth0.disable_ipv6", "1");
             !off.ok() && off.error().code() != Code::kNotFound) {
    return off;
  }
  Rtnl rtnl = TRY(Rtnl::open());
  const int lo = TRY(rtnl.link_index("lo"));
  TRY(rtnl.set_up(lo, true));
  for (const Ip& ip : pod.extra) TRY(rtnl.add_address(lo, ip, whole(ip).prefix()));
  const int eth0 = TRY(rtnl.link_index(kPodIf));
  for (const Ip& ip : pod.addresses) TRY(rtnl.add_address(eth0, ip, whole(ip).prefix()));
  TRY(rtnl.set_up(eth0, true));
  for (const Ip& ip : pod.addresses) {
    const auto gateway = of_family(pod.gateways, ip.family());
    if (!gateway) continue;
    TRY(put_route(rtnl, {whole(*gateway), eth0, std::nullopt, ip}));
    TRY(put_route(rtnl,
                  {Cidr(ip.is_v4() ? Ip() : Ip::v6(std::array<std::uint8_t, 16>{}), 0), eth0, gateway, ip}));
  }
  return {};
}

}  // namespace

Result<NodeNet> NodeNet::open(const std::string& netns) {
  std::optional<Rtnl> rtnl;
  TRY(in_netns(netns, [&]() -> Result<> {
    rtnl = TRY(Rtnl::open());
    const int lo = TRY(rtnl->link_index("lo"));
    return rtnl->set_up(lo, true);
  }));
  return NodeNet(netns, *std::move(rtnl));
}

Result<> NodeNet::make_bridge(const NodeLinks& node) {
  ifinfomsg fixed{};
  RtRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fixed, "make bridge " + node.bridge);
  request.put(IFLA_IFNAME, node.bridge).put(IFLA_ADDRESS, node.mac);
  request.nest(IFLA_LINKINFO, [&] {
    request.put(IFLA_INFO_KIND, std::string("bridge"));
    request.nest(IFLA_INFO_DATA, [&] { request.put8(IFLA_BR_MCAST_SNOOPING, 0); });
  });
  return rtnl_.ensure(request);
}

Result<> NodeNet::set_up(const NodeLinks& node) {
  const std::string own = "." + node.bridge + ".";
  const auto switches = [&](bool of_bridge) {
    return in_netns(netns_, [&]() -> Result<> {
      for (const auto& [name, value] : node.sysctls) {
        if ((name.find(own) != std::string::npos) != of_bridge) continue;
        auto written = write_sysctl(name, value);
        const bool optional = starts_with(name, "net.bridge.") || starts_with(name, "net.ipv6.");
        if (!written.ok() && !(optional && written.error().code() == Code::kNotFound)) return written;
      }
      return {};
    });
  };
  TRY(switches(false));
  TRY(make_bridge(node));
  TRY(switches(true));
  const int bridge = TRY(rtnl_.link_index(node.bridge));
  for (const BridgeRange& range : node.ranges) {
    TRY(rtnl_.add_address(bridge, range.gateway(), range.range.prefix()));
    TRY(put_route(rtnl_, {range.range, 0, std::nullopt, std::nullopt}));
  }
  TRY(rtnl_.set_up(bridge, true));
  for (const Cidr& services : node.service_ranges) {
    std::optional<Ip> source;
    for (const BridgeRange& range : node.ranges) {
      if (range.range.family() == services.family()) source = range.gateway();
    }
    TRY(put_route(rtnl_, {services, bridge, std::nullopt, source}));
  }
  if (node.host) TRY(make_host_link(*node.host));
  return {};
}

Result<> NodeNet::make_host_link(const HostLink& link) {
  Rtnl host = TRY(Rtnl::open());  // The daemon lives in the host's namespace.
  if (!rtnl_.link_index(link.node_if).ok()) {
    TRY(host.delete_link(link.host_if));
    const UniqueFd node(::open(netns_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!node) return Error::from_errno(errno, "open " + netns_);
    ifinfomsg fixed{};
    RtRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fixed, "make host link " + link.host_if);
    request.put(IFLA_IFNAME, link.host_if);
    request.nest(IFLA_LINKINFO, [&] {
      request.put(IFLA_INFO_KIND, std::string("veth"));
      request.nest(IFLA_INFO_DATA, [&] {
        request.nest(VETH_INFO_PEER, [&] {
          request.raw(&fixed, sizeof fixed);
          request.put(IFLA_IFNAME, link.node_if);
          request.put32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(node.get()));
        });
      });
    });
    TRY(host.send(request));
  }
  const int outer = TRY(host.link_index(link.host_if));
  const int inner = TRY(rtnl_.link_index(link.node_if));
  ifinfomsg named{};
  named.ifi_index = outer;
  RtRequest alias(RTM_NEWLINK, 0, named, "name host link " + link.host_if);
  alias.put(IFLA_IFALIAS, link.alias);
  TRY(host.send(alias));
  for (const auto& [host_ip, node_ip] : link.addresses) {
    TRY(host.add_address(outer, host_ip, whole(host_ip).prefix()));
    TRY(rtnl_.add_address(inner, node_ip, whole(node_ip).prefix()));
  }
  TRY(host.set_up(outer, true));
  TRY(rtnl_.set_up(inner, true));
  for (const auto& [host_ip, node_ip] : link.addresses) {
    TRY(put_route(host, {whole(node_ip), outer, std::nullopt, host_ip}));
    TRY(put_route(rtnl_, {whole(host_ip), inner, std::nullopt, node_ip}));
    for (const Cidr& range : link.routes) {
      if (range.family() == host_ip.family()) TRY(put_route(host, {range, outer, node_ip, host_ip}));
    }
    const Ip any = host_ip.is_v4() ? Ip() : Ip::v6(std::array<std::uint8_t, 16>{});
    if (link.egress) TRY(put_route(rtnl_, {Cidr(any, 0), inner, host_ip, node_ip}));
  }
  return {};
}

Result<> NodeNet::set_port_flags(int index, const std::string& alias) {
  ifinfomsg named{};
  named.ifi_index = index;
  RtRequest name(RTM_NEWLINK, 0, named, "name a bridge port");
  name.put(IFLA_IFALIAS, alias);
  name.nest(IFLA_AF_SPEC, [&] {
    name.nest(AF_INET6, [&] { name.put8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
  TRY(rtnl_.send(name));
  ifinfomsg port{};
  port.ifi_family = AF_BRIDGE;
  port.ifi_index = index;
  RtRequest request(RTM_SETLINK, 0, port, "isolate a bridge port");
  request.nest(IFLA_PROTINFO | NLA_F_NESTED, [&] {
    for (const int on : {IFLA_BRPORT_ISOLATED, IFLA_BRPORT_LOCKED}) request.put8(on, 1);
    for (const int off : {IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD,
                          IFLA_BRPORT_BCAST_FLOOD}) {
      request.put8(off, 0);
    }
  });
  return rtnl_.send(request);
}

Result<> NodeNet::add_pod(const NodeLinks& node, const PodLink& pod) {
  TRY(rtnl_.delete_link(pod.host_if));
  const UniqueFd netns(::open(pod.netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return Error::from_errno(errno, "open " + pod.netns);
  const int bridge = TRY(rtnl_.link_index(node.bridge));
  ifinfomsg fixed{};
  RtRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fixed, "make link " + pod.host_if);
  request.put(IFLA_IFNAME, pod.host_if).put32(IFLA_MASTER, static_cast<std::uint32_t>(bridge));
  request.nest(IFLA_LINKINFO, [&] {
    request.put(IFLA_INFO_KIND, std::string("veth"));
    request.nest(IFLA_INFO_DATA, [&] {
      request.nest(VETH_INFO_PEER, [&] {
        request.raw(&fixed, sizeof fixed);
        request.put(IFLA_IFNAME, std::string(kPodIf)).put(IFLA_ADDRESS, pod.mac);
        request.put32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns.get()));
      });
    });
  });
  TRY(rtnl_.send(request));
  const int port = TRY(rtnl_.link_index(pod.host_if));
  TRY(set_port_flags(port, "pod " + pod.name));
  TRY(put_fdb(rtnl_, port, pod.mac));
  for (const Ip& ip : pod.addresses) TRY(put_neighbour(rtnl_, bridge, ip, pod.mac));
  return {};
}

Result<> NodeNet::start_pod(const NodeLinks& node, const PodLink& pod) {
  const int port = TRY(rtnl_.link_index(pod.host_if));
  TRY(rtnl_.set_up(port, true));
  TRY(in_netns(pod.netns, [&] { return configure_pod(pod); }));
  // The port got its carrier just now; asking for it makes the kernel notice at once instead of a little
  // later, when the first packet would be lost.
  TRY(rtnl_.link_index(pod.host_if));
  const int bridge = TRY(rtnl_.link_index(node.bridge));
  for (const Ip& ip : pod.addresses) {
    TRY(put_route(rtnl_, {whole(ip), bridge, std::nullopt, of_family(pod.gateways, ip.family())}));
  }
  for (const Ip& extra : pod.extra) {
    const auto via = of_family(pod.addresses, extra.family());
    if (via) TRY(put_route(rtnl_, {whole(extra), bridge, via, of_family(pod.gateways, extra.family())}));
  }
  return {};
}

Result<> NodeNet::remove_pod(const NodeLinks& node, const PodLink& pod) {
  TRY(rtnl_.delete_link(pod.host_if));
  const auto bridge = rtnl_.link_index(node.bridge);
  if (!bridge.ok()) return {};
  for (const Ip& extra : pod.extra)
    TRY(delete_route(rtnl_, {whole(extra), *bridge, std::nullopt, std::nullopt}));
  for (const Ip& ip : pod.addresses) {
    TRY(delete_route(rtnl_, {whole(ip), *bridge, std::nullopt, std::nullopt}));
    TRY(delete_neighbour(rtnl_, *bridge, ip));
  }
  return {};
}

}  // namespace minik::netd
