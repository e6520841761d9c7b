#include <algorithm>

#include "netd/plan/plan.h"

namespace minik::netd {
namespace {

Set type_of(const std::vector<Ruleset>& rules, const SetName& name) {
  for (const Ruleset& part : rules) {
    const auto table = part.tables.find(name.table);
    if (table == part.tables.end()) continue;
    const auto set = table->second->sets.find(name.set);
    if (set != table->second->sets.end()) return set->second;
  }
  return {};
}

using TableMap = std::map<TableName, std::shared_ptr<const Table>>;

// The transaction in the order that the kernel accepts: what is named exists before it is named, and is no
// longer named when it goes.
struct Transaction {
  std::vector<RuleChange> replaced, tables, chains, sets, flushes, rules, gone_chains, gone_sets, gone_tables;
  std::map<SetName, std::vector<ElementPtr>> removed, added;
  std::set<TableName> dropped;  // Tables that go or are made anew: their old elements go with them.

  // Set types are looked up in the plan that has the elements.
  std::vector<RuleChange> finish(const std::vector<Ruleset>& from, const std::vector<Ruleset>& to) && {
    std::vector<RuleChange> removals, additions;
    for (auto& [set, elements] : removed) {
      removals.push_back(DeleteElements{set, type_of(from, set), std::move(elements)});
    }
    for (auto& [set, elements] : added)
      additions.push_back(AddElements{set, type_of(to, set), std::move(elements)});
    std::vector<RuleChange> out;
    for (auto* part : {&replaced, &tables, &chains, &sets, &removals, &flushes, &rules, &additions,
                       &gone_chains, &gone_sets, &gone_tables}) {
      std::move(part->begin(), part->end(), std::back_inserter(out));
    }
    return out;
  }
};

void add_table(const TableName& name, const Table& table, Transaction& tx) {
  tx.tables.push_back(AddTable{name});
  for (const auto& [chain_name, chain] : table.chains) {
    tx.chains.push_back(AddChain{name, chain_name, chain.hook});
    if (!chain.rules.empty()) tx.rules.push_back(AddRules{name, chain_name, chain.rules});
  }
  for (const auto& [set_name, set] : table.sets) tx.sets.push_back(AddSet{name, set_name, set});
}

// Hooks and set types cannot change in place.
bool must_replace(const Table& from, const Table& to) {
  for (const auto& [name, chain] : to.chains) {
    const auto old = from.chains.find(name);
    if (old != from.chains.end() && old->second.hook != chain.hook) return true;
  }
  for (const auto& [name, set] : to.sets) {
    const auto old = from.sets.find(name);
    if (old != from.sets.end() && old->second != set) return true;
  }
  return false;
}

void diff_chains(const TableName& name, const Table& from, const Table& to, Transaction& tx) {
  for (const auto& [chain_name, chain] : to.chains) {
    const auto old = from.chains.find(chain_name);
    if (old == from.chains.end()) tx.chains.push_back(AddChain{name, chain_name, chain.hook});
    const bool had_rules = old != from.chains.end() && !old->second.rules.empty();
    if (had_rules && old->second.rules == chain.rules) continue;
    if (had_rules) tx.flushes.push_back(FlushChain{name, chain_name});
    if (!chain.rules.empty()) tx.rules.push_back(AddRules{name, chain_name, chain.rules});
  }
  for (const auto& [chain_name, chain] : from.chains) {
    if (to.chains.count(chain_name) != 0) continue;
    if (!chain.rules.empty()) tx.flushes.push_back(FlushChain{name, chain_name});
    tx.gone_chains.push_back(DeleteChain{name, chain_name});
  }
}

void diff_table(const TableName& name, const Table& from, const Table& to, Transaction& tx) {
  if (must_replace(from, to)) {
    tx.dropped.insert(name);
    tx.replaced.push_back(DeleteTable{name});
    add_table(name, to, tx);
    return;
  }
  diff_chains(name, from, to, tx);
  for (const auto& [set_name, set] : to.sets) {
    if (from.sets.count(set_name) == 0) tx.sets.push_back(AddSet{name, set_name, set});
  }
  for (const auto& [set_name, set] : from.sets) {
    if (to.sets.count(set_name) == 0) tx.gone_sets.push_back(DeleteSet{name, set_name});
  }
}

void diff_tables(const TableMap& from, const TableMap& to, Transaction& tx) {
  for (const auto& [name, table] : to) {
    const auto old = from.find(name);
    if (old == from.end()) {
      add_table(name, *table, tx);
    } else if (old->second != table) {
      diff_table(name, *old->second, *table, tx);
    }
  }
  for (const auto& [name, table] : from) {
    if (to.count(name) != 0) continue;
    tx.dropped.insert(name);
    tx.gone_tables.push_back(DeleteTable{name});
  }
}

using PiecePtr = std::shared_ptr<const Piece>;
const std::vector<Element> kNoElements;

const std::vector<Element>& elements_of(const PiecePtr& piece, const SetName& set) {
  if (piece == nullptr) return kNoElements;
  const auto it = piece->elements().find(set);
  return it == piece->elements().end() ? kNoElements : it->second;
}

void diff_elements(const SetName& set, const PiecePtr& from, const PiecePtr& to, Transaction& tx) {
  const auto& old = elements_of(from, set);
  const auto& now = elements_of(to, set);
  auto a = old.begin();
  auto b = now.begin();
  while (a != old.end() || b != now.end()) {
    const bool only_old = b == now.end() || (a != old.end() && a->key < b->key);
    const bool only_now = !only_old && (a == old.end() || b->key < a->key);
    const bool same = !only_old && !only_now && *a == *b;
    if (!only_now && !same) tx.removed[set].push_back(ElementPtr(from, &*a));
    if (!only_old && !same) tx.added[set].push_back(ElementPtr(to, &*b));
    if (!only_now) ++a;
    if (!only_old) ++b;
  }
}

void diff_piece(const PiecePtr* from, const PiecePtr* to, Transaction& tx) {
  const PiecePtr before = from == nullptr ? nullptr : *from;
  const PiecePtr after = to == nullptr ? nullptr : *to;
  std::set<SetName> names;
  if (before != nullptr) {
    for (const auto& [set, elements] : before->elements()) names.insert(set);
  }
  if (after != nullptr) {
    for (const auto& [set, elements] : after->elements()) names.insert(set);
  }
  for (const SetName& set : names) {
    if (tx.dropped.count(set.table) == 0) diff_elements(set, before, after, tx);
  }
}

// Elements of tables that are made anew.
void add_all(const Ruleset& to, Transaction& tx) {
  to.pieces.for_each([&](const std::string&, const PiecePtr& piece) {
    for (const auto& [set, elements] : piece->elements()) {
      if (tx.dropped.count(set.table) != 0) diff_elements(set, nullptr, piece, tx);
    }
  });
}

std::vector<RuleChange> diff_rules(const std::vector<Ruleset>& from, const std::vector<Ruleset>& to) {
  static const Ruleset kNone;
  Transaction tx;
  const std::size_t parts = std::max(from.size(), to.size());
  const auto part = [](const std::vector<Ruleset>& rules, std::size_t i) -> const Ruleset& {
    return i < rules.size() ? rules[i] : kNone;
  };
  for (std::size_t i = 0; i < parts; ++i) diff_tables(part(from, i).tables, part(to, i).tables, tx);
  for (std::size_t i = 0; i < parts; ++i) {
    CowMap<std::string, PiecePtr>::diff(
        part(from, i).pieces, part(to, i).pieces,
        [&](const std::string&, const PiecePtr* a, const PiecePtr* b) { diff_piece(a, b, tx); });
    if (!tx.replaced.empty()) add_all(part(to, i), tx);
  }
  return std::move(tx).finish(from, to);
}

void diff_links(const Topology& from, const Topology& to, Changes& changes) {
  const std::optional<NodeLinks>& node = to.node ? to.node : from.node;
  if (!node) return;
  if (to.node && from.node != to.node) changes.before.emplace_back(SetUpNode{*to.node});
  using PodPtr = std::shared_ptr<const PodLink>;
  std::vector<LinkChange> fresh;
  CowMap<std::string, PodPtr>::diff(from.pods, to.pods,
                                    [&](const std::string&, const PodPtr* a, const PodPtr* b) {
                                      if (a != nullptr && b != nullptr && **a == **b) return;
                                      if (a != nullptr) changes.before.emplace_back(RemovePod{*node, *a});
                                      if (b == nullptr) return;
                                      fresh.emplace_back(AddPod{*node, *b});
                                      changes.after.emplace_back(StartPod{*node, *b});
                                    });
  std::move(fresh.begin(), fresh.end(), std::back_inserter(changes.before));
}

}  // namespace

Changes diff(const Plan& from, const Plan& to) {
  Changes changes;
  diff_links(from.topology, to.topology, changes);
  changes.rules = diff_rules(from.rules, to.rules);
  return changes;
}

}  // namespace minik::netd
