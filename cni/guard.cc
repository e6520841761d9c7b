#include "cni/guard.h"

#include "netd/plan/names.h"

namespace minik::cni {
namespace {

using netd::Accept;
using netd::Chain;
using netd::Drop;
using netd::Field;
using netd::Goto;
using netd::Hook;
using netd::HookPoint;
using netd::MatchSet;
using netd::Set;
using netd::Table;
using netd::Type;

constexpr int kRaw = -300;  // NF_IP_PRI_RAW: before connection tracking.
constexpr int kBeforePolicies = -10;
constexpr std::uint8_t kNeighborSolicit = 135, kRedirect = 137;  // RFC 4861

Chain guard_chain(bool v6) {
  Chain chain;
  chain.rules.push_back({{MatchSet{{Field::kEtherSaddr, Field::kIpSaddr}, "sources"}, Accept{}}, ""});
  if (v6) {
    chain.rules.push_back({{MatchSet{{Field::kEtherSaddr, Field::kIp6Saddr}, "sources6"}, Accept{}}, ""});
    chain.rules.push_back({{match(Field::kIp6Saddr, Ip::v6(std::array<std::uint8_t, 16>{})),
                            netd::match_icmp6(kNeighborSolicit), Accept{}},
                           "duplicate address detection"});
  }
  chain.rules.push_back({{netd::Counter{}, Drop{}}, "no pod's own address"});
  return chain;
}

// A packet that conntrack calls invalid bypasses NAT and would reach a pod with another pod's address (row
// 61).
Chain forward_chain(const netd::NodeConfig& config) {
  Chain chain;
  chain.hook = Hook{Hook::Kind::kFilter, HookPoint::kForward, kBeforePolicies, false};
  for (const Cidr& pods : config.pod_cidrs) {
    const bool v4 = pods.family() == Family::kV4;
    for (const Field side :
         {v4 ? Field::kIpSaddr : Field::kIp6Saddr, v4 ? Field::kIpDaddr : Field::kIp6Daddr}) {
      chain.rules.push_back({{netd::match_ct_state(netd::kCtInvalid), match(side, pods), Drop{}}, ""});
    }
  }
  return chain;
}

}  // namespace

std::shared_ptr<const Table> guard_table(const netd::NodeConfig& config) {
  auto table = std::make_shared<Table>();
  const bool v6 = config.has(Family::kV6);
  table->sets["sources"] = Set{Set::Kind::kSet, {Type::kEther, Type::kIp4}};
  if (v6) table->sets["sources6"] = Set{Set::Kind::kSet, {Type::kEther, Type::kIp6}};
  table->chains["guard"] = guard_chain(v6);
  table->chains["prerouting"] = {Hook{Hook::Kind::kFilter, HookPoint::kPrerouting, kRaw, false},
                                 {{{netd::match_iif(kBridge), Goto{"guard"}}, ""}}};
  table->chains["forward"] = forward_chain(config);
  table->chains["output"] = {Hook{Hook::Kind::kFilter, HookPoint::kOutput, 0, false},
                             {{{netd::match_icmp6(kRedirect), Drop{}}, "pods are never neighbours"}}};
  return table;
}

std::shared_ptr<const netd::Piece> pod_piece(const netd::PodLink& pod) {
  auto piece = std::make_shared<netd::Piece>();
  const std::string cause = "pod " + pod.name;
  const auto may_send = [&](const Ip& ip) {
    piece->add(netd::source_set(ip.family()), {netd::Bytes().add(pod.mac).add(ip), {}, cause});
  };
  bool v6 = false;
  for (const Ip& ip : pod.addresses) {
    may_send(ip);
    piece->add(netd::hairpin_set(ip.family()), {netd::Bytes().add(ip).add(ip), {}, cause});
    v6 = v6 || !ip.is_v4();
  }
  for (const Ip& ip : pod.extra) may_send(ip);
  if (v6) may_send(netd::link_local(pod.mac));
  piece->finish();
  return piece;
}

}  // namespace minik::cni
