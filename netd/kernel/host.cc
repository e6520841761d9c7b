#include "netd/kernel/host.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <sys/socket.h>

#include <map>
#include <set>

#include "base/text.h"
#include "netd/kernel/host_table.h"
#include "netd/kernel/netns.h"
#include "netd/kernel/rtnl.h"
#include "netd/plan/node_config.h"

namespace minik::netd {
namespace {

constexpr std::uint32_t kFirstReservedTable = RT_TABLE_LOCAL;

struct HostLinkSeen {
  std::string name, cluster;  // Empty cluster: not minik's.
};

// All links of the host, by index.  Ours say so in their alias: "minik <cluster>/<node>".
Result<std::map<int, HostLinkSeen>> read_host_links(Rtnl& rtnl) {
  std::map<int, HostLinkSeen> out;
  TRY(rtnl.dump(RTM_GETLINK, AF_UNSPEC, [&](const nlmsghdr* message) {
    HostLinkSeen& link = out[static_cast<const ifinfomsg*>(NLMSG_DATA(message))->ifi_index];
    link.name = text_of(attribute_of(message, sizeof(ifinfomsg), IFLA_IFNAME));
    const std::string alias = text_of(attribute_of(message, sizeof(ifinfomsg), IFLA_IFALIAS));
    const std::size_t slash = alias.find('/');
    if (starts_with(alias, "minik ") && slash != std::string::npos) link.cluster = alias.substr(6, slash - 6);
  }));
  return out;
}

struct HostRoute {
  Cidr to;
  int link = 0;
};

Result<std::vector<HostRoute>> read_host_routes(Rtnl& rtnl) {
  std::vector<HostRoute> out;
  TRY(rtnl.dump(RTM_GETROUTE, AF_UNSPEC, [&](const nlmsghdr* message) {
    const auto& fixed = *static_cast<const rtmsg*>(NLMSG_DATA(message));
    const rtattr* table = attribute_of(message, sizeof(rtmsg), RTA_TABLE);
    const std::uint32_t number =
        table == nullptr ? fixed.rtm_table : *static_cast<const std::uint32_t*>(RTA_DATA(table));
    const auto to = ip_of(attribute_of(message, sizeof(rtmsg), RTA_DST));
    if (!to || fixed.rtm_dst_len == 0 || number == kFirstReservedTable) return;
    if ((fixed.rtm_flags & RTM_F_CLONED) != 0) return;
    const rtattr* link = attribute_of(message, sizeof(rtmsg), RTA_OIF);
    out.push_back(
        {Cidr(*to, fixed.rtm_dst_len), link == nullptr ? 0 : *static_cast<const int*>(RTA_DATA(link))});
  }));
  return out;
}

// Namespaces of the cluster: "minik-a-b-x" belongs to cluster "a-b" if there is one, else to "a".
bool belongs(const std::string& netns, const std::string& cluster, const std::set<std::string>& clusters) {
  const auto prefix = [](const std::string& name) { return "minik-" + name + "-"; };
  if (!starts_with(netns, prefix(cluster))) return false;
  for (const std::string& other : clusters) {
    if (other.size() > cluster.size() && starts_with(netns, prefix(other))) return false;
  }
  return true;
}

}  // namespace

Result<> check_ranges(const std::string& cluster, const std::vector<NamedRange>& ranges) {
  Rtnl rtnl = TRY(Rtnl::open());
  const auto links = TRY(read_host_links(rtnl));
  const auto routes = TRY(read_host_routes(rtnl));
  for (const HostRoute& route : routes) {
    const auto link = links.find(route.link);
    if (link != links.end() && link->second.cluster == cluster) continue;
    for (const NamedRange& range : ranges) {
      if (!range.range.overlaps(route.to)) continue;
      const std::string device = link == links.end() ? "" : " dev " + link->second.name;
      const std::string owner = link == links.end() || link->second.cluster.empty()
                                    ? ""
                                    : fmt::format(" of cluster {}", link->second.cluster);
      return Error(Code::kInvalid,
                   fmt::format("{} overlaps the host's route {}{}{}; choose another range with {}",
                               range.range.text(), route.to.text(), device, owner, range.flag));
    }
  }
  return {};
}

Result<> remove_all(const std::string& cluster) {
  Rtnl rtnl = TRY(Rtnl::open());
  const auto links = TRY(read_host_links(rtnl));
  std::set<std::string> clusters;
  for (const auto& [index, link] : links) clusters.insert(link.cluster);
  // The link first: its routes go with it, and the host sends nothing more.
  for (const auto& [index, link] : links) {
    if (link.cluster == cluster && !cluster.empty()) TRY(rtnl.delete_link(link.name));
  }
  const auto names = TRY(list_netns("minik-" + cluster + "-"));
  for (const std::string& name : names) {
    if (belongs(name, cluster, clusters)) TRY(delete_netns(name));
  }
  return remove_host_table(host_table_name(cluster));
}

}  // namespace minik::netd
