// netd against the kernel: pod links, the source guard, repair, the host's side; and FakeKernel and
// NetlinkKernel under one conformance suite.
#include <random>

#include "netd/kernel/conntrack.h"
#include "netd/kernel/fake_kernel.h"
#include "netd/plan/names.h"
#include "tests/kernel/net_world.h"

namespace minik::test {
namespace {

class Links : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_ROOT();
    world = std::make_unique<World>();
    world->start();
    world->add_pod("a", "10.244.0.11");
    world->add_pod("b", "10.244.0.12");
    world->apply();
  }
  std::string in(const std::string& who, const std::string& command) {
    return sh_in(who == "node" ? world->node : world->pods.at(who), command).output;
  }
  std::unique_ptr<World> world;
};

TEST_F(Links, PodsHaveTheirAddressAndRouteThroughTheBridge) {
  EXPECT_NE(in("a", "ip -br addr show eth0").find("10.244.0.11/32"), std::string::npos);
  EXPECT_EQ(in("a", "ip route"),
            "default via 10.244.0.1 dev eth0 proto static src 10.244.0.11 \n"
            "10.244.0.1 dev eth0 proto static scope link src 10.244.0.11 \n");
  EXPECT_NE(in("node", "ip -br addr show cbr0").find("10.244.0.1/24"), std::string::npos);
  EXPECT_EQ(tcp(world->path("a"), ip("10.244.0.12"), 8080), "b 10.244.0.11");
  EXPECT_EQ(tcp(world->path("node"), ip("10.244.0.12"), 8080), "b 10.244.0.1");
  // The first answer meets a socket that is still busy sending; the second try fails at once.
  EXPECT_EQ(Connection(world->path("a"), ip("10.244.0.99"), 8080, 3000).ask(), "No route to host");
  world->expect_true();
}

TEST_F(Links, PortsAreIsolatedLockedAndDoNotFlood) {
  const auto ports = parse_json(in("node", "bridge -d -j link show"));
  ASSERT_TRUE(ports.ok());
  std::size_t seen = 0;
  for (const Json& port : *ports) {
    if (!starts_with(string_at(port, "ifname"), "mk")) continue;
    ++seen;
    for (const char* on : {"isolated", "locked"}) EXPECT_TRUE(bool_at(port, on)) << on;
    for (const char* off : {"learning", "flood", "mcast_flood", "bcast_flood"})
      EXPECT_FALSE(bool_at(port, off, true)) << off;
  }
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(in("node",
               "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/cbr0/send_redirects "
               "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait"),
            "1\n0\n3600\n");
}

TEST_F(Links, APodCannotTakeAnotherAddressOrMac) {
  EXPECT_EQ(udp(world->path("a"), ip("10.244.0.12"), 8080), "b 10.244.0.11 2");
  in("a", "ip addr add 10.244.0.77/32 dev eth0");
  in("a", "ip route replace default via 10.244.0.1 src 10.244.0.77");
  EXPECT_EQ(udp(world->path("a"), ip("10.244.0.12"), 8080), "timeout");
  const std::string rules = in("node", "nft list chain inet minik-node guard");
  EXPECT_EQ(rules.find("counter packets 0 "), std::string::npos) << rules;
  in("a", "ip route replace default via 10.244.0.1 src 10.244.0.11");
  EXPECT_EQ(udp(world->path("a"), ip("10.244.0.12"), 8080), "b 10.244.0.11 2");
  const std::string own = mac_for(ip("10.244.0.11")).text();
  in("a", "ip link set eth0 address " + mac_for(ip("10.244.0.12")).text());
  EXPECT_EQ(udp(world->path("a"), ip("10.244.0.12"), 8080), "timeout");
  in("a", "ip link set eth0 address " + own);
  EXPECT_EQ(udp(world->path("a"), ip("10.244.0.12"), 8080), "b 10.244.0.11 2");
}

TEST_F(Links, APodHoldsTheDnsAddressItself) {
  world->config.routed = {{ip("10.96.0.10"), "default", "dns"}};
  world->compiler = std::make_unique<proxy::Compiler>(world->config);
  world->wiring = std::make_unique<cni::Wiring>(world->config);
  world->add_pod("dns", "10.244.0.13");
  world->put_service({.name = "kube-dns", .cluster_ip = "10.96.0.10"});
  const auto reset = world->kernel->reset(world->plan = world->wanted());
  ASSERT_TRUE(reset.ok()) << reset.error().message();
  for (const char* from : {"a", "node", "host"}) {
    EXPECT_TRUE(starts_with(tcp(world->path(from), ip("10.96.0.10"), 8080), "dns ")) << from;
  }
  EXPECT_EQ(tcp(world->path("a"), ip("10.96.0.10"), 8080), "dns 10.244.0.11");
  EXPECT_EQ(udp(world->path("a"), ip("10.96.0.10"), 8080),
            "timeout");  // Answered from the pod's other address.
  world->expect_true();
}

TEST_F(Links, APodThatGoesLeavesNothing) {
  world->servers.erase("b");
  world->remove("pods", "b");
  world->apply();
  world->expect_true();
  EXPECT_EQ(in("node", "ip neigh show 10.244.0.12"), "");
  EXPECT_EQ(Connection(world->path("a"), ip("10.244.0.12"), 8080, 3000).ask(), "No route to host");
}

TEST_F(Links, ABrokenPodDoesNotStopTheOthers) {
  world->add_pod("c", "10.244.0.13");
  world->add_pod("d", "10.244.0.14", false);
  world->nets["uid-d"].netns = "/run/netns/minik-no-such";
  const netd::Report report = world->apply();
  ASSERT_EQ(report.failed.size(), 1U);
  EXPECT_EQ(report.failed[0].uid, "uid-d");
  EXPECT_EQ(report.failed[0].error.message().find("pod default/d: "), 0U) << report.failed[0].error.message();
  EXPECT_EQ(tcp(world->path("a"), ip("10.244.0.13"), 8080), "c 10.244.0.11");
}

TEST_F(Links, ResetRepairsWhatHandsBrokeAndKeepsConnections) {
  world->put_service({.name = "web", .cluster_ip = "10.96.1.1"});
  world->put_endpoints("web", {"10.244.0.12"});
  world->apply();
  Connection open(world->path("a"), ip("10.96.1.1"), 80);
  EXPECT_EQ(open.ask(), "b 10.244.0.11");
  in("node", "nft flush ruleset");
  in("node", "ip route del 10.244.0.11");
  EXPECT_TRUE(netd::first_difference(netd::seen(world->plan), *world->kernel->observe()).has_value());
  auto reset = world->kernel->reset(world->plan);
  ASSERT_TRUE(reset.ok()) << reset.error().message();
  world->expect_true();
  EXPECT_EQ(open.ask(), "b 10.244.0.11");
  in("node", "ip link del cbr0");
  reset = world->kernel->reset(world->plan);
  ASSERT_TRUE(reset.ok()) << reset.error().message();
  world->expect_true();
  EXPECT_EQ(tcp(world->path("a"), ip("10.96.1.1"), 80), "b 10.244.0.11");
}

TEST_F(Links, ARestartedDaemonTakesOverWithoutTouchingPods) {
  world->put_service({.name = "web", .cluster_ip = "10.96.1.1"});
  world->put_endpoints("web", {"10.244.0.12"});
  world->apply();
  Connection open(world->path("a"), ip("10.96.1.1"), 80);
  EXPECT_EQ(open.ask(), "b 10.244.0.11");
  const std::string links = in("node", "ip link show");
  world->remove("pods", "a");  // Gone while nobody looked.
  world->kernel.reset();
  world->start();
  world->expect_true();
  EXPECT_EQ(open.ask(), "timeout");
  EXPECT_NE(in("node", "ip link show"), links);
  EXPECT_EQ(tcp(world->path("node"), ip("10.96.1.1"), 80), "b 10.244.0.1");
}

TEST_F(Links, SomebodyElsesChangeIsNoticedAndOursAreNot) {
  pollfd fd{world->kernel->notice_fd(), POLLIN, 0};
  world->put_service({.name = "web", .cluster_ip = "10.96.1.1"});
  world->apply();
  auto notices = world->kernel->take_notices();
  ASSERT_TRUE(notices.ok());
  EXPECT_TRUE(notices->empty());
  in("node", "nft add rule inet minik-node forward counter");
  ASSERT_EQ(::poll(&fd, 1, 1000), 1);
  notices = world->kernel->take_notices();
  ASSERT_EQ(notices->size(), 1U);
  EXPECT_EQ((*notices)[0].program, "nft");
  EXPECT_EQ(netd::first_difference(netd::seen(world->plan), *world->kernel->observe()),
            "rules of chain inet minik-node forward were changed");
  ASSERT_TRUE(world->kernel->reset(world->plan).ok());
  world->expect_true();
}

TEST_F(Links, RefusalsNameTheElement) {
  netd::Changes changes;
  auto one = std::make_shared<netd::Element>();
  one->key.add(ip("10.244.0.50")).add(ip("10.244.0.50"));
  auto two = std::make_shared<netd::Element>();
  two->key.add(ip("10.244.0.12")).add(ip("10.244.0.12"));
  two->cause = "twice";
  const netd::Set type{netd::Set::Kind::kSet, {netd::Type::kIp4, netd::Type::kIp4}};
  changes.rules.push_back(netd::AddElements{netd::hairpin_set(Family::kV4), type, {one, two}});
  const auto refused = world->kernel->commit(changes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sys_errno(), EEXIST);
  EXPECT_EQ(refused.error().message(),
            "add elements of ip minik-svc hairpin: 10.244.0.12 . 10.244.0.12 comment "
            "\"twice\": File exists");
  world->expect_true();  // All or nothing.
}

TEST_F(Links, RangesThatTheHostHasAreRefusedWithTheFlag) {
  EXPECT_TRUE(netd::check_ranges(world->config.cluster, {{cidr("10.244.0.0/16"), "--pod-cidr"}}).ok());
  const auto other = netd::check_ranges("other", {{cidr("10.96.5.0/24"), "--service-cidr"}});
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message().find("10.96.5.0/24 overlaps the host's route 10.96.0.0/12 dev mk-"),
            std::string::npos)
      << other.error().message();
  EXPECT_NE(other.error().message().find("--service-cidr"), std::string::npos);
}

TEST_F(Links, EgressIsMasqueradedByOneTableOnTheHost) {
  world->config.egress = true;
  world->wiring = std::make_unique<cni::Wiring>(world->config);
  const auto reset = world->kernel->reset(world->plan = world->wanted());
  ASSERT_TRUE(reset.ok()) << reset.error().message();
  world->expect_true();
  const std::string table = "minik-host-" + world->config.cluster;
  EXPECT_NE(sh("nft list table inet " + table).output.find("masquerade"), std::string::npos);
  const Server server("", ip("10.70.0.1"), 9000, "outside");
  EXPECT_EQ(tcp(world->path("a"), ip("10.70.0.1"), 9000), "outside 10.244.0.11");
  EXPECT_TRUE(netd::remove_all(world->config.cluster).ok());
  EXPECT_EQ(sh("nft list ruleset").output, "");
}

TEST(Host, RemoveAllLeavesOtherClustersAlone) {
  NEED_ROOT();
  World one;
  one.start();
  const std::string other = one.config.cluster + "-b";
  ASSERT_TRUE(netd::create_netns(netd::node_netns_name(other, "n1")).ok());
  ASSERT_EQ(sh("ip link add mkother type veth && ip link set mkother alias 'minik " + other + "/n1'").status,
            0);
  ASSERT_TRUE(netd::remove_all(one.config.cluster).ok());
  EXPECT_EQ(netd::list_netns("minik-" + one.config.cluster + "-")->size(), 1U);
  EXPECT_EQ(sh("ip -br link show " + netd::host_link_name(one.config.cluster, "n1")).status != 0, true);
  EXPECT_EQ(sh("ip route show 10.96.0.0/12").output, "");
  ASSERT_TRUE(netd::remove_all(other).ok());
  EXPECT_TRUE(netd::list_netns("minik-" + one.config.cluster + "-")->empty());
  EXPECT_TRUE(netd::remove_all(other).ok());
}

TEST(Host, ThisKernelHasWhatWeNeed) {
  NEED_ROOT();
  const auto probed = netd::probe_features();
  EXPECT_TRUE(probed.ok()) << probed.error().message();
}

// The conformance suite: the same histories through both kernels.

class Conformance : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    NEED_ROOT();
    netns_ = fmt::format("mkt{}-conformance", ::getpid());
    pods_ = netns_ + "-pod";
    if (GetParam()) {
      auto opened = netd::NetlinkKernel::open(netns_);
      ASSERT_TRUE(opened.ok()) << opened.error().message();
      kernel_ = *std::move(opened);
      for (int i = 0; i < kPods; ++i) ASSERT_TRUE(netd::create_netns(pods_ + std::to_string(i)).ok());
    } else {
      kernel_ = std::make_unique<netd::FakeKernel>();
    }
  }
  void TearDown() override {
    kernel_.reset();
    EXPECT_TRUE(netd::delete_netns(netns_).ok());
    for (int i = 0; i < kPods; ++i) EXPECT_TRUE(netd::delete_netns(pods_ + std::to_string(i)).ok());
  }
  void expect_holds(const netd::Plan& plan) {
    const auto seen = kernel_->observe();
    ASSERT_TRUE(seen.ok()) << seen.error().message();
    ASSERT_EQ(netd::first_difference(netd::seen(plan), *seen).value_or(""), "");
  }
  netd::NodeConfig config() const {
    netd::NodeConfig c;
    c.host_link = false;
    c.node_ips = {ip("10.70.0.2"), ip("fd00:70::2")};
    c.pod_cidrs = {cidr("10.244.0.0/24"), cidr("fd00:244::/64")};
    c.service_cidrs = {cidr("10.96.0.0/12"), cidr("fd00:96::/112")};
    return c;
  }

  static constexpr int kPods = 6;
  std::string netns_, pods_;
  std::unique_ptr<netd::Kernel> kernel_;
};

// Random Services, endpoints and pods come, change and go; after each commit the kernel holds what was asked.
TEST_P(Conformance, RandomHistoriesEndWhereTheyShould) {
  const char* given = std::getenv("MINIK_SEED");
  const auto seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::printf("seed %u (set MINIK_SEED to repeat)\n", seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  World objects(true);
  proxy::Compiler compiler(config());
  cni::Wiring wiring(config());
  netd::Plan plan;
  bool first = true;
  for (int step = 0; step < 120; ++step) {
    for (int change = below(4); change >= 0; --change) {
      const std::string name = "s" + std::to_string(below(5));
      const int n = below(5);
      if (below(6) == 0) {
        objects.remove("services", name);
      } else {
        const Json ports =
            Json::array({World::port_json({.port = 80 + below(2), .node_port = 30000 + below(3)}, "p")});
        objects.put_service(name, {"10.96.1." + name.substr(1), "fd00:96::1" + name.substr(1)}, ports,
                            below(2) == 0);
      }
      World::Ends four, six;
      for (int i = 0; i < (below(10) == 0 ? 20 : n); ++i) {
        four.emplace_back("10.244.0." + std::to_string(2 + below(40)), "ready");
        six.emplace_back("fd00:244::" + std::to_string(2 + below(40)), "ready");
      }
      const Json port = Json::array({{{"name", "p"}, {"port", 8080}, {"protocol", "TCP"}}});
      objects.put_slice(name, four, port);
      objects.put_slice(name, six, port, "six", "IPv6");
      const int pod = below(kPods);
      const std::string id = std::to_string(pod);
      const std::string end = std::to_string(2 + below(8));
      if (below(3) == 0) {
        objects.remove("pods", "p" + id);
      } else {
        objects.put("pods", {{"metadata", {{"name", "p" + id}, {"namespace", "default"}, {"uid", "u" + id}}},
                             {"status",
                              {{"podIP", "10.244.0." + end},
                               {"podIPs", {{{"ip", "10.244.0." + end}}, {{"ip", "fd00:244::" + end}}}}}}});
      }
      objects.nets["u" + id] = {netd::netns_path(pods_ + id)};
    }
    const auto now = std::make_shared<const api::Snapshot>(objects.objects);
    const proxy::Compiled compiled = compiler.update(now);
    cni::Wired wired = wiring.update(now, objects.nets);
    netd::Plan next{wired.topology, {compiled.ruleset, wired.ruleset}};
    const bool whole = first || below(20) == 0;
    const auto done = whole ? kernel_->reset(next) : kernel_->commit(netd::diff(plan, next));
    ASSERT_TRUE(done.ok()) << "step " << step << ": " << done.error().message();
    ASSERT_TRUE(done->failed.empty()) << done->failed[0].error.message();
    plan = std::move(next);
    first = false;
    expect_holds(plan);
  }
}

// What a kernel refuses.
TEST_P(Conformance, RefusesWhatIsThereAlreadyOrNotAtAllOrInUse) {
  using namespace netd;
  ASSERT_TRUE(kernel_->reset(Plan{}).ok());
  const TableName table{TableFamily::kIp, "minik-x"};
  const SetName map{table, "m"};
  const Set type{Set::Kind::kVerdictMap, {Type::kIp4}};
  const auto element = [](const char* address, const char* chain) {
    auto out = std::make_shared<Element>();
    out->key.add(ip(address));
    out->data = Verdict{Verdict::Kind::kGoto, chain};
    return out;
  };
  const auto commit = [&](std::vector<RuleChange> rules) {
    Changes changes;
    changes.rules = std::move(rules);
    const auto done = kernel_->commit(changes);
    return done.ok() ? 0 : done.error().sys_errno();
  };
  EXPECT_EQ(commit({AddTable{table}, AddChain{table, "c", std::nullopt}, AddSet{table, "m", type},
                    AddElements{map, type, {element("10.0.0.1", "c")}}}),
            0);
  EXPECT_EQ(commit({AddTable{table}}), EEXIST);
  EXPECT_EQ(commit({AddChain{table, "c", std::nullopt}}), EEXIST);
  EXPECT_EQ(commit({AddSet{table, "m", type}}), EEXIST);
  EXPECT_EQ(commit({AddElements{map, type, {element("10.0.0.1", "c")}}}), EEXIST);
  EXPECT_EQ(commit({AddElements{map, type, {element("10.0.0.2", "no")}}}), ENOENT);
  EXPECT_EQ(commit({DeleteElements{map, type, {element("10.0.0.3", "c")}}}), ENOENT);
  EXPECT_EQ(commit({AddRules{table, "c", {{{MatchSet{{Field::kIpDaddr}, "no"}, Drop{}}, ""}}}}), ENOENT);
  EXPECT_EQ(commit({AddRules{table, "c", {{{Goto{"no"}}, ""}}}}), ENOENT);
  EXPECT_EQ(commit({DeleteChain{table, "c"}}), EBUSY);
  EXPECT_EQ(commit({DeleteChain{table, "no"}}), ENOENT);
  EXPECT_EQ(commit({FlushChain{table, "no"}}), ENOENT);
  EXPECT_EQ(commit({DeleteSet{table, "no"}}), ENOENT);
  EXPECT_EQ(commit({DeleteTable{{TableFamily::kIp, "minik-no"}}}), ENOENT);
  // A transaction that fails at its end leaves nothing behind.
  EXPECT_EQ(commit({AddChain{table, "d", std::nullopt}, AddTable{table}}), EEXIST);
  EXPECT_EQ(kernel_->observe()->tables.at(table).chains.count("d"), 0U);
  EXPECT_EQ(commit({DeleteElements{map, type, {element("10.0.0.1", "c")}}, DeleteChain{table, "c"}}), 0);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Conformance, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "Netlink" : "Fake"; });

}  // namespace
}  // namespace minik::test
