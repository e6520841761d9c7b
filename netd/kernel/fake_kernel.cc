#include "netd/kernel/fake_kernel.h"

#include <fmt/format.h>

#include <cerrno>

#include "netd/plan/rule_text.h"

namespace minik::netd {
namespace {

using Tables = std::map<TableName, SeenTable>;

Error refuse(int error, const std::string& what) { return Error::from_errno(error, what); }

// Applies one transaction to a copy of the tables, refusing what Linux refuses.
class Transaction {
 public:
  explicit Transaction(Tables& tables) : tables_(tables) {}

  Result<> operator()(const AddTable& c) {
    if (!tables_.emplace(c.table, SeenTable{}).second) return refuse(EEXIST, "add table " + text(c.table));
    return {};
  }
  Result<> operator()(const DeleteTable& c) {
    if (tables_.erase(c.table) == 0) return refuse(ENOENT, "delete table " + text(c.table));
    return {};
  }
  Result<> operator()(const AddChain& c) {
    const auto table = tables_.find(c.table);
    if (table == tables_.end()) return refuse(ENOENT, "add chain " + c.chain);
    if (!table->second.chains.emplace(c.chain, SeenChain{c.hook, {}}).second) {
      return refuse(EEXIST, "add chain " + c.chain);
    }
    return {};
  }
  Result<> operator()(const DeleteChain& c) {
    const auto table = tables_.find(c.table);
    const bool there = table != tables_.end() && table->second.chains.count(c.chain) != 0;
    if (!there) return refuse(ENOENT, "delete chain " + c.chain);
    if (!table->second.chains[c.chain].rules.empty() || referenced(table->second, c.chain)) {
      return refuse(EBUSY, "delete chain " + c.chain);
    }
    table->second.chains.erase(c.chain);
    return {};
  }
  Result<> operator()(const AddSet& c) {
    const auto table = tables_.find(c.table);
    if (table == tables_.end()) return refuse(ENOENT, "add set " + c.name);
    if (!table->second.sets.emplace(c.name, std::map<Bytes, Data>{}).second)
      return refuse(EEXIST, "add set " + c.name);
    return {};
  }
  Result<> operator()(const DeleteSet& c) {
    const auto table = tables_.find(c.table);
    if (table == tables_.end() || table->second.sets.erase(c.name) == 0)
      return refuse(ENOENT, "delete set " + c.name);
    return {};
  }
  Result<> operator()(const FlushChain& c) {
    const auto table = tables_.find(c.table);
    const bool there = table != tables_.end() && table->second.chains.count(c.chain) != 0;
    if (!there) return refuse(ENOENT, "flush chain " + c.chain);
    table->second.chains[c.chain].rules.clear();
    return {};
  }
  Result<> operator()(const AddRules& c) {
    const auto table = tables_.find(c.table);
    const bool there = table != tables_.end() && table->second.chains.count(c.chain) != 0;
    if (!there) return refuse(ENOENT, "add rule to " + c.chain);
    for (const Rule& rule : c.rules) {
      auto known = names_exist(c.table, table->second, rule);
      if (!known.ok()) return known;
      table->second.chains[c.chain].rules.push_back(fingerprint(c.table.family, rule));
    }
    return {};
  }
  Result<> operator()(const AddElements& c) {
    auto set = elements_of(c.set);
    if (!set.ok()) return std::move(set).error();
    for (const ElementPtr& element : c.elements) {
      const std::string what = fmt::format("add element {} {}", c.set.set, text(c.type, *element));
      if (element->key.size() != padded_size(c.type.key)) return refuse(EINVAL, what);
      const auto* verdict = std::get_if<Verdict>(&element->data);
      const bool goes = verdict != nullptr && !verdict->chain.empty();
      if (goes && tables_[c.set.table].chains.count(verdict->chain) == 0) return refuse(ENOENT, what);
      if (!(*set)->emplace(element->key, element->data).second) return refuse(EEXIST, what);
    }
    return {};
  }
  Result<> operator()(const DeleteElements& c) {
    auto set = elements_of(c.set);
    if (!set.ok()) return std::move(set).error();
    for (const ElementPtr& element : c.elements) {
      if ((*set)->erase(element->key) == 0) {
        return refuse(ENOENT, fmt::format("delete element {} {}", c.set.set, text(c.type, *element)));
      }
    }
    return {};
  }

 private:
  Result<std::map<Bytes, Data>*> elements_of(const SetName& name) {
    const auto table = tables_.find(name.table);
    if (table == tables_.end()) return refuse(ENOENT, "find table " + text(name.table));
    const auto set = table->second.sets.find(name.set);
    if (set == table->second.sets.end()) return refuse(ENOENT, "find set " + name.set);
    return &set->second;
  }

  static bool referenced(const SeenTable& table, const std::string& chain) {
    for (const auto& [name, elements] : table.sets) {
      for (const auto& [key, data] : elements) {
        const auto* verdict = std::get_if<Verdict>(&data);
        if (verdict != nullptr && verdict->chain == chain) return true;
      }
    }
    return false;
  }

  // Chains and sets that a rule names must be there.
  Result<> names_exist(const TableName& name, const SeenTable& table, const Rule& rule) const {
    const std::string what = "add rule " + text(name.family, rule);
    for (const Stmt& stmt : rule.stmts) {
      const std::string* chain = nullptr;
      const std::string* set = nullptr;
      if (const auto* s = std::get_if<Jump>(&stmt)) chain = &s->chain;
      if (const auto* s = std::get_if<Goto>(&stmt)) chain = &s->chain;
      if (const auto* s = std::get_if<MatchSet>(&stmt)) set = &s->set;
      if (const auto* s = std::get_if<LookupVerdict>(&stmt)) set = &s->map;
      if (const auto* s = std::get_if<Dnat>(&stmt)) set = &s->map;
      if (chain != nullptr && table.chains.count(*chain) == 0) return refuse(ENOENT, what);
      if (set != nullptr && table.sets.count(*set) == 0) return refuse(ENOENT, what);
    }
    return {};
  }

  Tables& tables_;
};

}  // namespace

Result<> FakeKernel::apply_links(const std::vector<LinkChange>& changes, Report& report) {
  const auto fail = [&](const PodLink& pod, int error, const char* what) {
    report.failed.push_back({pod.uid, Error::from_errno(error, fmt::format("pod {}: {}", pod.name, what))});
  };
  const auto failed = [&](const PodLink& pod) {
    for (const PodFailure& failure : report.failed) {
      if (failure.uid == pod.uid) return true;
    }
    return false;
  };
  for (const LinkChange& change : changes) {
    if (const auto* node = std::get_if<SetUpNode>(&change)) {
      node_ = facts(node->node);
    } else if (const auto* add = std::get_if<AddPod>(&change)) {
      if (node_.empty()) return refuse(ENODEV, "add pod " + add->pod->name);
      if (broken_.count(add->pod->uid) != 0) fail(*add->pod, ENOENT, "open its namespace");
    } else if (const auto* start = std::get_if<StartPod>(&change)) {
      if (!failed(*start->pod)) pods_[start->pod->uid] = facts(start->node, *start->pod);
    } else if (const auto* remove = std::get_if<RemovePod>(&change)) {
      pods_.erase(remove->pod->uid);
    }
  }
  return {};
}

Result<> FakeKernel::apply_rules(const std::vector<RuleChange>& changes) {
  Tables tables = tables_;
  Transaction transaction(tables);
  for (const RuleChange& change : changes) TRY(std::visit(transaction, change));
  tables_ = std::move(tables);
  return {};
}

Result<Seen> FakeKernel::observe() {
  Seen out;
  out.tables = tables_;
  out.links = node_;
  for (const auto& [uid, lines] : pods_) out.links.insert(lines.begin(), lines.end());
  return out;
}

Result<Report> FakeKernel::reset(const Plan& plan) {
  tables_.clear();
  node_.clear();
  pods_.clear();
  Changes all = diff(Plan{}, plan);
  return commit(all);
}

Result<Report> FakeKernel::commit(const Changes& changes) {
  ++commits_;
  Report report;
  TRY(apply_links(changes.before, report));
  TRY(apply_rules(changes.rules));
  TRY(apply_links(changes.after, report));
  return report;
}

}  // namespace minik::netd
