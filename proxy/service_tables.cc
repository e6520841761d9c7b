#include "proxy/service_tables.h"

#include <algorithm>

namespace minik::proxy {
namespace {

using netd::Accept;
using netd::Chain;
using netd::Dnat;
using netd::Drop;
using netd::Field;
using netd::Goto;
using netd::Hook;
using netd::HookPoint;
using netd::LookupVerdict;
using netd::Masquerade;
using netd::MatchSet;
using netd::Reject;
using netd::Rule;
using netd::Set;
using netd::Table;
using netd::Term;
using netd::Terms;
using netd::Type;

constexpr int kDestinationNat = -100, kSourceNat = 100;  // NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC

// The header fields of one family.
struct Fields {
  Field saddr, daddr, ct_daddr;
  Type address;
};

Fields fields_of(Family family) {
  if (family == Family::kV4) return {Field::kIpSaddr, Field::kIpDaddr, Field::kCtIpDaddr, Type::kIp4};
  return {Field::kIp6Saddr, Field::kIp6Daddr, Field::kCtIp6Daddr, Type::kIp6};
}

void add_sets(Table& table, Type address) {
  const std::vector<Type> vip{address, Type::kProto, Type::kPort};
  table.sets["services"] = Set{Set::Kind::kVerdictMap, vip};
  table.sets["endpoints"] =
      Set{Set::Kind::kMap, {address, Type::kProto, Type::kPort, Type::kSlot}, {address, Type::kPort}};
  table.sets["masquerade-vips"] = Set{Set::Kind::kSet, vip};
  table.sets["cluster-ips"] = Set{Set::Kind::kSet, {address}};
  table.sets["routed-ips"] = Set{Set::Kind::kSet, {address}};
  table.sets["hairpin"] = Set{Set::Kind::kSet, {address, address}};
}

Chain dispatch_chain(const netd::NodeConfig& config, Family family, const Fields& f) {
  Chain chain;
  chain.rules.push_back({{MatchSet{{f.daddr}, "routed-ips"}, Accept{}}, "held by a pod itself: no NAT"});
  chain.rules.push_back({{LookupVerdict{{f.daddr, Field::kL4Proto, Field::kDport}, "services"}}, ""});
  chain.rules.push_back(
      {{MatchSet{{f.daddr}, "cluster-ips"}, Goto{kNoEndpoints}}, "a port that no Service has"});
  for (const Cidr& range : config.service_cidrs) {
    if (range.family() != family) continue;
    chain.rules.push_back({{match(f.daddr, range), Drop{}}, "an address that no Service has"});
  }
  return chain;
}

Chain postrouting_chain(const netd::NodeConfig& config, Family family, const Fields& f) {
  Chain chain;
  chain.hook = Hook{Hook::Kind::kNat, HookPoint::kPostrouting, kSourceNat, false};
  chain.rules.push_back({{netd::match_ct_status(netd::kCtDnat, true), Accept{}}, ""});
  chain.rules.push_back(
      {{MatchSet{{f.saddr, f.daddr}, "hairpin"}, Masquerade{}}, "a pod that reached itself"});
  // nft(8) reads the port of a connection only behind a protocol.
  for (const std::uint8_t proto : {netd::kTcp, netd::kUdp, netd::kSctp}) {
    const Terms vip{f.ct_daddr, Field::kL4Proto, Field::kCtDport};
    chain.rules.push_back({{netd::match_proto(proto), MatchSet{vip, "masquerade-vips"}, Masquerade{}}, ""});
  }
  for (const Cidr& services : config.service_cidrs) {
    if (services.family() != family) continue;
    Rule rule{{match(f.ct_daddr, services)}, "a client that is no pod"};
    for (const Cidr& pods : config.pod_cidrs) {
      if (pods.family() == family) rule.stmts.push_back(match(f.saddr, pods, true));
    }
    rule.stmts.push_back(Masquerade{});
    chain.rules.push_back(std::move(rule));
  }
  return chain;
}

}  // namespace

std::string balancer_chain(std::uint32_t endpoints) { return "lb-" + std::to_string(endpoints); }

std::shared_ptr<const Table> service_skeleton(const netd::NodeConfig& config, Family family,
                                              std::uint32_t largest) {
  const Fields f = fields_of(family);
  auto table = std::make_shared<Table>();
  add_sets(*table, f.address);
  for (std::uint32_t n = 1; n <= std::max(largest, kChainsAlways); ++n) {
    const Terms key{f.daddr, Field::kL4Proto, Field::kDport, Term(n, 0)};
    table->chains[balancer_chain(n)].rules = {{{Dnat{key, "endpoints"}}, ""}};
  }
  table->chains[kNoEndpoints].rules = {{{Reject{Reject::With::kTcpReset}}, ""}, {{Reject{}}, ""}};
  table->chains["dispatch"] = dispatch_chain(config, family, f);
  const auto entry = [](HookPoint point) {
    return Chain{Hook{Hook::Kind::kNat, point, kDestinationNat, false}, {{{Goto{"dispatch"}}, ""}}};
  };
  table->chains["prerouting"] = entry(HookPoint::kPrerouting);
  table->chains["output"] = entry(HookPoint::kOutput);
  table->chains["postrouting"] = postrouting_chain(config, family, f);
  return table;
}

}  // namespace minik::proxy
