// Services → rules, asked through the simulator: rows of service-proxy.md section 1 without a kernel.
#include "proxy/compiler.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "netd/plan/rule_simulate.h"
#include "netd/plan/rule_text.h"
#include "proxy/service_endpoints.h"
#include "proxy/service_tables.h"

namespace minik::proxy {
namespace {

using netd::Fate;
using List = std::vector<Json>;

Ip ip(const std::string& text) { return *Ip::parse(text); }

netd::NodeConfig config() {
  netd::NodeConfig c;
  c.node_ips = {ip("10.70.0.2"), ip("fd00:70::2")};
  c.pod_cidrs = {*Cidr::parse("10.244.0.0/24"), *Cidr::parse("fd00:244::/64")};
  c.service_cidrs = {*Cidr::parse("10.96.0.0/12"), *Cidr::parse("fd00:96::/112")};
  c.routed = {{ip("10.96.0.10"), "kube-system", "kube-dns"}};
  return c;
}

class CompilerTest : public ::testing::Test {
 protected:
  void put(const std::string& resource, Json body) {
    body["metadata"]["namespace"] = "default";
    objects_.put(std::make_shared<const api::Object>(resource, ++revision_, std::move(body)));
  }
  void service(const std::string& name, const std::vector<std::string>& ips, const List& ports,
               Json spec = {}, Json labels = Json::object()) {
    Json full{{"type", "ClusterIP"},
              {"clusterIP", ips.empty() ? "None" : ips[0]},
              {"clusterIPs", ips},
              {"ports", ports}};
    if (!spec.is_null()) full.update(spec);
    put("services",
        {{"metadata", {{"name", name}, {"labels", std::move(labels)}}}, {"spec", std::move(full)}});
  }
  void slice(const std::string& name, const List& endpoints, const List& ports,
             const std::string& suffix = "x", const std::string& family = "IPv4") {
    put("endpointslices.discovery.k8s.io",
        {{"metadata", {{"name", name + "-" + suffix}, {"labels", {{"kubernetes.io/service-name", name}}}}},
         {"addressType", family},
         {"endpoints", endpoints},
         {"ports", ports}});
  }
  static Json end(const std::string& address, bool ready = true, bool serving = true,
                  bool terminating = false) {
    return {{"addresses", {address}},
            {"conditions", {{"ready", ready}, {"serving", serving}, {"terminating", terminating}}}};
  }
  static Json port(int number, const std::string& name = "", const std::string& protocol = "TCP") {
    return {{"port", number}, {"name", name}, {"protocol", protocol}};
  }
  const Compiled& update() {
    compiled_ = compiler_.update(std::make_shared<const api::Snapshot>(objects_));
    return compiled_;
  }
  // "10.244.0.1:8080 | 10.244.0.2:8080", with "masq" behind those that are masqueraded; or drop, reset,
  // unreachable.
  std::string fates(const std::string& from, const std::string& to, int dport,
                    std::uint8_t proto = netd::kTcp, const std::string& iif = "cbr0") {
    const netd::Simulator simulator({compiled_.ruleset}, {ip("10.70.0.2"), ip("10.244.0.1")});
    netd::Packet packet;
    packet.saddr = ip(from);
    packet.daddr = ip(to);
    packet.dport = static_cast<std::uint16_t>(dport);
    packet.proto = proto;
    packet.iif = iif;
    std::vector<std::string> out;
    for (const Fate& fate : simulator.run(packet)) {
      switch (fate.kind) {
        case Fate::Kind::kDelivered:
          out.push_back(
              fmt::format("{}:{}{}", fate.daddr.text(), fate.dport, fate.masqueraded ? " masq" : ""));
          break;
        case Fate::Kind::kDropped:
          out.push_back("drop");
          break;
        case Fate::Kind::kReset:
          out.push_back("reset");
          break;
        case Fate::Kind::kUnreachable:
          out.push_back("unreachable");
          break;
      }
    }
    return join(out, " | ");
  }

  api::Snapshot objects_;
  Compiler compiler_{config()};
  Compiled compiled_;
  std::uint64_t revision_ = 0;
};

TEST_F(CompilerTest, ClusterIpFromPodNodeAndOutside) {
  service("web", {"10.96.1.1"}, {port(80)});
  slice("web", {end("10.244.0.11"), end("10.244.0.12")}, {port(8080)});
  update();
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.1", 80), "10.244.0.11:8080 | 10.244.0.12:8080");
  EXPECT_EQ(fates("10.244.0.1", "10.96.1.1", 80, netd::kTcp, ""), "10.244.0.11:8080 | 10.244.0.12:8080");
  EXPECT_EQ(fates("10.70.0.1", "10.96.1.1", 80, netd::kTcp, "host0"),
            "10.244.0.11:8080 masq | 10.244.0.12:8080 masq");
  EXPECT_EQ(fates("10.244.0.20", "10.244.0.11", 8080), "10.244.0.11:8080");
}

TEST_F(CompilerTest, RefusedAndDropped) {
  service("none", {"10.96.1.2"}, {port(80), port(53, "dns", "UDP")});
  update();
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.2", 80), "reset");
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.2", 53, netd::kUdp), "unreachable");
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.2", 81), "reset");
  EXPECT_EQ(fates("10.244.0.20", "10.96.9.9", 80), "drop");
  EXPECT_EQ(fates("10.244.0.20", "8.8.8.8", 80), "8.8.8.8:80");
  EXPECT_EQ(fates("10.244.0.20", "10.96.0.10", 53, netd::kUdp),
            "10.96.0.10:53");  // kube-dns holds it itself.
}

TEST_F(CompilerTest, NodePortsOnNodeAddressesOnly) {
  Json exposed = port(80);
  exposed["nodePort"] = 30080;
  service("web", {"10.96.1.1"}, {exposed}, {{"type", "NodePort"}});
  slice("web", {end("10.244.0.11")}, {port(8080)});
  update();
  EXPECT_EQ(fates("10.70.0.1", "10.70.0.2", 30080, netd::kTcp, "host0"), "10.244.0.11:8080 masq");
  EXPECT_EQ(fates("10.244.0.20", "10.70.0.2", 30080), "10.244.0.11:8080 masq");
  EXPECT_EQ(fates("10.244.0.20", "10.244.0.1", 30080), "10.244.0.1:30080");
}

TEST_F(CompilerTest, EndpointsAreJoinedByNameAndProtocolAndFallBackToTerminating) {
  service("web", {"10.96.1.1"}, {port(80, "http"), port(53, "dns", "UDP")});
  slice("web", {end("10.244.0.11"), end("10.244.0.12", false, true, true), end("10.244.0.13", false, false)},
        {port(8080, "http"), port(9000, "other"), port(53, "dns", "TCP")});
  slice("web", {end("10.244.0.11")}, {port(8080, "http")}, "again");
  update();
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.1", 80), "10.244.0.11:8080");
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.1", 53, netd::kUdp), "unreachable");
  slice("web", {end("10.244.0.12", false, true, true), end("10.244.0.13", false, false)},
        {port(8080, "http")});
  slice("web", {}, {}, "again");
  update();
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.1", 80), "10.244.0.12:8080");
}

TEST_F(CompilerTest, LabelsHeadlessAndExternalNamesAreLeftAlone) {
  service("a", {"10.96.1.1"}, {port(80)}, {}, {{"service.kubernetes.io/service-proxy-name", "x"}});
  service("b", {}, {port(80)});
  service("c", {}, {}, {{"type", "ExternalName"}, {"externalName", "x.y"}});
  EXPECT_EQ(update().ruleset.pieces.size(), 1U);  // The node's own.
  service("a", {"10.96.1.1"}, {port(80)});
  EXPECT_EQ(update().ruleset.pieces.size(), 2U);
}

TEST_F(CompilerTest, BothFamilies) {
  service("web", {"10.96.1.1", "fd00:96::11"}, {port(80)});
  slice("web", {end("10.244.0.11")}, {port(8080)});
  slice("web", {end("fd00:244::11")}, {port(8080)}, "six", "IPv6");
  update();
  EXPECT_EQ(fates("fd00:244::20", "fd00:96::11", 80), "fd00:244::11:8080");
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.1", 80), "10.244.0.11:8080");
  EXPECT_EQ(fates("fd00:244::20", "fd00:96::99", 80), "drop");
}

TEST_F(CompilerTest, AnAddressBelongsToOneServiceUntilItLetsGo) {
  Json exposed = port(80);
  exposed["nodePort"] = 30080;
  service("one", {"10.96.1.1"}, {exposed}, {{"type", "NodePort"}});
  update();
  service("another", {"10.96.1.2"}, {exposed}, {{"type", "NodePort"}});
  slice("another", {end("10.244.0.11")}, {port(8080)});
  ASSERT_EQ(update().problems.size(), 1U);
  EXPECT_EQ(compiled_.problems[0].first.name, "another");
  EXPECT_EQ(compiled_.problems[0].second, "10.70.0.2 port 30080 is already used by service default/one");
  EXPECT_EQ(fates("10.244.0.20", "10.70.0.2", 30080), "reset");
  EXPECT_EQ(fates("10.244.0.20", "10.96.1.2", 80), "10.244.0.11:8080");
  objects_.remove({"services", "default", "one"});
  EXPECT_TRUE(update().problems.empty());
  EXPECT_EQ(fates("10.244.0.20", "10.70.0.2", 30080), "10.244.0.11:8080 masq");
}

TEST_F(CompilerTest, OneChangeIsAFewElementsAndRulesDoNotGrow) {
  service("web", {"10.96.1.1"}, {port(80)});
  slice("web", {end("10.244.0.11"), end("10.244.0.12"), end("10.244.0.13")}, {port(8080)});
  for (int i = 0; i < 300; ++i) service("s" + std::to_string(i), {fmt::format("10.97.{}.1", i)}, {port(80)});
  const netd::Plan before{{}, {update().ruleset}};
  Compiler empty(config());
  const auto alone = empty.update(std::make_shared<const api::Snapshot>());
  for (const auto& [name, table] : alone.ruleset.tables) EXPECT_EQ(*table, *before.rules[0].tables.at(name));
  slice("web", {end("10.244.0.12"), end("10.244.0.13")}, {port(8080)});
  const netd::Plan after{{}, {update().ruleset}};
  EXPECT_EQ(
      render(diff(before, after)),
      "delete element ip minik-svc endpoints { 10.96.1.1 . tcp . 80 . 0 comment \"10.244.0.11\" : "
      "10.244.0.11 . 8080 }\n"
      "delete element ip minik-svc endpoints { 10.96.1.1 . tcp . 80 . 2 comment \"10.244.0.13\" : "
      "10.244.0.13 . 8080 }\n"
      "delete element ip minik-svc services { 10.96.1.1 . tcp . 80 comment \"default/web\" : goto lb-3 }\n"
      "add element ip minik-svc endpoints { 10.96.1.1 . tcp . 80 . 0 comment \"10.244.0.13\" : 10.244.0.13 . "
      "8080 }\n"
      "add element ip minik-svc services { 10.96.1.1 . tcp . 80 comment \"default/web\" : goto lb-2 }\n");
}

TEST_F(CompilerTest, MoreEndpointsThanChainsMakeChains) {
  service("web", {"10.96.1.1"}, {port(80)});
  List ends;
  for (int i = 0; i < 20; ++i) ends.push_back(end("10.244.0." + std::to_string(i + 2)));
  slice("web", ends, {port(8080)});
  const auto& chains = update().ruleset.tables.at(netd::service_table(Family::kV4))->chains;
  EXPECT_EQ(chains.count("lb-20"), 1U);
  EXPECT_EQ(chains.count("lb-21"), 0U);
}

TEST_F(CompilerTest, UdpAddressesWhoseEndpointsChangedAreNamed) {
  service("dns", {"10.96.1.1"}, {port(53, "", "UDP")});
  slice("dns", {end("10.244.0.11")}, {port(53, "", "UDP")});
  ASSERT_EQ(update().udp.size(), 1U);
  EXPECT_EQ(compiled_.udp[0].serving.size(), 1U);
  service("web", {"10.96.1.2"}, {port(80)});
  EXPECT_TRUE(update().udp.empty());
  slice("dns", {end("10.244.0.12")}, {port(53, "", "UDP")});
  EXPECT_EQ(update().udp.size(), 1U);
}

std::vector<Backend> backends(const std::vector<int>& ends) {
  std::vector<Backend> out;
  for (const int e : ends) out.push_back({Ip::v4(static_cast<std::uint32_t>(e)), 80, ""});
  return out;
}

TEST(KeepSlots, WhoStaysKeepsItsSlotAndTheLastFillsTheHole) {
  EXPECT_EQ(keep_slots({}, backends({3, 1, 2})), backends({1, 2, 3}));
  EXPECT_EQ(keep_slots(backends({1, 2, 3, 4}), backends({1, 3, 4})), backends({1, 4, 3}));
  EXPECT_EQ(keep_slots(backends({1, 2, 3}), backends({1, 9, 3})), backends({1, 9, 3}));
  EXPECT_EQ(keep_slots(backends({1, 2}), backends({1, 2, 0})), backends({1, 2, 0}));
  EXPECT_EQ(keep_slots(backends({1, 2}), {}), backends({}));
}

TEST(KeepSlots, AnyHistoryHoldsExactlyTheEndpointsAndMovesFew) {
  std::mt19937 random(7);
  std::vector<Backend> slots;
  for (int step = 0; step < 2000; ++step) {
    std::vector<Backend> now;
    for (int e = 0; e < 12; ++e) {
      if (random() % 2 == 0) now.push_back({Ip::v4(static_cast<std::uint32_t>(e)), 80, ""});
    }
    const auto next = keep_slots(slots, now);
    auto sorted = next;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, now);
    std::size_t stayed = 0, kept = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const bool stays = std::find(now.begin(), now.end(), slots[i]) != now.end();
      if (stays && i < next.size()) ++stayed;
      if (stays && i < next.size() && next[i] == slots[i]) ++kept;
    }
    ASSERT_EQ(kept, stayed);
    slots = next;
  }
}

}  // namespace
}  // namespace minik::proxy
