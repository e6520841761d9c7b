// dns.md section 10.1: one test per row, named after it.
#include <gtest/gtest.h>

#include "dns/test_support.h"

namespace minik::dns {
namespace {

using test::ask;
using test::Query;

const Zone& zone() {
  static const auto built = [] {
    auto cluster = test::fixture();
    auto builder = test::builder();
    return builder.update(cluster.snapshot());
  }();
  return *built;
}

constexpr int kOk = 0, kNx = 3;
constexpr const char* kDomain = "cluster.local";

struct Row {
  const char* id;
  std::vector<std::string> names;
  std::vector<int> types;
  int rcode;
  std::vector<std::string> answers;  // Sorted.
  const char* soa = nullptr;         // Owner of the SOA in the authority section.
  std::vector<std::string> extras = {};
};

std::string in(const std::string& name, const std::string& ns = "prod") {
  return name + "." + ns + ".svc.cluster.local";
}

const std::string kW = in("web");
const char* const kWebPtr = "20.0.96.10.in-addr.arpa";
const char* const kReverseSix = "0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa";
const char* const kReverseSixApex = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa";
const std::vector<int> kEvery{1, 28, 33, 16, 15, 2, 6, 5, 12, 65, 43, 65280};

const Row kRows[] = {
    {"01", {in("kubernetes", "default")}, {1}, kOk, {"A 10.96.0.1"}},
    {"02", {in("kubernetes", "default")}, {28}, kOk, {}, kDomain},
    {"03", {in("kubernetes", "default")}, {16, 15, 65, 65280, 6, 2, 0, 43}, kOk, {}, kDomain},
    {"05", {kW}, {1}, kOk, {"A 10.96.0.20"}},
    {"06", {"_http._tcp." + kW}, {33}, kOk, {"SRV 0 100 80 " + kW}, nullptr, {"A 10.96.0.20"}},
    {"07", {"_q._udp." + kW}, {33}, kOk, {"SRV 0 100 53 " + kW}, nullptr, {"A 10.96.0.20"}},
    {"08", {"_http._udp." + kW, "_nope._tcp." + kW}, {33}, kNx, {}, kDomain},
    {"09", {"_HTTP._TCP." + kW}, {33}, kOk, {"SRV 0 100 80 " + kW}, nullptr, {"A 10.96.0.20"}},
    {"10", {"_tcp." + kW}, {1, 33}, kOk, {}, kDomain},
    {"11", {"_http._tcp." + kW}, {1}, kOk, {}, kDomain},
    {"12", {kW}, {33}, kOk, {"SRV 0 50 53 " + kW, "SRV 0 50 80 " + kW}, nullptr, {"A 10.96.0.20"}},
    {"13", {in("one")}, {1}, kOk, {"A 10.96.0.21"}},
    {"14", {"_._tcp." + in("one"), "__." + in("one")}, {33}, kNx, {}, kDomain},
    {"15", {in("noeps")}, {1}, kOk, {"A 10.96.0.22"}},
    {"16a", {in("six")}, {28}, kOk, {"AAAA fd00:96::20"}},
    {"16b", {in("six")}, {1}, kOk, {}, kDomain},
    {"17a", {in("dual")}, {1}, kOk, {"A 10.96.0.23"}},
    {"17b", {in("dual")}, {28}, kOk, {"AAAA fd00:96::23"}},
    {"18",
     {"_http._tcp." + in("dual")},
     {33},
     kOk,
     {"SRV 0 50 80 " + in("dual")},
     nullptr,
     {"A 10.96.0.23", "AAAA fd00:96::23"}},
    {"19", {"10-244-0-71." + kW}, {1}, kOk, {"A 10.244.0.71"}},
    {"20", {"x." + kW, "a.b." + kW}, {1}, kNx, {}, kDomain},
    {"21", {in("db")}, {1}, kOk, {"A 10.244.0.11", "A 10.244.0.12", "A 10.244.0.13"}},
    {"22", {in("db")}, {28}, kOk, {}, kDomain},
    {"23", {"db-0." + in("db")}, {1}, kOk, {"A 10.244.0.11"}},
    {"24", {"10-244-0-13." + in("db")}, {1}, kOk, {"A 10.244.0.13"}},
    {"25", {"10-244-0-11." + in("db")}, {1}, kNx, {}, kDomain},
    {"26", {"10-244-0-14." + in("db")}, {1}, kNx, {}, kDomain},
    {"27",
     {"_pg._tcp." + in("db")},
     {33},
     kOk,
     {"SRV 0 33 6432 10-244-0-13." + in("db"), "SRV 0 33 6432 db-0." + in("db"),
      "SRV 0 33 6432 db-1." + in("db")},
     nullptr,
     {"A 10.244.0.11", "A 10.244.0.12", "A 10.244.0.13"}},
    {"28", {in("db6"), "fd00-244--15." + in("db6")}, {28}, kOk, {"AAAA fd00:244::15"}},
    {"29", {"twin." + in("twin")}, {1}, kOk, {"A 10.244.0.31", "A 10.244.0.32"}},
    {"29srv",
     {in("twin")},
     {33},
     kOk,
     {"SRV 0 50 6432 twin." + in("twin")},
     nullptr,
     {"A 10.244.0.31", "A 10.244.0.32"}},
    {"30", {in("idle")}, {1, 28, 33, 16}, kNx, {}, kDomain},
    {"31", {in("pub")}, {1}, kOk, {"A 10.244.0.41"}},
    {"32a", {in("portless")}, {1}, kOk, {"A 10.244.0.51"}},
    {"32b", {in("portless")}, {33}, kOk, {}, kDomain},
    {"33", {in("manual"), "192-0-2-7." + in("manual")}, {1}, kOk, {"A 192.0.2.7"}},
    {"34", {in("ext")}, {5}, kOk, {"CNAME www.example.com"}},
    {"38", {in("extin")}, {1}, kOk, {"A 10.96.0.20", "CNAME " + kW}},
    {"38nodata", {in("extin")}, {28}, kOk, {"CNAME " + kW}, kDomain},
    {"38srv", {in("extin")}, {33}, kOk, {"CNAME " + kW, "SRV 0 50 53 " + kW, "SRV 0 50 80 " + kW}},
    {"38headless",
     {in("extdb")},
     {1},
     kOk,
     {"A 10.244.0.11", "A 10.244.0.12", "A 10.244.0.13", "CNAME " + in("db")}},
    {"39", {in("extnx")}, {1, 28, 33, 15}, kNx, {"CNAME " + in("nx")}, kDomain},
    {"40", {in("ext")}, {1, 28}, 2, {"CNAME www.example.com"}},
    {"41", {in("la")}, {1}, 2, {"CNAME " + in("la"), "CNAME " + in("lb")}},
    {"42", {in("extip"), "x." + in("ext")}, {1}, kNx, {}, kDomain},
    {"42srv", {"_h._tcp." + in("ext")}, {33}, kNx, {}, kDomain},
    {"43", {in("nosvc"), in("web", "nons")}, {1, 28}, kNx, {}, kDomain},
    {"44",
     {"prod.svc.cluster.local", "empty.svc.cluster.local", "prod.pod.cluster.local",
      "empty.pod.cluster.local", "svc.cluster.local", "pod.cluster.local", "dns.cluster.local"},
     kEvery,
     kOk,
     {},
     kDomain},
    {"45",
     {"nons.svc.cluster.local", "nons.pod.cluster.local", "foo.cluster.local"},
     kEvery,
     kNx,
     {},
     kDomain},
    {"46", {in("*"), "web.*.svc.cluster.local", "*.cluster.local"}, {1}, kNx, {}, kDomain},
    {"48", {kDomain}, {2}, kOk, {"NS ns.dns.cluster.local"}, nullptr, {"A 10.96.0.10"}},
    {"49", {kDomain}, {1, 28, 33, 15, 43, 13}, kOk, {}, kDomain},
    {"50", {"ns.dns.cluster.local"}, {1}, kOk, {"A 10.96.0.10"}},
    {"51", {"dns-version.cluster.local"}, {16}, kOk, {"TXT 1.1.0"}},
    {"52", {"dns-version.cluster.local"}, {1}, kOk, {}, kDomain},
    {"53", {kWebPtr}, {12}, kOk, {"PTR " + kW}},
    {"54", {"11.0.244.10.in-addr.arpa"}, {12}, kOk, {"PTR db-0." + in("db")}},
    {"56", {kReverseSix}, {12}, kOk, {"PTR " + in("six")}},
    {"57", {"99.0.96.10.in-addr.arpa"}, {12}, kNx, {}, "96.10.in-addr.arpa"},
    {"57six", {"1" + std::string(kReverseSix).substr(1)}, {12}, kNx, {}, kReverseSixApex},
    {"57malformed",
     {"01.0.96.10.in-addr.arpa", "1.20.0.96.10.in-addr.arpa", "256.0.96.10.in-addr.arpa"},
     {12},
     kNx,
     {},
     "96.10.in-addr.arpa"},
    {"58a", {"0.96.10.in-addr.arpa"}, kEvery, kOk, {}, "96.10.in-addr.arpa"},
    {"58b", {kWebPtr}, {1}, kOk, {}, "96.10.in-addr.arpa"},
    {"58apex", {"96.10.in-addr.arpa"}, {2}, kOk, {"NS ns.dns.cluster.local"}, nullptr, {"A 10.96.0.10"}},
    {"59known", {"7.2.0.192.in-addr.arpa"}, {12}, kOk, {"PTR 192-0-2-7." + in("manual")}},
    {"60a", {"10-244-0-61.prod.pod.cluster.local"}, {1}, kOk, {"A 10.244.0.61"}},
    {"60b", {"10-244-0-61.prod.pod.cluster.local"}, {28}, kOk, {}, kDomain},
    {"61",
     {"10-244-0-61.default.pod.cluster.local", "10-9-9-9.prod.pod.cluster.local",
      "blah.prod.pod.cluster.local"},
     {1},
     kNx,
     {},
     kDomain},
    {"63",
     {"www.example.com." + std::string("prod.svc.cluster.local"), "www.example.com.svc.cluster.local",
      "www.example.com.cluster.local"},
     {1, 28},
     kNx,
     {},
     kDomain},
};

class ZoneRow : public testing::TestWithParam<Row> {};

void expect_row(const Row& row, const Query& query) {
  const auto reply = ask(zone(), query);
  SCOPED_TRACE(fmt::format("{} type {} edns {}", query.name, query.type, query.edns));
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.id, query.id);
  EXPECT_EQ(reply.rcode, row.rcode);
  EXPECT_EQ(reply.flags & ~15, 0x8580);  // QR AA RD RA; AD, CD, Z, TC are 0.
  EXPECT_EQ(reply.question, query.name);
  EXPECT_EQ(reply.has_opt, query.edns >= 0);
  EXPECT_EQ(reply.texts(reply.answers), row.answers);
  EXPECT_EQ(reply.texts(reply.additional), row.extras);
  ASSERT_EQ(reply.authority.size(), row.soa == nullptr ? 0U : 1U);
  if (row.soa != nullptr) {
    // The owner is a pointer into the question, so it has the question's case.
    EXPECT_EQ(lower(reply.authority[0].owner), row.soa);
    EXPECT_EQ(reply.authority[0].type, kTypeSoa);
    EXPECT_EQ(reply.authority[0].ttl, 5U);
    EXPECT_TRUE(
        starts_with(lower(reply.authority[0].text), "soa ns.dns.cluster.local hostmaster.cluster.local"));
  }
  for (const auto& record : reply.answers) EXPECT_EQ(record.ttl, row.id == std::string("51") ? 28800U : 5U);
}

TEST_P(ZoneRow, AnswersAsTheTableSays) {
  const Row& row = GetParam();
  for (const std::string& name : row.names) {
    for (const int type : row.types) {
      for (const int edns : {-1, 1232}) {
        expect_row(row, {.name = name, .type = static_cast<std::uint16_t>(type), .edns = edns});
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dns, ZoneRow, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string("Row") + row.param.id; });

TEST(Answer, Row04KeepsTheCaseOfTheQuestion) {
  const std::string name = "KuBernetes.DEFAULT.svc.Cluster.Local";
  const auto reply = ask(zone(), {.name = name});
  EXPECT_EQ(reply.question, name);
  ASSERT_EQ(reply.answers.size(), 1U);
  EXPECT_EQ(reply.answers[0].owner, name);
  EXPECT_EQ(reply.answers[0].text, "A 10.96.0.1");
}

TEST(Answer, Row21RotatesAddresses) {
  std::set<std::string> first;
  for (std::uint32_t rotation = 0; rotation < 3; ++rotation) {
    const auto reply = ask(zone(), {.name = in("db")}, {.rotation = rotation});
    ASSERT_EQ(reply.answers.size(), 3U);
    first.insert(reply.answers[0].text);
  }
  EXPECT_EQ(first.size(), 3U);
}

TEST(Answer, Row27TargetIsNotCompressed) {
  const auto reply = ask(zone(), {.name = "_pg._tcp." + in("db"), .type = kTypeSrv});
  const std::string raw(reply.raw.begin(), reply.raw.end());
  const std::string target = *wire_name("db-0." + in("db"));
  EXPECT_NE(raw.find(target), std::string::npos);
  EXPECT_EQ(reply.additional[0].owner, "db-0." + in("db"));
}

TEST(Answer, Row36WithoutRecursionDesiredIsCnameOnly) {
  for (const char* name : {"ext", "extin", "extnx"}) {
    const auto reply = ask(zone(), {.name = in(name), .rd = false});
    EXPECT_EQ(reply.rcode, 0);
    ASSERT_EQ(reply.answers.size(), 1U);
    EXPECT_EQ(reply.answers[0].type, kTypeCname);
    EXPECT_TRUE(reply.authority.empty());
    EXPECT_EQ(reply.flags & 0x0100, 0);
  }
}

TEST(Answer, Row38CnameComesBeforeTheAddressAndOwnsIt) {
  const auto reply = ask(zone(), {.name = in("extin")});
  ASSERT_EQ(reply.answers.size(), 2U);
  EXPECT_EQ(reply.answers[0].text, "CNAME " + kW);
  EXPECT_EQ(reply.answers[0].owner, in("extin"));
  EXPECT_EQ(reply.answers[1].owner, kW);
}

TEST(Answer, Row41ChainOfNineIsCutAfterEight) {
  const auto nine = ask(zone(), {.name = in("chain0")});
  EXPECT_EQ(nine.rcode, 2);
  EXPECT_EQ(nine.answers.size(), 8U);
  const auto seven = ask(zone(), {.name = in("chain2")});
  EXPECT_EQ(seven.rcode, 3);
  EXPECT_EQ(seven.answers.size(), 7U);
}

TEST(Answer, Row47SoaOfTheApex) {
  const auto reply = ask(zone(), {.name = "cluster.local", .type = kTypeSoa});
  ASSERT_EQ(reply.answers.size(), 1U);
  EXPECT_EQ(
      reply.answers[0].text,
      fmt::format("SOA ns.dns.cluster.local hostmaster.cluster.local {} 7200 1800 86400 5", zone().serial()));
  EXPECT_TRUE(reply.authority.empty());
  const auto reverse = ask(zone(), {.name = "244.10.in-addr.arpa", .type = kTypeSoa});
  ASSERT_EQ(reverse.answers.size(), 1U);
  EXPECT_EQ(reverse.answers[0].owner, "244.10.in-addr.arpa");
}

TEST(Answer, Row55TwoServicesWithOneAddressGiveTwoPtr) {
  auto cluster = test::fixture();
  cluster.service("prod", "other", R"({"clusterIP":"None"})");
  cluster.slice("prod", "other-1", "other", test::list({test::endpoint("10.244.0.11")}));
  auto builder = test::builder();
  const auto built = builder.update(cluster.snapshot());
  const auto reply = ask(*built, {.name = "11.0.244.10.in-addr.arpa", .type = kTypePtr});
  EXPECT_EQ(reply.texts(reply.answers),
            (std::vector<std::string>{"PTR 10-244-0-11." + in("other"), "PTR db-0." + in("db")}));
}

TEST(Answer, Row59OutsideOurRangesIsRefusedWithoutForwarder) {
  for (const char* name : {"8.8.8.8.in-addr.arpa", "www.example.com", "", "local", "xcluster.local",
                           "7.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"}) {
    const auto reply = ask(zone(), {.name = name, .edns = 1232});
    EXPECT_EQ(reply.rcode, 5) << name;
    EXPECT_FALSE(reply.aa());
    EXPECT_EQ(reply.question, name);
    EXPECT_TRUE(reply.authority.empty());
    EXPECT_TRUE(reply.has_opt);
  }
}

TEST(Answer, Row62LabelWithADotInsideIsAnotherName) {
  auto request = test::wire({.name = "aab.prod.svc.cluster.local"});
  request[14] = '.';
  const auto reply = test::decode(test::ask_raw(zone(), request));
  EXPECT_EQ(reply.rcode, 3);
  EXPECT_EQ(reply.authority.size(), 1U);
}

TEST(Answer, Row64AnyGivesOneSet) {
  const auto any = [](const std::string& name) { return ask(zone(), {.name = name, .type = kTypeAny}); };
  EXPECT_EQ(any(kW).texts(any(kW).answers), std::vector<std::string>{"A 10.96.0.20"});
  EXPECT_EQ(any(in("ext")).answers.at(0).text, "CNAME www.example.com");
  EXPECT_EQ(any("svc.cluster.local").rcode, 0);
  EXPECT_TRUE(any("svc.cluster.local").answers.empty());
  EXPECT_EQ(any("svc.cluster.local").authority.size(), 1U);
  EXPECT_EQ(any(in("nosvc")).rcode, 3);
}

TEST(Answer, Row65ZoneTransfersAreRefused) {
  for (const std::uint16_t type : {kTypeAxfr, kTypeIxfr}) {
    for (const auto transport : {Transport::kUdp, Transport::kTcp}) {
      const auto reply = ask(zone(), {.name = "cluster.local", .type = type}, {.transport = transport});
      EXPECT_EQ(reply.rcode, 5);
      EXPECT_FALSE(reply.aa());
    }
  }
}

}  // namespace
}  // namespace minik::dns
