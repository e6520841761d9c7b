#include <gtest/gtest.h>

#include "netd/plan/plan.h"

namespace minik::netd {
namespace {

const TableName kTable{TableFamily::kIp, "minik-t"};
const SetName kMap{kTable, "m"};

Ip ip(const std::string& text) { return *Ip::parse(text); }

std::shared_ptr<Table> table() {
  auto out = std::make_shared<Table>();
  out->sets["m"] = Set{Set::Kind::kVerdictMap, {Type::kIp4}};
  out->chains["a"] = Chain{std::nullopt, {{{Drop{}}, ""}}};
  out->chains["in"] = Chain{Hook{}, {{{LookupVerdict{{Field::kIpDaddr}, "m"}}, ""}}};
  return out;
}

std::shared_ptr<const Piece> piece(const std::vector<std::pair<std::string, std::string>>& elements) {
  auto out = std::make_shared<Piece>();
  for (const auto& [address, chain] : elements) {
    out->add(kMap, {Bytes().add(ip(address)), Verdict{Verdict::Kind::kGoto, chain}, "me"});
  }
  out->finish();
  return out;
}

Plan plan_of(std::shared_ptr<const Table> tables,
             std::map<std::string, std::shared_ptr<const Piece>> pieces) {
  Ruleset rules;
  if (tables != nullptr) rules.tables[kTable] = std::move(tables);
  for (auto& [owner, one] : pieces) rules.pieces.set(owner, std::move(one));
  return {{}, {std::move(rules)}};
}

TEST(Diff, NothingChangedIsNothing) {
  const Plan plan = plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}});
  EXPECT_TRUE(diff(plan, plan).empty());
  const Plan equal = plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}});
  EXPECT_TRUE(diff(plan, equal).empty());
}

TEST(Diff, FromNothingEverythingInTheOrderThatTheKernelTakes) {
  EXPECT_EQ(render(diff(Plan{}, plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}}))),
            "add table ip minik-t\n"
            "add chain ip minik-t a\n"
            "add chain ip minik-t in { type filter hook forward priority 0; policy accept; }\n"
            "add map ip minik-t m\n"
            "add rule ip minik-t a drop\n"
            "add rule ip minik-t in ip daddr vmap @m\n"
            "add element ip minik-t m { 10.0.0.1 comment \"me\" : goto a }\n");
}

TEST(Diff, ElementsThatChangeAreDeletedAndAdded) {
  const auto tables = table();
  const Plan before =
      plan_of(tables, {{"x", piece({{"10.0.0.1", "a"}, {"10.0.0.2", "a"}, {"10.0.0.3", "a"}})}});
  const Plan after =
      plan_of(tables, {{"x", piece({{"10.0.0.2", "in"}, {"10.0.0.3", "a"}, {"10.0.0.4", "a"}})}});
  EXPECT_EQ(render(diff(before, after)),
            "delete element ip minik-t m { 10.0.0.1 comment \"me\" : goto a }\n"
            "delete element ip minik-t m { 10.0.0.2 comment \"me\" : goto a }\n"
            "add element ip minik-t m { 10.0.0.2 comment \"me\" : goto in }\n"
            "add element ip minik-t m { 10.0.0.4 comment \"me\" : goto a }\n");
}

TEST(Diff, AnElementMayMoveFromOneOwnerToAnother) {
  const auto tables = table();
  const Changes changes = diff(plan_of(tables, {{"x", piece({{"10.0.0.1", "a"}})}}),
                               plan_of(tables, {{"y", piece({{"10.0.0.1", "a"}})}}));
  ASSERT_EQ(changes.rules.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<DeleteElements>(changes.rules[0]));
  EXPECT_TRUE(std::holds_alternative<AddElements>(changes.rules[1]));
}

TEST(Diff, ChainsComeBeforeTheirElementsAndGoAfterThem) {
  auto more = table();
  more->chains["b"] = Chain{std::nullopt, {{{Accept{}}, ""}}};
  const Plan small = plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}});
  const Plan large = plan_of(more, {{"x", piece({{"10.0.0.1", "b"}})}});
  EXPECT_EQ(render(diff(small, large)),
            "add chain ip minik-t b\n"
            "delete element ip minik-t m { 10.0.0.1 comment \"me\" : goto a }\n"
            "add rule ip minik-t b accept\n"
            "add element ip minik-t m { 10.0.0.1 comment \"me\" : goto b }\n");
  EXPECT_EQ(render(diff(large, small)),
            "delete element ip minik-t m { 10.0.0.1 comment \"me\" : goto b }\n"
            "flush chain ip minik-t b\n"
            "add element ip minik-t m { 10.0.0.1 comment \"me\" : goto a }\n"
            "delete chain ip minik-t b\n");
}

TEST(Diff, AChangedSetTypeReplacesTheTable) {
  auto other = table();
  other->sets["m"].size = 10;
  EXPECT_EQ(render(diff(plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}}),
                        plan_of(other, {{"x", piece({{"10.0.0.1", "a"}})}})))
                .substr(0, 42),
            "delete table ip minik-t\nadd table ip minik");
}

TEST(Diff, ATableThatGoesTakesItsElements) {
  EXPECT_EQ(render(diff(plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}}), plan_of(nullptr, {}))),
            "delete table ip minik-t\n");
}

std::shared_ptr<const PodLink> pod(const std::string& uid, const std::string& address) {
  auto out = std::make_shared<PodLink>();
  out->uid = uid;
  out->name = "default/" + uid;
  out->host_if = "mk" + uid;
  out->addresses = {ip(address)};
  return out;
}

TEST(Diff, LinksComeUpAfterTheRulesAndGoBefore) {
  Plan before, after;
  before.topology.node = after.topology.node = NodeLinks{};
  before.topology.pods.set("a", pod("a", "10.0.0.1"));
  before.topology.pods.set("b", pod("b", "10.0.0.2"));
  after.topology.pods.set("b", pod("b", "10.0.0.2"));
  after.topology.pods.set("c", pod("c", "10.0.0.1"));
  const Changes changes = diff(before, after);
  EXPECT_EQ(render(changes),
            "remove link mka of pod default/a (10.0.0.1)\n"
            "add link mkc of pod default/c (10.0.0.1)\n"
            "start link mkc of pod default/c (10.0.0.1)\n");
  EXPECT_EQ(changes.before.size(), 2U);
  EXPECT_EQ(changes.after.size(), 1U);
}

TEST(Seen, DifferencesAreNamed) {
  const Plan plan = plan_of(table(), {{"x", piece({{"10.0.0.1", "a"}})}});
  const Seen wanted = seen(plan);
  EXPECT_EQ(first_difference(wanted, wanted), std::nullopt);
  Seen found = wanted;
  found.tables[kTable].sets["m"].clear();
  EXPECT_EQ(first_difference(wanted, found), "elements of ip minik-t m were changed: 1 wanted, 0 found");
  found.tables.clear();
  EXPECT_EQ(first_difference(wanted, found), "table ip minik-t is gone");
  found = wanted;
  found.links.insert("route 1.2.3.4/32 dev cbr0");
  EXPECT_EQ(first_difference(wanted, found), "unexpected: route 1.2.3.4/32 dev cbr0");
}

}  // namespace
}  // namespace minik::netd
