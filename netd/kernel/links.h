// NodeNet: makes links, addresses, routes and switches of one node true, and says what is there.
//
// Threads: one.
#pragma once

#include <set>
#include <string>

#include "netd/kernel/rtnl.h"
#include "netd/plan/plan.h"

namespace minik::netd {

class NodeNet {
 public:
  // `netns` is the path of the node's namespace.
  static Result<NodeNet> open(const std::string& netns);

  // All are idempotent.
  Result<> set_up(const NodeLinks& node);
  Result<> add_pod(const NodeLinks& node, const PodLink& pod);
  Result<> start_pod(const NodeLinks& node, const PodLink& pod);
  Result<> remove_pod(const NodeLinks& node, const PodLink& pod);
  // A bridge port that no pod of ours has.
  Result<> remove_port(const std::string& name) { return rtnl_.delete_link(name); }

  // Removes routes, neighbours and bridge addresses that are there and not wanted, of both in the words of
  // facts().
  Result<> remove_stale(const std::set<std::string>& found, const std::set<std::string>& wanted,
                        const NodeLinks& node);

  // In the words of facts().
  Result<std::set<std::string>> observe();
  // Names of the bridge's ports, out of such words.
  static std::set<std::string> ports(const std::set<std::string>& facts);

 private:
  NodeNet(std::string netns, Rtnl rtnl) : netns_(std::move(netns)), rtnl_(std::move(rtnl)) {}
  Result<> make_bridge(const NodeLinks& node);
  Result<> make_host_link(const HostLink& link);
  Result<> set_port_flags(int index, const std::string& alias);

  std::string netns_;
  Rtnl rtnl_;
};

}  // namespace minik::netd
