// dns.md sections 4, 10.2 and 10.3: sizes, malformed and odd requests.
#include <gtest/gtest.h>

#include <random>

#include "dns/test_support.h"

namespace minik::dns {
namespace {

using test::ask;
using test::ask_raw;
using test::Bytes;
using test::decode;

const std::string kBig = "big.prod.svc.cluster.local";
const std::string kWeb = "web.prod.svc.cluster.local";

const Zone& zone() {
  static const auto built = [] {
    auto cluster = test::fixture();
    std::vector<std::string> sixty;
    for (int i = 1; i <= 60; ++i) sixty.push_back(test::endpoint(fmt::format("10.244.9.{}", i)));
    cluster.service("prod", "six0", R"({"clusterIP":"None"})");
    cluster.slice("prod", "six0-1", "six0", test::list(sixty));
    auto builder = test::builder();
    return builder.update(cluster.snapshot());
  }();
  return *built;
}

ClientInfo tcp() { return {.transport = Transport::kTcp}; }

TEST(Size, Row70BigWithoutEdns) {
  const auto reply = ask(zone(), {.name = kBig});
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.raw.size(), 508U);
  EXPECT_EQ(reply.answers.size(), 29U);
  EXPECT_TRUE(reply.tc());
  EXPECT_FALSE(reply.has_opt);
}

TEST(Size, Row71BigWithEdns) {
  for (const int size : {1232, 4096}) {
    const auto reply = ask(zone(), {.name = kBig, .edns = size});
    ASSERT_TRUE(reply.ok);
    EXPECT_LE(reply.raw.size(), 1232U);
    EXPECT_GT(reply.raw.size(), 1232U - 16U);
    EXPECT_EQ(reply.answers.size(), 73U);  // (1232 - 11 - 44) / 16
    EXPECT_TRUE(reply.tc());
    EXPECT_EQ(reply.opt_size, 1232);
  }
}

TEST(Size, Row72TinyEdnsSizeMeans512) {
  const auto reply = ask(zone(), {.name = kBig, .edns = 100});
  ASSERT_TRUE(reply.ok);
  EXPECT_LE(reply.raw.size(), 512U);
  EXPECT_EQ(reply.answers.size(), 28U);
  EXPECT_TRUE(reply.tc());
  EXPECT_TRUE(reply.has_opt);
}

TEST(Size, Row73BigOverTcp) {
  const auto reply = ask(zone(), {.name = kBig}, tcp());
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.answers.size(), 200U);
  EXPECT_FALSE(reply.tc());
  EXPECT_EQ(reply.raw.size(), 44U + 200U * 16U);
}

TEST(Size, Row74BigSrv) {
  const std::string name = "_p._tcp." + kBig;
  const auto udp = ask(zone(), {.name = name, .type = kTypeSrv, .edns = 1232});
  ASSERT_TRUE(udp.ok);
  EXPECT_LE(udp.raw.size(), 1232U);
  EXPECT_TRUE(udp.tc());
  EXPECT_GT(udp.answers.size(), 15U);
  EXPECT_TRUE(udp.additional.empty());
  const auto all = ask(zone(), {.name = name, .type = kTypeSrv}, tcp());
  ASSERT_TRUE(all.ok);
  EXPECT_FALSE(all.tc());
  EXPECT_EQ(all.answers.size(), 200U);
  EXPECT_EQ(all.additional.size(), 200U);
}

TEST(Size, Row75AdditionalIsShortenedWithoutTc) {
  std::vector<std::string> endpoints;
  for (int i = 1; i <= 7; ++i) endpoints.push_back(test::endpoint(fmt::format("10.244.7.{}", i)));
  auto cluster = test::fixture();
  cluster.service("prod", "mid", R"({"clusterIP":"None"})");
  cluster.slice("prod", "mid-1", "mid", test::list(endpoints), R"([{"name":"p","port":80}])");
  auto builder = test::builder();
  const auto built = builder.update(cluster.snapshot());
  const auto reply = ask(*built, {.name = "_p._tcp.mid.prod.svc.cluster.local", .type = kTypeSrv});
  ASSERT_TRUE(reply.ok);
  EXPECT_FALSE(reply.tc());
  EXPECT_EQ(reply.answers.size(), 7U);
  EXPECT_LT(reply.additional.size(), 7U);
  EXPECT_LE(reply.raw.size(), 512U);
}

TEST(Size, Row76SixtyFitIntoEdns) {
  const auto reply = ask(zone(), {.name = "six0.prod.svc.cluster.local", .edns = 1232});
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.answers.size(), 60U);
  EXPECT_FALSE(reply.tc());
  EXPECT_EQ(reply.raw.size(), 12U + 33U + 60U * 16U + 11U);
}

TEST(Size, TruncatedAnswersRotateToo) {
  const auto a = ask(zone(), {.name = kBig}, {.rotation = 150});
  const auto b = ask(zone(), {.name = kBig}, {.rotation = 190});
  EXPECT_EQ(a.answers.size(), 29U);
  EXPECT_EQ(b.answers.size(), 29U);
  EXPECT_NE(a.answers[0].text, b.answers[0].text);
}

TEST(Size, MoreThan64KiBOverTcpIsASubsetWithoutTc) {
  test::Cluster cluster;
  cluster.ns("prod");
  cluster.service("prod", "huge", R"({"clusterIP":"None"})");
  for (int s = 0; s < 50; ++s) {
    std::vector<std::string> endpoints;
    for (int i = 1; i <= 100; ++i) endpoints.push_back(test::endpoint(fmt::format("10.244.{}.{}", s, i)));
    cluster.slice("prod", fmt::format("huge-{}", s), "huge", test::list(endpoints),
                  R"([{"name":"p","port":80}])");
  }
  auto builder = test::builder();
  const auto built = builder.update(cluster.snapshot());
  for (const auto& [name, type] : {std::pair{"huge.prod.svc.cluster.local", kTypeA},
                                   std::pair{"_p._tcp.huge.prod.svc.cluster.local", kTypeSrv}}) {
    for (const std::uint32_t rotation : {0U, 4'999U}) {
      const auto reply = ask(*built, {.name = name, .type = type}, {Transport::kTcp, rotation, false});
      ASSERT_TRUE(reply.ok) << name;
      EXPECT_FALSE(reply.tc());
      EXPECT_GT(reply.answers.size(), 900U);
      EXPECT_LT(reply.answers.size(), 5'000U);
      EXPECT_GT(reply.raw.size(), 65'000U);
    }
  }
}

Bytes header(unsigned flags, unsigned qd = 1, unsigned an = 0, unsigned ns = 0, unsigned ar = 0) {
  Bytes out{0x12, 0x34};
  for (const unsigned value : {flags, qd, an, ns, ar}) test::append16(out, value);
  return out;
}

Bytes with(Bytes front, const Bytes& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

Bytes web_with(unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar, const Bytes& tail = {}) {
  const Bytes plain = test::wire({.name = kWeb});
  return with(with(header(flags, qd, an, ns, ar), Bytes(plain.begin() + 12, plain.end())), tail);
}

void expect_header_only(const Bytes& request, int rcode) {
  const Bytes reply = ask_raw(zone(), request);
  ASSERT_EQ(reply.size(), 12U);
  const auto decoded = decode(reply);
  EXPECT_EQ(decoded.id, 0x1234);
  EXPECT_EQ(decoded.rcode, rcode);
  EXPECT_FALSE(decoded.aa());
  EXPECT_TRUE(decoded.flags & 0x8000);
  EXPECT_EQ(decoded.flags & 0x7900, get16(&request[2]) & 0x7900);
  for (std::size_t i = 4; i < 12; ++i) EXPECT_EQ(reply[i], 0);
}

TEST(Odd, Row90ShortOrReplyGetsNothing) {
  const Bytes whole = test::wire({.name = kWeb});
  for (std::size_t size = 0; size < 12; ++size) {
    EXPECT_TRUE(ask_raw(zone(), Bytes(whole.begin(), whole.begin() + static_cast<int>(size))).empty());
  }
  EXPECT_TRUE(ask_raw(zone(), web_with(0x8100, 1, 0, 0, 0)).empty());
  EXPECT_TRUE(ask_raw(zone(), web_with(0x8000, 0, 0, 0, 0)).empty());
}

TEST(Odd, Row91OtherOpcodes) {
  for (const unsigned opcode : {1U, 2U, 4U, 5U, 6U, 15U}) {
    expect_header_only(web_with((opcode << 11) | 0x0100, 1, 0, 0, 0), 4);
  }
}

TEST(Odd, Row92Counts) {
  expect_header_only(web_with(0x0100, 0, 0, 0, 0), 1);
  expect_header_only(web_with(0x0100, 2, 0, 0, 0), 1);
  expect_header_only(web_with(0, 1, 1, 0, 0), 1);
  expect_header_only(web_with(0, 1, 0, 1, 0), 1);
}

TEST(Odd, Row93BadQuestions) {
  const Bytes whole = test::wire({.name = kWeb});
  for (std::size_t size = 12; size < whole.size(); ++size) {
    expect_header_only(Bytes(whole.begin(), whole.begin() + static_cast<int>(size)), 1);
  }
  for (const std::uint8_t length : {0xC0, 0x40, 0x80}) {
    expect_header_only(with(header(0x0100), {3, 'w', 'e', 'b', length, 12, 0, 0, 1, 0, 1}), 1);
  }
  Bytes too_long = header(0x0100);
  for (int label = 0; label < 4; ++label) {
    too_long.push_back(62);
    too_long.insert(too_long.end(), 62, 'a');
  }
  too_long = with(std::move(too_long), {2, 'b', 'c', 0, 0, 1, 0, 1});  // 256 bytes of name.
  expect_header_only(too_long, 1);
}

TEST(Odd, Row94LongestNameAndLabel) {
  const std::string label(63, 'a');
  const std::string tail = "." + label + "." + label + ".cluster.local";
  const std::string longest = label + "." + std::string(255 - 15 - 3 * 64 - 1, 'b') + tail;
  const auto reply = ask(zone(), {.name = longest, .edns = 512});
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.question.size(), 253U);
  EXPECT_EQ(reply.rcode, 3);
  EXPECT_EQ(reply.authority.size(), 1U);
}

TEST(Odd, Row95EdnsVersionOne) {
  const auto reply = decode(ask_raw(zone(), web_with(0x0100, 1, 0, 0, 1, test::opt(1232, 1))));
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.rcode, 16);
  EXPECT_EQ(reply.flags & 15, 0);
  EXPECT_FALSE(reply.aa());
  EXPECT_TRUE(reply.answers.empty());
  EXPECT_EQ(reply.opt_ttl, 0x01000000U);
}

TEST(Odd, Row96BadOpt) {
  const Bytes good = test::opt(1232);
  Bytes cut = good;
  cut[10] = 5;  // RDATA longer than the packet.
  Bytes named = with({1, 'x'}, good);
  const Bytes bad_option = test::opt(1232, 0, false, {0, 10, 0, 9, 1, 2});
  const Bytes half_option = test::opt(1232, 0, false, {0, 10});
  const std::vector<std::pair<Bytes, unsigned>> cases{
      {with(good, good), 2}, {named, 1}, {cut, 1}, {bad_option, 1}, {half_option, 1}, {{}, 1}, {good, 2}};
  for (const auto& [tail, count] : cases) {
    const auto reply = decode(ask_raw(zone(), web_with(0x0100, 1, 0, 0, count, tail)));
    ASSERT_TRUE(reply.ok);
    EXPECT_EQ(reply.rcode, 1);
    EXPECT_EQ(reply.question, kWeb);
    EXPECT_FALSE(reply.aa());
    EXPECT_TRUE(reply.answers.empty());
  }
}

TEST(Odd, Row97OptionsAreIgnored) {
  const Bytes cookie{0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}, ecs{0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0},
      odd{0xff, 1, 0, 0};
  for (const Bytes& option : {cookie, ecs, odd}) {
    const auto reply =
        decode(ask_raw(zone(), web_with(0x0100, 1, 0, 0, 1, test::opt(1232, 0, true, option))));
    ASSERT_TRUE(reply.ok);
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_EQ(reply.answers.size(), 1U);
    EXPECT_EQ(reply.opt_ttl, 0x8000U);  // DO as asked, nothing else.
  }
}

TEST(Odd, Row98OtherClasses) {
  for (const std::uint16_t cls : {3, 4, 254, 255, 0}) {
    const auto reply = ask(zone(), {.name = kWeb, .cls = cls});
    EXPECT_EQ(reply.rcode, 5);
    EXPECT_FALSE(reply.aa());
    EXPECT_EQ(reply.question, kWeb);
  }
  EXPECT_EQ(ask(zone(), {.name = "version.bind", .type = kTypeTxt, .cls = 3}).rcode, 5);
}

TEST(Odd, Row99BytesBehindTheMessageAreIgnored) {
  const auto reply = decode(ask_raw(zone(), web_with(0x0100, 1, 0, 0, 0, {1, 2, 3})));
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.answers.size(), 1U);
  const auto edns = decode(ask_raw(zone(), web_with(0x0100, 1, 0, 0, 1, with(test::opt(1232), {9}))));
  EXPECT_EQ(edns.answers.size(), 1U);
}

TEST(Odd, OtherAdditionalRecordsAreSkipped) {
  const Bytes tsig{1, 'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 2, 7, 7};
  const auto reply = decode(ask_raw(zone(), web_with(0x0100, 1, 0, 0, 2, with(test::opt(1232), tsig))));
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.answers.size(), 1U);
  EXPECT_TRUE(reply.has_opt);
}

TEST(Odd, OptAsQuestionTypeIsAFormatError) {
  EXPECT_EQ(ask(zone(), {.name = kWeb, .type = kTypeOpt}).rcode, 1);
}

TEST(Odd, FlagsAreCopiedOrCleared) {
  for (const unsigned flags : {0x0000U, 0x0100U, 0x0010U, 0x0110U, 0x0220U, 0x0270U}) {
    const auto reply = decode(ask_raw(zone(), web_with(flags, 1, 0, 0, 0)));
    EXPECT_EQ(reply.flags, 0x8480U | (flags & 0x0110U));  // TC, AD and Z of the request do not come back.
    EXPECT_EQ(reply.answers.size(), 1U);
  }
  for (const std::uint16_t id : {0, 65535}) EXPECT_EQ(ask(zone(), {.name = kWeb, .id = id}).id, id);
}

TEST(Odd, RequestLongerThanTheBuffer) {
  auto request = test::wire({.name = kWeb});
  request.resize(2'048);
  const Bytes reply = ask_raw(zone(), request, {.cut = true});
  EXPECT_EQ(reply.size(), 12U);
  EXPECT_EQ(reply[3] & 15, 1);
}

// Whatever comes in: no reply to a reply, never beyond the limit, always well-formed.
void expect_sane(const Bytes& request) {
  for (const auto transport : {Transport::kUdp, Transport::kTcp}) {
    const Bytes reply = ask_raw(zone(), request, {.transport = transport});
    const bool silent = request.size() < 12 || (request[2] & 0x80) != 0;
    ASSERT_EQ(reply.empty(), silent);
    if (!silent) {
      ASSERT_TRUE(decode(reply).ok);
    }
  }
}

TEST(Odd, RandomAndFlippedRequestsNeverBreakAnything) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::vector<std::string> names{kWeb,
                                       kBig,
                                       "_p._tcp." + kBig,
                                       "extin.prod.svc.cluster.local",
                                       "cluster.local",
                                       "11.0.244.10.in-addr.arpa"};
  for (int i = 0; i < 20'000; ++i) {
    Bytes request = test::wire({.name = names[random() % names.size()],
                                .type = static_cast<std::uint16_t>(i % 2 == 0 ? random() % 70 : 33),
                                .edns = static_cast<int>(random() % 3) - 1});
    for (unsigned flips = random() % 4; flips > 0; --flips) {
      request[random() % request.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    }
    if (random() % 8 == 0) request.resize(random() % (request.size() + 1));
    expect_sane(request);
    Bytes noise(random() % 80);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    expect_sane(noise);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace minik::dns
