#include <fmt/format.h>

#include "base/files.h"
#include "netd/plan/plan.h"
#include "netd/plan/rule_text.h"

namespace minik::netd {
namespace {

std::optional<std::string> table_difference(const TableName& name, const SeenTable& wanted,
                                            const SeenTable& found) {
  const std::string table = text(name);
  for (const auto& [chain_name, chain] : wanted.chains) {
    const auto it = found.chains.find(chain_name);
    if (it == found.chains.end()) return fmt::format("chain {} {} is gone", table, chain_name);
    if (it->second != chain) return fmt::format("rules of chain {} {} were changed", table, chain_name);
  }
  if (found.chains.size() != wanted.chains.size()) return fmt::format("table {} has a foreign chain", table);
  for (const auto& [set_name, elements] : wanted.sets) {
    const auto it = found.sets.find(set_name);
    if (it == found.sets.end()) return fmt::format("set {} {} is gone", table, set_name);
    if (it->second == elements) continue;
    return fmt::format("elements of {} {} were changed: {} wanted, {} found", table, set_name,
                       elements.size(), it->second.size());
  }
  if (found.sets.size() != wanted.sets.size()) return fmt::format("table {} has a foreign set", table);
  return std::nullopt;
}

}  // namespace

std::uint64_t fingerprint(TableFamily family, const Rule& rule) { return fnv1a(text(family, rule)); }

Seen seen(const Plan& plan) {
  Seen out;
  out.links = facts(plan.topology);
  for (const Ruleset& part : plan.rules) {
    for (const auto& [name, table] : part.tables) {
      SeenTable& seen_table = out.tables[name];
      for (const auto& [chain_name, chain] : table->chains) {
        SeenChain& seen_chain = seen_table.chains[chain_name];
        seen_chain.hook = chain.hook;
        for (const Rule& rule : chain.rules) seen_chain.rules.push_back(fingerprint(name.family, rule));
      }
      for (const auto& [set_name, set] : table->sets) seen_table.sets[set_name];
    }
  }
  for (const Ruleset& part : plan.rules) {
    part.pieces.for_each([&](const std::string&, const std::shared_ptr<const Piece>& piece) {
      for (const auto& [set, elements] : piece->elements()) {
        auto& seen_set = out.tables[set.table].sets[set.set];
        for (const Element& element : elements) seen_set[element.key] = element.data;
      }
    });
  }
  return out;
}

std::optional<std::string> first_difference(const Seen& wanted, const Seen& found) {
  for (const auto& [name, table] : wanted.tables) {
    const auto it = found.tables.find(name);
    if (it == found.tables.end()) return fmt::format("table {} is gone", text(name));
    if (auto difference = table_difference(name, table, it->second)) return difference;
  }
  for (const auto& [name, table] : found.tables) {
    if (wanted.tables.count(name) == 0) return fmt::format("table {} is not ours", text(name));
  }
  for (const std::string& line : wanted.links) {
    if (found.links.count(line) == 0) return fmt::format("missing: {}", line);
  }
  for (const std::string& line : found.links) {
    if (wanted.links.count(line) == 0) return fmt::format("unexpected: {}", line);
  }
  return std::nullopt;
}

}  // namespace minik::netd
