// What the rules do to the first packet of a flow.
//
// The third reader of Stmt: it walks the hooks as netfilter does (prerouting, then input or forward,
// postrouting; or output, postrouting), base chains in order of priority.  Where a rule draws a random slot,
// every slot is a possible fate, so the answer is a list.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "netd/plan/ruleset.h"

namespace minik::netd {

struct Packet {
  Ip saddr, daddr;
  std::uint8_t proto = kTcp;
  std::uint16_t sport = 40000, dport = 0;
  std::string iif;  // Empty: sent by the node itself.
  Mac ether;        // Source, for packets from a link.
  std::uint32_t ct_state = kCtNew;
  std::uint8_t icmp6_type = 0;
};

struct Fate {
  enum class Kind : std::uint8_t { kDelivered, kDropped, kReset, kUnreachable } kind = Kind::kDelivered;
  Ip daddr;  // After DNAT.
  std::uint16_t dport = 0;
  bool masqueraded = false;
  std::vector<std::string>
      trail;  // Rules and elements that decided, in order: "ip minik-svc dispatch: … (default/web)".
};

class Simulator {
 public:
  // `local`: the node's own addresses.
  Simulator(const std::vector<Ruleset>& rules, std::set<Ip> local);
  // Sorted by kind, address and port, without duplicates.
  std::vector<Fate> run(const Packet& packet) const;

 private:
  struct State;
  struct BaseChain {
    TableName table;
    const std::string* name = nullptr;
    const Chain* chain = nullptr;
  };
  using States = std::vector<State>;

  States run_hook(HookPoint point, States states) const;
  States run_chain(const TableName& table, const std::string& name, State state) const;
  States run_rule(const TableName& table, const std::string& chain, const Rule& rule, State state) const;
  States run_dnat(const TableName& table, const Dnat& dnat, State state) const;
  States follow(const TableName& table, const Verdict& verdict, State state) const;
  const Element* find(const TableName& table, const std::string& set, const Bytes& key) const;
  bool matches(const TableName& table, const State& state, const Stmt& stmt) const;

  std::vector<std::shared_ptr<const Table>> kept_tables_;
  std::vector<std::shared_ptr<const Piece>> kept_pieces_;
  std::map<TableName, const Table*> tables_;
  std::map<HookPoint, std::vector<BaseChain>> hooks_;
  std::map<SetName, std::map<Bytes, const Element*>> elements_;
  std::set<Ip> local_;
};

}  // namespace minik::netd
