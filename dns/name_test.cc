#include "dns/name.h"

#include <gtest/gtest.h>

#include "dns/records.h"
#include "dns/test_support.h"

namespace minik::dns {
namespace {

using std::string_view_literals::operator""sv;

TEST(Name, TextToWire) {
  EXPECT_EQ(wire_name("Web.prod"), "\3web\4prod\0"sv);
  EXPECT_EQ(wire_name("web.prod."), "\3web\4prod\0"sv);
  EXPECT_EQ(wire_name(""), "\0"sv);
  EXPECT_EQ(wire_name("."), "\0"sv);
  for (const char* bad : {"a..b", ".a", "a..", ".."}) EXPECT_FALSE(wire_name(bad)) << bad;
  EXPECT_TRUE(wire_name(std::string(63, 'a')));
  EXPECT_FALSE(wire_name(std::string(64, 'a')));
  const std::string label(63, 'a');
  EXPECT_TRUE(wire_name(label + "." + label + "." + label + "." + std::string(61, 'b')));  // 255 bytes.
  EXPECT_FALSE(wire_name(label + "." + label + "." + label + "." + std::string(62, 'b')));
}

TEST(Name, ChildAndParent) {
  const std::string domain = *wire_name("cluster.local");
  EXPECT_EQ(child_name("SVC", domain), wire_name("svc.cluster.local"));
  EXPECT_FALSE(child_name("", domain));
  EXPECT_FALSE(child_name(std::string(64, 'a'), domain));
  EXPECT_FALSE(child_name("a", std::string(254, 'x')));
  EXPECT_EQ(parent_name(domain), *wire_name("local"));
  EXPECT_EQ(parent_name("\0"sv), "\0"sv);
}

TEST(Name, WithinComparesWholeLabels) {
  const std::string domain = *wire_name("cluster.local");
  EXPECT_TRUE(is_within(domain, domain));
  EXPECT_TRUE(is_within(*wire_name("a.cluster.local"), domain));
  EXPECT_FALSE(is_within(*wire_name("xcluster.local"), domain));
  EXPECT_FALSE(is_within(*wire_name("local"), domain));
  // A label whose bytes look like the wire form of the domain is still one label.
  const std::string trick = std::string("\x10x\7cluster\5local", 16) + std::string("\0", 1);
  EXPECT_FALSE(is_within(trick, domain));
}

TEST(Name, Text) {
  EXPECT_EQ(name_text("\0"sv), ".");
  EXPECT_EQ(name_text("\3a.b\1\xff\0"sv), "a\\046b.\\255");
}

TEST(Name, Reverse) {
  EXPECT_EQ(name_text(reverse_name(test::ip("10.96.0.20"))), "20.0.96.10.in-addr.arpa");
  EXPECT_EQ(name_text(reverse_name(test::ip("fd00:96::20"))),
            "0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa");
  EXPECT_EQ(dashed(test::ip("10.244.0.13")), "10-244-0-13");
  EXPECT_EQ(dashed(test::ip("fd00:244::15")), "fd00-244--15");
}

std::vector<std::string> zones(const char* range) {
  std::vector<std::string> out;
  for (const std::string& zone : reverse_zones(test::cidr(range))) out.push_back(name_text(zone));
  return out;
}

TEST(Name, ReverseZonesCoverTheRange) {
  EXPECT_EQ(zones("10.244.0.0/16"), std::vector<std::string>{"244.10.in-addr.arpa"});
  const auto twelve = zones("10.96.0.0/12");
  ASSERT_EQ(twelve.size(), 16U);
  EXPECT_EQ(twelve.front(), "96.10.in-addr.arpa");
  EXPECT_EQ(twelve.back(), "111.10.in-addr.arpa");
  EXPECT_EQ(zones("192.0.2.4/31"),
            (std::vector<std::string>{"4.2.0.192.in-addr.arpa", "5.2.0.192.in-addr.arpa"}));
  EXPECT_EQ(zones("0.0.0.0/0"), std::vector<std::string>{"in-addr.arpa"});
  EXPECT_EQ(zones("fd00:244::/56"), std::vector<std::string>{"0.0.0.0.0.0.4.4.2.0.0.0.d.f.ip6.arpa"});
  EXPECT_EQ(zones("fd00::/15"), (std::vector<std::string>{"0.0.d.f.ip6.arpa", "1.0.d.f.ip6.arpa"}));
}

}  // namespace
}  // namespace minik::dns
