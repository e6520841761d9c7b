// Services through the kernel: the rows of service-proxy.md section 1, with real connections.
#include <chrono>

#include "tests/kernel/net_world.h"

namespace minik::test {
namespace {

using Names = std::set<std::string>;

class Proxy : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_ROOT();
    world = std::make_unique<World>();
    world->start();
    for (int i = 1; i <= 3; ++i) world->add_pod("p" + std::to_string(i), "10.244.0.1" + std::to_string(i));
    world->add_pod("c", "10.244.0.20", false);
    world->put_service({.name = "web", .cluster_ip = "10.96.1.1"});
    world->put_endpoints("web", {"10.244.0.11", "10.244.0.12", "10.244.0.13"});
    world->apply();
  }
  std::unique_ptr<World> world;
};

TEST_F(Proxy, Row1PodReachesEveryEndpointWithItsOwnAddress) {
  EXPECT_EQ(world->names("c", "10.96.1.1", 80, 40),
            (Names{"p1 10.244.0.20", "p2 10.244.0.20", "p3 10.244.0.20"}));
  world->expect_true();
}

TEST_F(Proxy, Row2And3NodeAndHostAreSeenAsTheBridge) {
  EXPECT_EQ(world->names("node", "10.96.1.1", 80, 40),
            (Names{"p1 10.244.0.1", "p2 10.244.0.1", "p3 10.244.0.1"}));
  EXPECT_EQ(world->names("host", "10.96.1.1", 80, 40),
            (Names{"p1 10.244.0.1", "p2 10.244.0.1", "p3 10.244.0.1"}));
  EXPECT_EQ(tcp("", ip("10.244.0.12"), 8080), "p2 10.70.0.1");
}

TEST_F(Proxy, Row4HairpinIsMasqueradedOnlyWhenThePodReachesItself) {
  EXPECT_EQ(world->names("p1", "10.96.1.1", 80, 40),
            (Names{"p1 10.244.0.1", "p2 10.244.0.11", "p3 10.244.0.11"}));
  world->put_endpoints("web", {"10.244.0.11"});
  world->apply();
  EXPECT_EQ(world->names("p1", "10.96.1.1", 80), (Names{"p1 10.244.0.1"}));
}

TEST_F(Proxy, Row5And6PortsAreIndependentAndNamedTargetsDiffer) {
  world->serve_in("p1", 100);
  world->serve_in("p2", 101);
  const Json both = Json::array({World::port_json({.port = 80, .target = 8080}, "a"),
                                 World::port_json({.port = 81, .target = 0}, "b")});
  world->put_service("web", {"10.96.1.1"}, both, false);
  world->put_slice("web", {{"10.244.0.11", "ready"}}, Json::array({{{"name", "b"}, {"port", 100}}}), "x");
  world->put_slice("web", {{"10.244.0.12", "ready"}}, Json::array({{{"name", "b"}, {"port", 101}}}), "y");
  world->put_slice("web", {{"10.244.0.13", "ready"}}, Json::array({{{"name", "a"}, {"port", 8080}}}), "z");
  world->apply();
  EXPECT_EQ(world->names("c", "10.96.1.1", 81, 30), (Names{"p1 10.244.0.20", "p2 10.244.0.20"}));
  EXPECT_EQ(world->names("c", "10.96.1.1", 80), (Names{"p3 10.244.0.20"}));
  world->put_service("web", {"10.96.1.1"}, Json::array({both[0]}), false);
  world->apply();
  EXPECT_EQ(tcp(world->path("c"), ip("10.96.1.1"), 81), "refused");
  EXPECT_EQ(world->names("c", "10.96.1.1", 80), (Names{"p3 10.244.0.20"}));
}

TEST_F(Proxy, Row7UdpSpreadsAndFragmentsArrive) {
  world->put_service({.name = "echo", .cluster_ip = "10.96.1.2", .protocol = "UDP", .port = 53});
  world->put_endpoints("echo", {"10.244.0.11", "10.244.0.12"}, 8080, "UDP");
  world->apply();
  Names names;
  for (int i = 0; i < 30; ++i) names.insert(udp(world->path("c"), ip("10.96.1.2"), 53));
  EXPECT_EQ(names, (Names{"p1 10.244.0.20 2", "p2 10.244.0.20 2"}));
  EXPECT_TRUE(ends_with(udp(world->path("c"), ip("10.96.1.2"), 53, 2000), " 10.244.0.20 2000"));
}

TEST_F(Proxy, Row8SctpIsTranslatedByTheSameMaps) {
  world->put_service(
      {.name = "sig", .cluster_ip = "10.96.1.3", .protocol = "SCTP", .port = 5060, .target = 5061});
  world->put_endpoints("sig", {"10.244.0.11"}, 5061, "SCTP");
  world->apply();
  // An INIT by hand, and the destination port that arrives.
  UniqueFd receiver;
  ASSERT_TRUE(in_netns(world->path("p1"), [&]() -> Result<> {
                receiver.reset(::socket(AF_INET, SOCK_RAW, IPPROTO_SCTP));
                return {};
              }).ok());
  UniqueFd sender;
  ASSERT_TRUE(in_netns(world->path("c"), [&]() -> Result<> {
                sender.reset(::socket(AF_INET, SOCK_RAW, IPPROTO_SCTP));
                return {};
              }).ok());
  std::array<unsigned char, 32> init{0x9c, 0x40, 0x13, 0xc4};  // 40000 → 5060
  init[12] = 1;                                                // INIT
  init[15] = 20;
  init[19] = 1;
  init[22] = 0x10;
  init[25] = 1;
  init[27] = 1;
  const auto crc = [&] {
    std::uint32_t sum = 0xffffffff;
    for (const unsigned char byte : init) {
      sum ^= byte;
      for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~sum;
  }();
  std::memcpy(init.data() + 8, &crc, sizeof crc);
  Address to = socket_address(ip("10.96.1.3"), 0);
  ASSERT_EQ(::sendto(sender.get(), init.data(), init.size(), 0, to.get(), to.size), 32);
  pollfd wait{receiver.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 700), 1);
  std::array<unsigned char, 128> got;
  ASSERT_GE(::recv(receiver.get(), got.data(), got.size(), 0), 24);
  EXPECT_EQ(got[22] << 8 | got[23], 5061);
}

TEST_F(Proxy, Row9To11NoEndpointsAndUnusedPortsAreRefusedUnknownAddressesDropped) {
  world->put_service({.name = "none", .cluster_ip = "10.96.1.4"});
  world->put_service({.name = "none-udp", .cluster_ip = "10.96.1.5", .protocol = "UDP"});
  world->apply();
  for (const char* from : {"c", "node", "host"}) {
    EXPECT_EQ(tcp(world->path(from), ip("10.96.1.4"), 80), "refused") << from;
    EXPECT_EQ(tcp(world->path(from), ip("10.96.1.1"), 81), "refused") << from;
    EXPECT_EQ(tcp(world->path(from), ip("10.96.9.9"), 80), "timeout") << from;
  }
  EXPECT_EQ(udp(world->path("c"), ip("10.96.1.5"), 80), "refused");
  EXPECT_EQ(udp(world->path("host"), ip("10.96.1.5"), 80), "refused");
  EXPECT_EQ(udp(world->path("node"), ip("10.96.1.5"), 80), "Operation not permitted");
}

TEST_F(Proxy, Row13And14EstablishedConnectionsSurviveTheirEndpointAndService) {
  Connection open(world->path("c"), ip("10.96.1.1"), 80);
  const std::string who = open.ask();
  ASSERT_TRUE(starts_with(who, "p")) << who;
  world->put_endpoints("web", {});
  world->apply();
  EXPECT_EQ(tcp(world->path("c"), ip("10.96.1.1"), 80), "refused");
  EXPECT_EQ(open.ask(), who);
  world->remove("services", "web");
  world->remove("endpointslices.discovery.k8s.io", "web-x");
  world->apply();
  EXPECT_EQ(tcp(world->path("c"), ip("10.96.1.1"), 80), "timeout");
  EXPECT_EQ(open.ask(), who);
  world->expect_true();
}

TEST_F(Proxy, Row20And23NodePortsAnswerFromEverywhereMasqueraded) {
  world->put_service({.name = "web", .cluster_ip = "10.96.1.1", .node_port = 30080});
  world->put_service({.name = "none", .cluster_ip = "10.96.1.4", .node_port = 30081});
  world->apply();
  for (const char* from : {"c", "node", "host"}) {
    EXPECT_EQ(world->names(from, "10.70.0.2", 30080, 40),
              (Names{"p1 10.244.0.1", "p2 10.244.0.1", "p3 10.244.0.1"}));
    EXPECT_EQ(tcp(world->path(from), ip("10.70.0.2"), 30081), "refused") << from;
  }
  EXPECT_EQ(tcp(world->path("node"), ip("127.0.0.1"), 30080), "refused");
  EXPECT_EQ(sh_in(world->node, "ss -Hltn").output, "");
}

TEST_F(Proxy, Row51FallsBackToServingEndpointsThatTerminate) {
  const Json port = Json::array({{{"port", 8080}, {"protocol", "TCP"}}});
  world->put_slice("web", {{"10.244.0.11", "terminating"}, {"10.244.0.12", "ready"}, {"10.244.0.13", "gone"}},
                   port);
  world->apply();
  EXPECT_EQ(world->names("c", "10.96.1.1", 80), (Names{"p2 10.244.0.20"}));
  world->put_slice("web", {{"10.244.0.11", "terminating"}, {"10.244.0.12", "gone"}}, port);
  world->apply();
  EXPECT_EQ(world->names("c", "10.96.1.1", 80), (Names{"p1 10.244.0.20"}));
}

TEST_F(Proxy, Row59StaleUdpFlowsMoveToWhoServes) {
  world->put_service({.name = "echo", .cluster_ip = "10.96.1.2", .protocol = "UDP", .port = 53});
  world->put_endpoints("echo", {"10.244.0.11"}, 8080, "UDP");
  world->apply();
  EXPECT_EQ(udp(world->path("c"), ip("10.96.1.2"), 53, 2, 5555), "p1 10.244.0.20 2");
  world->put_endpoints("echo", {"10.244.0.12"}, 8080, "UDP");
  world->apply();
  EXPECT_EQ(udp(world->path("c"), ip("10.96.1.2"), 53, 2, 5555), "p2 10.244.0.20 2");
}

TEST_F(Proxy, ListingLoadsAgainAndReadsTheSame) {
  world->put_service({.name = "web", .cluster_ip = "10.96.1.1", .node_port = 30080});
  world->apply();
  const std::string fresh = world->node + "-copy";
  const std::string first = sh_in(world->node, "nft list ruleset").output;
  EXPECT_NE(first.find("10.96.1.1 . tcp . 80 . 0 comment \"10.244.0.11\" : 10.244.0.11 . 8080"),
            std::string::npos)
      << first;
  EXPECT_NE(first.find("10.96.1.1 . tcp . 80 comment \"default/web\" : goto lb-3"), std::string::npos)
      << first;
  ASSERT_TRUE(netd::create_netns(fresh).ok());
  const std::string file = "/tmp/" + fresh + ".nft";
  ASSERT_TRUE(write_file(file, first).ok());
  const Shell loaded = sh_in(fresh, "nft -f " + file);
  EXPECT_EQ(loaded.status, 0) << loaded.output;
  EXPECT_EQ(sh_in(fresh, "nft list ruleset").output, first);
  // Our own text means the same.
  ASSERT_TRUE(write_file(file, netd::text(world->plan.rules)).ok());
  const Shell own = sh_in(fresh, "sh -c 'nft flush ruleset && nft -f " + file + "'");
  EXPECT_EQ(own.status, 0) << own.output;
  const auto sorted = [](const std::string& text) {
    auto lines = split(replace_all(text, ",\n", "\n"), '\n');
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  EXPECT_EQ(sorted(sh_in(fresh, "nft -s list ruleset").output).size(),
            sorted(sh_in(world->node, "nft -s list ruleset").output).size());
  EXPECT_TRUE(netd::delete_netns(fresh).ok());
  ::unlink(file.c_str());
}

std::size_t count_rules(const netd::Seen& seen) {
  std::size_t rules = 0;
  for (const auto& [name, table] : seen.tables) {
    for (const auto& [chain, content] : table.chains) rules += content.rules.size();
  }
  return rules;
}

TEST_F(Proxy, AThousandServicesNeedNoMoreRulesThanOne) {
  const std::size_t rules = count_rules(*world->kernel->observe());
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "svc-" + std::to_string(i);
    world->put_service({.name = name, .cluster_ip = fmt::format("10.97.{}.{}", i / 250, i % 250 + 1)});
    std::vector<std::string> ends{"10.244.0.11"};
    for (int e = 0; e < 4; ++e) ends.push_back(fmt::format("10.244.0.{}", 100 + e));
    world->put_endpoints(name, i == 777 ? std::vector<std::string>{"10.244.0.12"} : ends);
  }
  const auto start = std::chrono::steady_clock::now();
  world->apply();
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  RecordProperty("load_ms", static_cast<int>(took.count()));
  std::printf("1000 Services x 5 loaded in %d ms\n", static_cast<int>(took.count()));
  EXPECT_EQ(count_rules(*world->kernel->observe()), rules);
  EXPECT_EQ(tcp(world->path("c"), ip("10.97.3.28"), 80), "p2 10.244.0.20");
  world->expect_true();
  // Nobody listened during the large transaction; afterwards changes of others are heard again.
  EXPECT_TRUE(world->kernel->take_notices()->empty());
  sh_in(world->node, "nft add table ip elsewhere");
  EXPECT_EQ(world->kernel->take_notices()->size(), 1U);
}

TEST_F(Proxy, UpdatesUnderLoadLoseNoRequest) {
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0;
  std::string bad;
  std::thread client([&] {
    while (!stop) {
      const std::string answer = tcp(world->path("c"), ip("10.96.1.1"), 80);
      if (ends_with(answer, " 10.244.0.20"))
        ++good;
      else
        bad = answer;
    }
  });
  for (int i = 0; i < 60; ++i) {
    world->put_endpoints("web", i % 2 == 0
                                    ? std::vector<std::string>{"10.244.0.11", "10.244.0.12"}
                                    : std::vector<std::string>{"10.244.0.11", "10.244.0.12", "10.244.0.13"});
    world->apply();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  stop = true;
  client.join();
  EXPECT_GT(good.load(), 100);
  EXPECT_EQ(bad, "");
}

TEST(ProxySix, BothFamiliesFromTheSameCode) {
  NEED_ROOT();
  World world(true);
  world.start();
  world.add_pod("p1", "10.244.0.11", false, "fd00:244::11");
  world.add_pod("c", "10.244.0.20", false, "fd00:244::20");
  world.addresses["p1"] = ip("fd00:244::11");
  world.serve_in("p1", 8080);
  world.put_service("web", {"10.96.1.1", "fd00:96::11"},
                    Json::array({World::port_json({.node_port = 30080})}), true);
  world.put_slice("web", {{"fd00:244::11", "ready"}}, Json::array({{{"port", 8080}, {"protocol", "TCP"}}}),
                  "six", "IPv6");
  world.apply();
  EXPECT_EQ(tcp(world.path("c"), ip("fd00:96::11"), 80), "p1 fd00:244::20");
  EXPECT_EQ(tcp(world.path("p1"), ip("fd00:96::11"), 80), "p1 fd00:244::1");
  EXPECT_EQ(tcp(world.path("node"), ip("fd00:96::11"), 80), "p1 fd00:244::1");
  EXPECT_EQ(tcp("", ip("fd00:96::11"), 80), "p1 fd00:244::1");
  EXPECT_EQ(tcp("", ip("fd00:70::2"), 30080), "p1 fd00:244::1");
  EXPECT_EQ(tcp(world.path("c"), ip("fd00:96::11"), 81), "refused");
  EXPECT_EQ(tcp(world.path("c"), ip("fd00:96::99"), 80), "timeout");
  world.expect_true();
  const std::string listing = sh_in(world.node, "nft list ruleset").output;
  const std::string copy = world.node + "-copy";
  ASSERT_TRUE(netd::create_netns(copy).ok());
  const std::string file = "/tmp/" + copy + ".nft";
  ASSERT_TRUE(write_file(file, listing).ok());
  EXPECT_EQ(sh_in(copy, "nft -f " + file).output, "");
  EXPECT_EQ(sh_in(copy, "nft list ruleset").output, listing);
  EXPECT_TRUE(netd::delete_netns(copy).ok());
  ::unlink(file.c_str());
}

}  // namespace
}  // namespace minik::test
