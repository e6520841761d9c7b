// NodeNet::observe: what links, addresses, routes and neighbours the node has, in the words of facts().
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <cstring>
#include <map>

#include "base/text.h"
#include "netd/kernel/links.h"

namespace minik::netd {
namespace {

struct Link {
  std::string name;
  Mac mac;
  bool up = false, bridge = false;
  int master = 0;
  bool isolated = false, locked = false;
};
using Links = std::map<int, Link>;

template <class Fixed>
const Fixed& fixed_of(const nlmsghdr* message) {
  return *static_cast<const Fixed*>(NLMSG_DATA(message));
}

Mac mac_of(const rtattr* attribute) {
  Mac mac;
  if (attribute != nullptr && RTA_PAYLOAD(attribute) == mac.bytes.size()) {
    std::memcpy(mac.bytes.data(), RTA_DATA(attribute), mac.bytes.size());
  }
  return mac;
}

std::uint32_t u32_of(const rtattr* attribute) {
  std::uint32_t value = 0;
  if (attribute != nullptr)
    std::memcpy(&value, RTA_DATA(attribute), std::min<std::size_t>(4, RTA_PAYLOAD(attribute)));
  return value;
}

// The attribute of this type inside another.
const rtattr* inside(const rtattr* outer, int type) {
  if (outer == nullptr) return nullptr;
  const auto* attribute = static_cast<const rtattr*>(RTA_DATA(outer));
  auto left = static_cast<long>(RTA_PAYLOAD(outer));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
  }
  return nullptr;
}

bool set_in(const rtattr* outer, int type) {
  const rtattr* flag = inside(outer, type);
  return flag != nullptr && *static_cast<const std::uint8_t*>(RTA_DATA(flag)) != 0;
}

Result<Links> read_links(Rtnl& rtnl) {
  Links links;
  TRY(rtnl.dump(RTM_GETLINK, AF_UNSPEC, [&](const nlmsghdr* message) {
    const auto& fixed = fixed_of<ifinfomsg>(message);
    Link& link = links[fixed.ifi_index];
    const auto get = [&](int type) { return attribute_of(message, sizeof(ifinfomsg), type); };
    link.name = text_of(get(IFLA_IFNAME));
    link.mac = mac_of(get(IFLA_ADDRESS));
    link.up = (fixed.ifi_flags & IFF_UP) != 0;
    link.master = static_cast<int>(u32_of(get(IFLA_MASTER)));
    link.bridge = text_of(inside(get(IFLA_LINKINFO), IFLA_INFO_KIND)) == "bridge";
  }));
  TRY(rtnl.dump(RTM_GETLINK, AF_BRIDGE, [&](const nlmsghdr* message) {
    const rtattr* port = attribute_of(message, sizeof(ifinfomsg), IFLA_PROTINFO);
    Link& link = links[fixed_of<ifinfomsg>(message).ifi_index];
    link.isolated = set_in(port, IFLA_BRPORT_ISOLATED);
    link.locked = set_in(port, IFLA_BRPORT_LOCKED);
  }));
  return links;
}

std::string name_of(const Links& links, int index) {
  const auto it = links.find(index);
  return it == links.end() ? "" : it->second.name;
}

std::set<std::string> link_facts(const Links& links) {
  std::set<std::string> out;
  for (const auto& [index, link] : links) {
    if (link.bridge)
      out.insert(fmt::format("bridge {} {} {}", link.name, link.mac.text(), link.up ? "up" : "down"));
    if (link.master == 0) continue;
    out.insert(fmt::format("port {} on {} {}{}{}", link.name, name_of(links, link.master),
                           link.up ? "up" : "down", link.isolated ? " isolated" : "",
                           link.locked ? " locked" : ""));
  }
  return out;
}

Result<> read_addresses(Rtnl& rtnl, const Links& links, std::set<std::string>& out) {
  return rtnl.dump(RTM_GETADDR, AF_UNSPEC, [&](const nlmsghdr* message) {
    const auto& fixed = fixed_of<ifaddrmsg>(message);
    auto ip = ip_of(attribute_of(message, sizeof(ifaddrmsg), IFA_LOCAL));
    if (!ip) ip = ip_of(attribute_of(message, sizeof(ifaddrmsg), IFA_ADDRESS));
    if (!ip || ip->is_loopback() || (fixed.ifa_scope == RT_SCOPE_LINK && !ip->is_v4())) return;
    out.insert(fmt::format("address {} {}/{}", name_of(links, static_cast<int>(fixed.ifa_index)), ip->text(),
                           fixed.ifa_prefixlen));
  });
}

Result<> read_routes(Rtnl& rtnl, const Links& links, std::set<std::string>& out) {
  return rtnl.dump(RTM_GETROUTE, AF_UNSPEC, [&](const nlmsghdr* message) {
    const auto& fixed = fixed_of<rtmsg>(message);
    if (fixed.rtm_table != RT_TABLE_MAIN || fixed.rtm_protocol != RTPROT_STATIC) return;
    const auto get = [&](int type) { return attribute_of(message, sizeof(rtmsg), type); };
    const Ip any = fixed.rtm_family == AF_INET ? Ip() : Ip::v6(std::array<std::uint8_t, 16>{});
    const Cidr to(ip_of(get(RTA_DST)).value_or(any), fixed.rtm_dst_len);
    if (fixed.rtm_type == RTN_UNREACHABLE) {
      out.insert(fmt::format("route unreachable {}", to.text()));
      return;
    }
    const auto via = ip_of(get(RTA_GATEWAY));
    out.insert(fmt::format("route {}{} dev {}", to.text(), via ? " via " + via->text() : "",
                           name_of(links, static_cast<int>(u32_of(get(RTA_OIF))))));
  });
}

Result<> read_neighbours(Rtnl& rtnl, const Links& links, std::set<std::string>& out) {
  TRY(rtnl.dump(RTM_GETNEIGH, AF_UNSPEC, [&](const nlmsghdr* message) {
    const auto& fixed = fixed_of<ndmsg>(message);
    const auto ip = ip_of(attribute_of(message, sizeof(ndmsg), NDA_DST));
    if (!ip || fixed.ndm_state != NUD_PERMANENT) return;
    out.insert(fmt::format("neighbour {} {} {}", name_of(links, fixed.ndm_ifindex), ip->text(),
                           mac_of(attribute_of(message, sizeof(ndmsg), NDA_LLADDR)).text()));
  }));
  return rtnl.dump(RTM_GETNEIGH, AF_BRIDGE, [&](const nlmsghdr* message) {
    const auto& fixed = fixed_of<ndmsg>(message);
    if (fixed.ndm_state != NUD_NOARP) return;
    out.insert(fmt::format("fdb {} {}", mac_of(attribute_of(message, sizeof(ndmsg), NDA_LLADDR)).text(),
                           name_of(links, fixed.ndm_ifindex)));
  });
}

}  // namespace

Result<std::set<std::string>> NodeNet::observe() {
  const Links links = TRY(read_links(rtnl_));
  std::set<std::string> out = link_facts(links);
  TRY(read_addresses(rtnl_, links, out));
  TRY(read_routes(rtnl_, links, out));
  TRY(read_neighbours(rtnl_, links, out));
  return out;
}

Result<> NodeNet::remove_stale(const std::set<std::string>& found, const std::set<std::string>& wanted,
                               const NodeLinks& node) {
  const int bridge = TRY(rtnl_.link_index(node.bridge));
  for (const std::string& fact : found) {
    if (wanted.count(fact) != 0) continue;
    const auto words = split(fact, ' ');
    if (words[0] == "neighbour" && words[1] == node.bridge) {
      const Ip ip = TRY(Ip::parse(words[2]));
      TRY(delete_neighbour(rtnl_, bridge, ip));
    }
    if (words[0] == "route" && words.back() == node.bridge) {
      const Cidr to = TRY(Cidr::parse(words[1]));
      TRY(delete_route(rtnl_, {to, bridge, std::nullopt, std::nullopt}));
    }
  }
  return {};
}

std::set<std::string> NodeNet::ports(const std::set<std::string>& facts) {
  std::set<std::string> out;
  for (const std::string& fact : facts) {
    const auto words = split(fact, ' ');
    if (words[0] == "port" && words.size() > 1) out.insert(words[1]);
  }
  return out;
}

}  // namespace minik::netd
