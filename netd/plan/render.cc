#include <fmt/format.h>

#include "base/text.h"
#include "netd/plan/plan.h"
#include "netd/plan/rule_text.h"

namespace minik::netd {
namespace {

std::string elements_text(const char* verb, const SetName& set, const Set& type,
                          const std::vector<ElementPtr>& elements) {
  std::string out;
  for (const ElementPtr& element : elements) {
    out += fmt::format("{} element {} {} {{ {} }}\n", verb, text(set.table), set.set, text(type, *element));
  }
  return out;
}

struct RuleLine {
  std::string operator()(const AddTable& c) const { return fmt::format("add table {}\n", text(c.table)); }
  std::string operator()(const DeleteTable& c) const {
    return fmt::format("delete table {}\n", text(c.table));
  }
  std::string operator()(const AddChain& c) const {
    const std::string hook = c.hook ? fmt::format(" {{ {} }}", text(*c.hook)) : "";
    return fmt::format("add chain {} {}{}\n", text(c.table), c.chain, hook);
  }
  std::string operator()(const DeleteChain& c) const {
    return fmt::format("delete chain {} {}\n", text(c.table), c.chain);
  }
  std::string operator()(const AddSet& c) const {
    return fmt::format("add {} {} {}\n", c.set.kind == Set::Kind::kSet ? "set" : "map", text(c.table),
                       c.name);
  }
  std::string operator()(const DeleteSet& c) const {
    return fmt::format("delete set {} {}\n", text(c.table), c.name);
  }
  std::string operator()(const FlushChain& c) const {
    return fmt::format("flush chain {} {}\n", text(c.table), c.chain);
  }
  std::string operator()(const AddRules& c) const {
    std::string out;
    for (const Rule& rule : c.rules) {
      out += fmt::format("add rule {} {} {}\n", text(c.table), c.chain, text(c.table.family, rule));
    }
    return out;
  }
  std::string operator()(const AddElements& c) const {
    return elements_text("add", c.set, c.type, c.elements);
  }
  std::string operator()(const DeleteElements& c) const {
    return elements_text("delete", c.set, c.type, c.elements);
  }
};

struct LinkLine {
  std::string operator()(const SetUpNode& c) const {
    std::string out;
    for (const std::string& fact : facts(c.node)) out += fact + "\n";
    return out;
  }
  std::string operator()(const AddPod& c) const { return pod("add link", *c.pod); }
  std::string operator()(const StartPod& c) const { return pod("start link", *c.pod); }
  std::string operator()(const RemovePod& c) const { return pod("remove link", *c.pod); }

  static std::string pod(const char* verb, const PodLink& link) {
    std::vector<std::string> addresses;
    for (const Ip& ip : link.addresses) addresses.push_back(ip.text());
    for (const Ip& ip : link.extra) addresses.push_back(ip.text());
    return fmt::format("{} {} of pod {} ({})\n", verb, link.host_if, link.name, join(addresses, ", "));
  }
};

}  // namespace

std::string render(const Changes& changes) {
  std::string out;
  for (const LinkChange& change : changes.before) out += std::visit(LinkLine{}, change);
  for (const RuleChange& change : changes.rules) out += std::visit(RuleLine{}, change);
  for (const LinkChange& change : changes.after) out += std::visit(LinkLine{}, change);
  for (const UdpVip& vip : changes.udp)
    out += fmt::format("forget stale UDP flows to {} {}\n", vip.address.text(), vip.port);
  return out;
}

}  // namespace minik::netd
