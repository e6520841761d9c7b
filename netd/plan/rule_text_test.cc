#include "netd/plan/rule_text.h"

#include <gtest/gtest.h>

namespace minik::netd {
namespace {

Cidr cidr(const char* text) { return *Cidr::parse(text); }
Ip ip(const char* text) { return *Ip::parse(text); }

struct Case {
  Rule rule;
  const char* text;
};

TEST(RuleText, EveryStatementReadsAsNftPrintsIt) {
  const Terms vip{Field::kIpDaddr, Field::kL4Proto, Field::kDport};
  const Case cases[] = {
      {{{match(Field::kIpDaddr, cidr("10.96.0.0/12")), Drop{}}, ""}, "ip daddr 10.96.0.0/12 drop"},
      {{{match(Field::kIpSaddr, cidr("10.0.0.1/32"), true), Accept{}}, ""}, "ip saddr != 10.0.0.1 accept"},
      {{{match(Field::kIp6Saddr, ip("fe80::1")), Accept{}}, "why"},
       "ip6 saddr fe80::1 accept comment \"why\""},
      {{{match_proto(kSctp), Counter{}, Jump{"x"}}, ""}, "meta l4proto sctp counter jump x"},
      {{{match_iif("cbr0"), Goto{"guard"}}, ""}, "iifname \"cbr0\" goto guard"},
      {{{match_icmp6(137), Drop{}}, ""}, "icmpv6 type 137 drop"},
      {{{match_ct_state(kCtInvalid), Drop{}}, ""}, "ct state invalid drop"},
      {{{match_ct_state(kCtEstablished | kCtRelated), Accept{}}, ""}, "ct state established,related accept"},
      {{{match_ct_status(kCtDnat, true), Accept{}}, ""}, "ct status ! dnat accept"},
      {{{match_fib_saddr_local(), Masquerade{}}, ""}, "fib saddr type local masquerade fully-random"},
      {{{MatchSet{{Field::kEtherSaddr, Field::kIpSaddr}, "s"}, Accept{}}, ""},
       "ether saddr . ip saddr @s accept"},
      {{{MatchSet{{Field::kCtIpDaddr, Field::kCtDport}, "s", true}, Reject{}}, ""},
       "ct original ip daddr . ct original proto-dst != @s reject"},
      {{{LookupVerdict{vip, "services"}}, ""}, "ip daddr . meta l4proto . th dport vmap @services"},
      {{{Dnat{{Field::kIpDaddr, Term(3, 0)}, "m"}}, ""}, "dnat ip to ip daddr . numgen random mod 3 map @m"},
      {{{Dnat{{Field::kIpDaddr, Term(2, 32768)}, "m"}}, ""},
       "dnat ip to ip daddr . numgen random mod 2 offset 32768 map @m"},
      {{{Reject{Reject::With::kTcpReset}}, ""}, "reject with tcp reset"},
  };
  for (const Case& c : cases) EXPECT_EQ(text(TableFamily::kIp, c.rule), c.text);
}

TEST(RuleText, ElementsCarryTheirCause) {
  const Set map{
      Set::Kind::kMap, {Type::kIp4, Type::kProto, Type::kPort, Type::kSlot}, {Type::kIp4, Type::kPort}};
  Element element;
  element.key.add(ip("10.96.0.1")).add_proto(kTcp).add_port(80).add_host32(2);
  element.data = Bytes().add(ip("10.244.0.7")).add_port(8080);
  element.cause = "default/web-7f";
  EXPECT_EQ(text(map, element), "10.96.0.1 . tcp . 80 . 2 comment \"default/web-7f\" : 10.244.0.7 . 8080");
  const Set guard{Set::Kind::kSet, {Type::kEther, Type::kIp6}};
  Element pair;
  pair.key.add(Mac{{10, 88, 0, 0, 0, 1}}).add(ip("fd00::1"));
  EXPECT_EQ(text(guard, pair), "0a:58:00:00:00:01 . fd00::1");
}

TEST(RuleText, WholeTables) {
  auto table = std::make_shared<Table>();
  table->sets["m"] = Set{Set::Kind::kVerdictMap, {Type::kIp4, Type::kPort}};
  table->sets["d"] = Set{Set::Kind::kSet, {Type::kIp4}, {}, true, false, 5000, 10};
  table->chains["in"] = Chain{Hook{Hook::Kind::kNat, HookPoint::kPrerouting, -100, false},
                              {{{LookupVerdict{{Field::kIpDaddr, Field::kDport}, "m"}}, ""}}};
  Piece piece;
  const SetName name{{TableFamily::kIp, "minik-t"}, "m"};
  piece.add(name, {Bytes().add(ip("10.0.0.2")).add_port(1), Verdict{Verdict::Kind::kDrop}, ""});
  piece.add(name, {Bytes().add(ip("10.0.0.1")).add_port(1), Verdict{Verdict::Kind::kGoto, "in"}, ""});
  piece.finish();
  Ruleset rules;
  rules.tables[name.table] = table;
  rules.pieces.set("x", std::make_shared<Piece>(piece));
  EXPECT_EQ(text({rules}),
            "table ip minik-t {\n"
            "\tset d {\n"
            "\t\ttype ipv4_addr; size 10; flags interval,timeout; timeout 5000ms;\n"
            "\t}\n"
            "\tmap m {\n"
            "\t\ttype ipv4_addr . inet_service : verdict;\n"
            "\t\telements = { 10.0.0.1 . 1 : goto in,\n"
            "\t\t\t     10.0.0.2 . 1 : drop }\n"
            "\t}\n"
            "\tchain in {\n"
            "\t\ttype nat hook prerouting priority -100; policy accept;\n"
            "\t\tip daddr . th dport vmap @m\n"
            "\t}\n"
            "}\n");
}

}  // namespace
}  // namespace minik::netd
