// Plan: everything that the kernel should hold for one node.  Changes: the way from one plan to another.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "netd/plan/ruleset.h"
#include "netd/plan/topology.h"

namespace minik::netd {

struct Plan {
  Topology topology;
  std::vector<Ruleset> rules;  // Disjoint parts, each compiled by its own room; always in the same order.
};

// A UDP address that a Service answers on, and who may still answer: conntrack entries that lead elsewhere
// are stale (service-proxy.md row 59).
struct UdpVip {
  Ip address;
  std::uint16_t port = 0;
  std::vector<std::pair<Ip, std::uint16_t>> serving;
  bool operator==(const UdpVip&) const = default;
};

struct SetUpNode {
  NodeLinks node;
};
struct AddPod {
  NodeLinks node;
  std::shared_ptr<const PodLink> pod;
};  // Wired, but the node's end stays down.
struct StartPod {
  NodeLinks node;
  std::shared_ptr<const PodLink> pod;
};  // Node's end up, routes.
struct RemovePod {
  NodeLinks node;
  std::shared_ptr<const PodLink> pod;
};
using LinkChange = std::variant<SetUpNode, AddPod, StartPod, RemovePod>;

using ElementPtr = std::shared_ptr<const Element>;  // Keeps its piece alive.
struct AddTable {
  TableName table;
};
struct DeleteTable {
  TableName table;
};
struct AddChain {
  TableName table;
  std::string chain;
  std::optional<Hook> hook;
};
struct DeleteChain {
  TableName table;
  std::string chain;
};
struct AddSet {
  TableName table;
  std::string name;
  Set set;
};
struct DeleteSet {
  TableName table;
  std::string name;
};
struct FlushChain {
  TableName table;
  std::string chain;
};
struct AddRules {
  TableName table;
  std::string chain;
  std::vector<Rule> rules;
};
struct AddElements {
  SetName set;
  Set type;
  std::vector<ElementPtr> elements;
};
struct DeleteElements {
  SetName set;
  Set type;
  std::vector<ElementPtr> elements;
};
using RuleChange = std::variant<AddTable, DeleteTable, AddChain, DeleteChain, AddSet, DeleteSet, FlushChain,
                                AddRules, AddElements, DeleteElements>;

struct Changes {
  std::vector<LinkChange> before;  // Gone links are removed, new ones made but left down.
  std::vector<RuleChange> rules;   // One nftables transaction, in this order.
  std::vector<LinkChange> after;   // New links come up.
  std::vector<UdpVip> udp;         // Then stale UDP conntrack entries go.  Filled by the caller.
  bool empty() const { return before.empty() && rules.empty() && after.empty() && udp.empty(); }
};

// Pure; costs what differs.
Changes diff(const Plan& from, const Plan& to);
// One line per change; rules and elements in nft(8) syntax.
std::string render(const Changes& changes);

// What an observer of the kernel can see of a plan.
struct SeenChain {
  std::optional<Hook> hook;
  std::vector<std::uint64_t> rules;  // Fingerprints, which the kernel keeps in each rule's user data.
  bool operator==(const SeenChain&) const = default;
};
struct SeenTable {
  std::map<std::string, SeenChain> chains;
  std::map<std::string, std::map<Bytes, Data>> sets;
  bool operator==(const SeenTable&) const = default;
};
struct Seen {
  std::map<TableName, SeenTable> tables;
  std::set<std::string> links;  // facts()
  bool operator==(const Seen&) const = default;
};
Seen seen(const Plan& plan);
std::uint64_t fingerprint(TableFamily family, const Rule& rule);
// The first thing that differs, as one line: "element missing in ip minik-svc services: 10.96.0.1 . tcp .
// 80".
std::optional<std::string> first_difference(const Seen& wanted, const Seen& found);

}  // namespace minik::netd
