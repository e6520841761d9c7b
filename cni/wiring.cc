#include "cni/wiring.h"

#include <optional>
#include <set>

#include "api/pod.h"
#include "cni/guard.h"
#include "cni/node_links.h"
#include "netd/plan/names.h"

namespace minik::cni {

struct Wiring::State {
  netd::NodeConfig config;
  api::SnapshotPtr seen;
  PodNets nets;
  Wired wired;
  std::set<std::string> uids;           // Pods that are wired.
  std::map<Ip, std::string> addresses;  // Who has an address: two pods never share one.

  void update_pod(const api::ObjectPtr& pod);
  void remove(const std::string& uid);
};

namespace {

std::string owner_of(const std::string& uid) { return "pod " + uid; }

// A pod holds its addresses until it is finished.
std::vector<Ip> addresses_of(const api::Object& object, const netd::NodeConfig& config) {
  const auto& pod = object.view<api::Pod>();
  std::vector<Ip> out;
  if (pod.host_network || pod.finished() || (!pod.node_name.empty() && pod.node_name != config.node))
    return out;
  for (const Ip& ip : pod.ips) {
    for (const Cidr& range : config.pod_cidrs) {
      if (range.contains(ip)) out.push_back(ip);
    }
  }
  return out;
}

netd::PodLink link_of(const api::Object& pod, const PodNet& net, std::vector<Ip> addresses,
                      const netd::NodeConfig& config) {
  netd::PodLink link;
  link.uid = pod.uid();
  link.name = pod.ns() + "/" + pod.name();
  link.netns = net.netns;
  link.host_if = netd::pod_link_name(pod.uid());
  link.mac = mac_for(addresses[0]);
  link.addresses = std::move(addresses);
  for (const netd::RoutedIp& routed : config.routed) {
    if (routed.ns == pod.ns() && routed.pod == pod.name()) link.extra.push_back(routed.ip);
  }
  for (const Cidr& range : config.pod_cidrs) link.gateways.push_back(netd::BridgeRange{range}.gateway());
  return link;
}

}  // namespace

void Wiring::State::remove(const std::string& uid) {
  if (uids.erase(uid) == 0) return;
  if (const auto* link = wired.topology.pods.find(uid)) {
    for (const Ip& ip : (*link)->addresses) addresses.erase(ip);
  }
  wired.topology.pods.erase(uid);
  wired.ruleset.pieces.erase(owner_of(uid));
}

void Wiring::State::update_pod(const api::ObjectPtr& pod) {
  const std::string& uid = pod->uid();
  std::vector<Ip> ips = addresses_of(*pod, config);
  const auto net = nets.find(uid);
  if (ips.empty() || net == nets.end() || net->second.netns.empty()) return remove(uid);
  auto link = std::make_shared<netd::PodLink>(link_of(*pod, net->second, std::move(ips), config));
  const auto* before = wired.topology.pods.find(uid);
  if (before != nullptr && **before == *link) return;
  remove(uid);
  for (const Ip& ip : link->addresses) {
    if (addresses.count(ip) != 0) return;
  }
  for (const Ip& ip : link->addresses) addresses[ip] = uid;
  wired.ruleset.pieces.set(owner_of(uid), pod_piece(*link));
  wired.topology.pods.set(uid, std::move(link));
  uids.insert(uid);
}

Wiring::Wiring(netd::NodeConfig config) : state_(std::make_unique<State>()) {
  state_->config = std::move(config);
  state_->wired.topology.node = node_links(state_->config);
  state_->wired.ruleset.tables[netd::node_table()] = guard_table(state_->config);
}

Wiring::~Wiring() = default;

Wired Wiring::update(const api::SnapshotPtr& now, const PodNets& nets) {
  State& s = *state_;
  // Who goes makes room for who comes.
  std::vector<api::ObjectPtr> changed;
  api::Snapshot::diff(
      s.seen.get(), *now, "pods", [&](const api::ObjectPtr& before, const api::ObjectPtr& after) {
        const bool replaced = before != nullptr && after != nullptr && before->uid() != after->uid();
        if (before != nullptr && (after == nullptr || replaced)) s.remove(before->uid());
        if (after == nullptr) return;
        if (addresses_of(*after, s.config).empty())
          s.remove(after->uid());
        else
          changed.push_back(after);
      });
  if (s.nets != nets) {
    std::set<std::string> uids;
    for (const auto& [uid, net] : nets) {
      const auto old = s.nets.find(uid);
      if (old == s.nets.end() || old->second != net) uids.insert(uid);
    }
    for (const auto& [uid, net] : s.nets) {
      if (nets.count(uid) == 0) s.remove(uid);
    }
    s.nets = nets;
    now->for_each("pods", "", [&](const api::ObjectPtr& pod) {
      if (uids.count(pod->uid()) != 0) changed.push_back(pod);
    });
  }
  for (const api::ObjectPtr& pod : changed) s.update_pod(pod);
  s.seen = now;
  return s.wired;
}

}  // namespace minik::cni
