#include <gtest/gtest.h>

#include <set>

#include "api/pod.h"
#include "base/limits.h"
#include "cni/addresses.h"
#include "cni/wiring.h"
#include "netd/plan/rule_simulate.h"

namespace minik::cni {
namespace {

Ip ip(const std::string& text) { return *Ip::parse(text); }
Cidr cidr(const std::string& text) { return *Cidr::parse(text); }

class CniTest : public ::testing::Test {
 protected:
  Json pod(const std::string& name, Json spec = Json::object()) {
    return {{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", "u-" + name}}},
            {"spec", std::move(spec)}};
  }
  void put(Json body) {
    objects_.put(std::make_shared<const api::Object>("pods", ++revision_, std::move(body)));
  }
  api::SnapshotPtr now() const { return std::make_shared<const api::Snapshot>(objects_); }
  // Runs the controller and stores what it writes, as the daemon does.
  std::size_t assign() {
    const auto writes = controller_.update(now(), WallTime{});
    for (const api::Write& write : writes) put(write.body);
    return writes.size();
  }
  std::string address(const std::string& name) {
    const auto object = objects_.find("pods", "default", name);
    return string_at(object_at(object->body(), "status"), "podIP");
  }
  void finish(const std::string& name) {
    Json body = objects_.find("pods", "default", name)->body();
    body["status"]["phase"] = "Succeeded";
    put(std::move(body));
  }

  AddressConfig config_{"node-1", {ip("10.70.0.2")}, {cidr("10.244.0.0/29"), cidr("fd00::/64")}};
  AddressController controller_{config_};
  api::Snapshot objects_;
  std::uint64_t revision_ = 0;
};

TEST_F(CniTest, PodsGetNodeAndAddressesOfBothFamilies) {
  put(pod("a"));
  EXPECT_EQ(assign(), 1U);
  const Json& body = objects_.find("pods", "default", "a")->body();
  EXPECT_EQ(body["spec"]["nodeName"], "node-1");
  EXPECT_EQ(body["status"]["podIPs"], Json::parse(R"([{"ip":"10.244.0.2"},{"ip":"fd00::2"}])"));
  EXPECT_EQ(body["status"]["hostIP"], "10.70.0.2");
  EXPECT_EQ(body["status"]["conditions"][0]["type"], "PodScheduled");
  EXPECT_EQ(body["status"]["conditions"][0]["status"], "True");
  EXPECT_EQ(assign(), 0U);
}

TEST_F(CniTest, AnAddressThatWasReleasedComesLast) {
  for (const char* name : {"a", "b"}) put(pod(name));
  EXPECT_EQ(assign(), 2U);
  objects_.remove({"pods", "default", "a"});
  put(pod("c"));
  assign();
  EXPECT_EQ(address("c"), "10.244.0.4");
  for (const char* name : {"d", "e", "f"}) put(pod(name));
  assign();
  EXPECT_EQ(address("f"), "10.244.0.2");  // Around the circle, past the bridge's address.
}

TEST_F(CniTest, AFullRangeMakesPodsWaitInTheSchedulersWords) {
  for (const char* name : {"a", "b", "c", "d", "e"}) put(pod(name));
  assign();
  put(pod("late"));
  EXPECT_EQ(assign(), 1U);
  const Json& condition = objects_.find("pods", "default", "late")->body()["status"]["conditions"][0];
  EXPECT_EQ(condition["reason"], "Unschedulable");
  EXPECT_EQ(
      condition["message"].get<std::string>().find("0/1 nodes are available: 1 Insufficient pod addresses"),
      0U);
  EXPECT_EQ(assign(), 0U);  // Said once.
  finish("c");
  assign();
  EXPECT_EQ(address("late"), "10.244.0.4");
}

TEST_F(CniTest, TheBridgeTakesSoManyPods) {
  AddressController controller({"node-1", {ip("10.70.0.2")}, {cidr("10.244.0.0/16")}});
  for (std::size_t i = 0; i <= kPodsPerNodeMax; ++i) put(pod("p" + std::to_string(i)));
  std::size_t refused = 0;
  std::set<std::string> given;
  for (const api::Write& write : controller.update(now(), WallTime{})) {
    const std::string got = string_at(write.body["status"], "podIP");
    if (got.empty())
      ++refused;
    else
      EXPECT_TRUE(given.insert(got).second);
    EXPECT_EQ(write.op, api::Write::Op::kPutAll);
  }
  EXPECT_EQ(refused, 1U);
  EXPECT_EQ(given.size(), kPodsPerNodeMax);
}

TEST_F(CniTest, LeasesAreInThePodsSoARestartKnowsThem) {
  for (const char* name : {"a", "b"}) put(pod(name));
  assign();
  put(pod("c"));
  AddressController fresh(config_);
  const auto writes = fresh.update(now(), WallTime{});
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(string_at(writes[0].body["status"], "podIP"), "10.244.0.4");
}

TEST_F(CniTest, HostNetworkPodsHaveTheNodesAddressAndOthersAreLeftAlone) {
  put(pod("host", {{"hostNetwork", true}}));
  put(pod("elsewhere", {{"nodeName", "node-9"}}));
  Json going = pod("going");
  going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  put(going);
  EXPECT_EQ(assign(), 1U);
  EXPECT_EQ(address("host"), "10.70.0.2");
}

TEST_F(CniTest, ARefusedWriteIsAskedAgainWithTheSameAddress) {
  put(pod("a"));
  const auto first = controller_.update(now(), WallTime{});
  put(pod("a"));  // Somebody changed it first.
  const auto second = controller_.update(now(), WallTime{});
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(first[0].body["status"]["podIP"], second[0].body["status"]["podIP"]);
  EXPECT_EQ(second[0].expected_revision, revision_);
}

netd::NodeConfig node_config() {
  netd::NodeConfig c;
  c.host_ips = {ip("10.70.0.1")};
  c.node_ips = {ip("10.70.0.2")};
  c.pod_cidrs = {cidr("10.244.0.0/24"), cidr("fd00::/64")};
  c.service_cidrs = {cidr("10.96.0.0/12"), cidr("fd01::/112")};
  c.routed = {{ip("10.96.0.10"), "default", "dns"}};
  return c;
}

TEST_F(CniTest, WiredWhileItHasAnAddressANamespaceAndIsNotFinished) {
  Wiring wiring(node_config());
  put(pod("a"));
  assign();
  EXPECT_EQ(wiring.update(now(), {}).topology.pods.size(), 0U);
  const PodNets nets{{"u-a", {"/run/netns/x"}}};
  const Wired wired = wiring.update(now(), nets);
  ASSERT_EQ(wired.topology.pods.size(), 1U);
  const netd::PodLink& link = **wired.topology.pods.find("u-a");
  EXPECT_EQ(link.netns, "/run/netns/x");
  EXPECT_LE(link.host_if.size(), 15U);
  EXPECT_EQ(link.gateways, (std::vector<Ip>{ip("10.244.0.1"), ip("fd00::1")}));
  EXPECT_EQ(wiring.update(now(), nets).topology.pods.find("u-a")->get(), &link);  // Not made again.
  finish("a");
  EXPECT_EQ(wiring.update(now(), nets).topology.pods.size(), 0U);
  EXPECT_EQ(wiring.update(now(), nets).ruleset.pieces.size(), 0U);
}

TEST_F(CniTest, TwoPodsNeverShareAnAddress) {
  Wiring wiring(node_config());
  const PodNets nets{{"u-a", {"/x"}}, {"u-b", {"/y"}}};
  put(pod("a"));
  assign();
  Json twin = pod("b");
  twin["status"] = objects_.find("pods", "default", "a")->body()["status"];
  put(twin);
  EXPECT_EQ(wiring.update(now(), nets).topology.pods.size(), 1U);
}

// The guard, asked through the simulator.
TEST_F(CniTest, OnlyOwnAddressesPassTheGuard) {
  Wiring wiring(node_config());
  put(pod("dns"));
  assign();
  const Wired wired = wiring.update(now(), {{"u-dns", {"/x"}}});
  const netd::Simulator simulator({wired.ruleset}, {ip("10.70.0.2")});
  const Mac own = mac_for(ip("10.244.0.2"));
  const auto kind = [&](const char* from, const char* to, const Mac& mac, std::uint8_t proto = netd::kTcp,
                        std::uint32_t state = netd::kCtNew, std::uint8_t icmp = 0) {
    netd::Packet packet;
    packet.saddr = ip(from);
    packet.daddr = ip(to);
    packet.proto = proto;
    packet.iif = "cbr0";
    packet.ether = mac;
    packet.ct_state = state;
    packet.icmp6_type = icmp;
    return simulator.run(packet)[0].kind;
  };
  using Kind = netd::Fate::Kind;
  EXPECT_EQ(kind("10.244.0.2", "10.244.0.9", own), Kind::kDelivered);
  EXPECT_EQ(kind("10.96.0.10", "10.244.0.9", own), Kind::kDelivered);  // The DNS address that it holds.
  EXPECT_EQ(kind("fd00::2", "fd00::9", own), Kind::kDelivered);
  EXPECT_EQ(kind(netd::link_local(own).text().c_str(), "fe80::1", own), Kind::kDelivered);
  EXPECT_EQ(kind("::", "ff02::1", own, netd::kIcmp6, netd::kCtNew, 135), Kind::kDelivered);
  EXPECT_EQ(kind("::", "ff02::1", own, netd::kIcmp6, netd::kCtNew, 134), Kind::kDropped);
  EXPECT_EQ(kind("10.244.0.3", "10.244.0.9", own), Kind::kDropped);
  EXPECT_EQ(kind("10.244.0.2", "10.244.0.9", mac_for(ip("10.244.0.3"))), Kind::kDropped);
  EXPECT_EQ(kind("10.244.0.2", "10.244.0.9", own, netd::kTcp, netd::kCtInvalid), Kind::kDropped);
}

}  // namespace
}  // namespace minik::cni
