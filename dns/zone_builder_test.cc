// The zone follows the objects: dns.md sections 1 and 10.5.
#include "dns/zone_builder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "base/published.h"
#include "dns/test_support.h"

namespace minik::dns {
namespace {

using test::ask;
using test::Cluster;
using test::endpoint;
using test::list;

std::string in(const std::string& name, const std::string& ns = "prod") {
  return name + "." + ns + ".svc.cluster.local";
}

// Every name with its records, bytes and causes.
std::vector<std::string> dump(const Zone& zone) {
  std::vector<std::string> lines;
  zone.for_each([&](const Node& node) {
    std::string line = name_text(node.name());
    for (const RecordSet& set : node.sets()) {
      line += fmt::format(" | {} x{} +{}:", set.type, set.count, set.extra_count);
      for (const auto part : {node.body(set), node.extra(set)}) {
        for (const std::uint8_t byte : part) line += fmt::format("{:02x}", byte);
      }
    }
    for (const api::Key& cause : node.causes()) line += " <" + cause.text() + ">";
    lines.push_back(line);
  });
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines.size(), zone.size());
  return lines;
}

// Applies each state of a cluster and compares with a zone made from nothing.
class Tracker {
 public:
  std::shared_ptr<const Zone> apply(Cluster& cluster) {
    const auto snapshot = cluster.snapshot();
    zone_ = builder_.update(snapshot);
    auto fresh = test::builder();
    EXPECT_EQ(dump(*zone_), dump(*fresh.update(snapshot)));
    return zone_;
  }

 private:
  ZoneBuilder builder_ = test::builder();
  std::shared_ptr<const Zone> zone_;
};

int rcode(const Zone& zone, const std::string& name, std::uint16_t type = kTypeA) {
  return ask(zone, {.name = name, .type = type}).rcode;
}
std::vector<std::string> answers(const Zone& zone, const std::string& name, std::uint16_t type = kTypeA) {
  const auto reply = ask(zone, {.name = name, .type = type});
  return reply.texts(reply.answers);
}
using Texts = std::vector<std::string>;

TEST(ZoneBuilder, RefusesADomainThatIsNoName) {
  for (const char* domain : {"", ".", "a..b", "-.-.."}) {
    ZoneConfig config = test::fixture_config();
    config.domain = domain;
    const auto made = ZoneBuilder::make(config);
    ASSERT_FALSE(made.ok()) << domain;
    EXPECT_EQ(made.error().code(), Code::kInvalid);
  }
  ZoneConfig config = test::fixture_config();
  config.domain = std::string(64, 'a');
  EXPECT_FALSE(ZoneBuilder::make(config).ok());
}

TEST(ZoneBuilder, OtherDomainInAnyCase) {
  ZoneConfig config = test::fixture_config();
  config.domain = "K8s.Example.";
  auto builder = test::builder(config);
  auto cluster = test::fixture();
  const auto zone = builder.update(cluster.snapshot());
  EXPECT_EQ(answers(*zone, "web.prod.svc.k8s.example"), Texts{"A 10.96.0.20"});
  EXPECT_EQ(rcode(*zone, in("web")), 5);
}

TEST(ZoneBuilder, LeavesOutNamesThatAreTooLong) {
  ZoneConfig config = test::fixture_config();
  const std::string label(63, 'd');
  config.domain = label + "." + label + "." + std::string(40, 'd');
  auto builder = test::builder(config);
  Cluster cluster;
  const std::string name(63, 's');
  cluster.service(name, name, R"({"clusterIPs":["10.96.0.20"],"ports":[{"name":"http","port":80}]})");
  cluster.slice(name, "x", name, list({endpoint("10.244.0.1")}));
  const auto zone = builder.update(cluster.snapshot());
  EXPECT_EQ(rcode(*zone, config.domain, kTypeSoa), 0);
  EXPECT_EQ(rcode(*zone, "20.0.96.10.in-addr.arpa", kTypePtr), 3);
}

TEST(ZoneBuilder, EmptySnapshotHasTheStructure) {
  Cluster cluster;
  Tracker tracker;
  const auto zone = tracker.apply(cluster);
  EXPECT_EQ(answers(*zone, "ns.dns.cluster.local"), Texts{"A 10.96.0.10"});
  EXPECT_EQ(rcode(*zone, "svc.cluster.local"), 0);
  EXPECT_EQ(rcode(*zone, "x.svc.cluster.local"), 3);
}

TEST(ZoneBuilder, Row140And141ServiceComesAndGoes) {
  auto cluster = test::fixture();
  Tracker tracker;
  const auto before = dump(*tracker.apply(cluster));
  cluster.service("prod", "new", R"({"clusterIPs":["10.96.1.1"],"ports":[{"name":"http","port":80}]})");
  cluster.slice("prod", "new-1", "new", list({endpoint("10.244.3.1")}));
  const auto with = tracker.apply(cluster);
  EXPECT_EQ(answers(*with, in("new")), Texts{"A 10.96.1.1"});
  EXPECT_EQ(answers(*with, "1.3.244.10.in-addr.arpa", kTypePtr), Texts{"PTR 10-244-3-1." + in("new")});
  cluster.remove("services", "prod", "new");
  const auto gone = tracker.apply(cluster);
  EXPECT_EQ(rcode(*gone, in("new")), 3);
  EXPECT_EQ(rcode(*gone, "_tcp." + in("new")), 3);
  EXPECT_EQ(dump(*gone), before);
}

TEST(ZoneBuilder, SliceMayComeBeforeItsService) {
  Cluster cluster;
  Tracker tracker;
  cluster.slice("prod", "db-1", "db", list({endpoint("10.244.0.11")}));
  EXPECT_EQ(rcode(*tracker.apply(cluster), in("db")), 3);
  cluster.service("prod", "db", R"({"clusterIP":"None"})");
  EXPECT_EQ(answers(*tracker.apply(cluster), in("db")), Texts{"A 10.244.0.11"});
  cluster.remove("endpointslices.discovery.k8s.io", "prod", "db-1");
  EXPECT_EQ(rcode(*tracker.apply(cluster), in("db")), 3);
}

TEST(ZoneBuilder, Row142ReadinessIsFollowed) {
  auto cluster = test::fixture();
  Tracker tracker;
  tracker.apply(cluster);
  const auto set = [&](bool first, bool second) {
    cluster.slice("prod", "db-1", "db",
                  list({endpoint("10.244.0.11", "db-0", first), endpoint("10.244.0.12", "db-1", second)}));
    cluster.slice("prod", "db-2", "db", "[]");
    return tracker.apply(cluster);
  };
  EXPECT_EQ(answers(*set(true, true), in("db")), (Texts{"A 10.244.0.11", "A 10.244.0.12"}));
  EXPECT_EQ(answers(*set(false, true), in("db")), Texts{"A 10.244.0.12"});
  EXPECT_EQ(rcode(*set(false, false), in("db")), 3);
  EXPECT_EQ(answers(*set(true, false), "db-0." + in("db")), Texts{"A 10.244.0.11"});
}

TEST(ZoneBuilder, Row143ExternalNameBecomesClusterIpInOneStep) {
  auto cluster = test::fixture();
  Tracker tracker;
  EXPECT_EQ(answers(*tracker.apply(cluster), in("ext"), kTypeCname), Texts{"CNAME www.example.com"});
  cluster.service("prod", "ext", R"({"clusterIPs":["10.96.0.99"],"ports":[{"port":80}]})");
  const auto zone = tracker.apply(cluster);
  EXPECT_EQ(answers(*zone, in("ext")), Texts{"A 10.96.0.99"});
  EXPECT_TRUE(answers(*zone, in("ext"), kTypeCname).empty());
  cluster.service("prod", "ext", R"({"type":"ExternalName","externalName":"WWW.example.com."})");
  const auto back = tracker.apply(cluster);
  EXPECT_EQ(answers(*back, in("ext")), Texts{"CNAME www.example.com"});
  EXPECT_EQ(rcode(*back, "99.0.96.10.in-addr.arpa", kTypePtr), 3);
}

TEST(ZoneBuilder, ExternalNamesThatAreNoNamesAreAbsent) {
  for (const std::string target : {"", ".", "203.0.113.9", "203.0.113.9.", "fd00::1", "a..b", "-x-.."}) {
    Cluster cluster;
    Tracker tracker;
    cluster.service("prod", "e", fmt::format(R"({{"type":"ExternalName","externalName":"{}"}})", target));
    EXPECT_EQ(rcode(*tracker.apply(cluster), in("e")), 3) << target;
  }
}

TEST(ZoneBuilder, Row145RollingReplaceIsNeverEmpty) {
  Cluster cluster;
  Tracker tracker;
  cluster.service("prod", "roll", R"({"clusterIP":"None"})");
  for (int round = 0; round < 10; ++round) {
    cluster.slice("prod", fmt::format("roll-{}", round), "roll",
                  list({endpoint(fmt::format("10.244.5.{}", round + 1))}));
    if (round > 0)
      cluster.remove("endpointslices.discovery.k8s.io", "prod", fmt::format("roll-{}", round - 1));
    EXPECT_EQ(answers(*tracker.apply(cluster), in("roll")), Texts{fmt::format("A 10.244.5.{}", round + 1)});
  }
}

TEST(ZoneBuilder, Row148NamespaceTakesItsNamesWithIt) {
  auto cluster = test::fixture();
  Tracker tracker;
  const auto all = tracker.apply(cluster);
  for (const char* name : {"p1", "web-x"}) cluster.remove("pods", "prod", name);
  for (const auto& object : cluster.snapshot()->list("services", "prod")) {
    cluster.remove("services", "prod", object->name());
  }
  const auto emptied = tracker.apply(cluster);
  EXPECT_EQ(rcode(*emptied, "prod.svc.cluster.local"), 0);
  cluster.remove("namespaces", "", "prod");
  const auto gone = tracker.apply(cluster);
  EXPECT_EQ(rcode(*gone, "prod.svc.cluster.local"), 3);
  EXPECT_EQ(rcode(*gone, "prod.pod.cluster.local"), 3);
  EXPECT_EQ(rcode(*gone, "10-244-0-61.prod.pod.cluster.local"), 3);
  gone->for_each([](const Node& node) { EXPECT_EQ(name_text(node.name()).find("prod"), std::string::npos); });
}

TEST(ZoneBuilder, Row149SerialFollowsVisibleChangesOnly) {
  auto cluster = test::fixture();
  Tracker tracker;
  const auto first = tracker.apply(cluster);
  cluster.put("events", "prod", "e", Json::object());
  EXPECT_EQ(tracker.apply(cluster), first);
  cluster.pod("prod", "p1", "10.244.0.61", "Pending");  // Another object, the same records.
  EXPECT_EQ(tracker.apply(cluster), first);
  cluster.service("prod", "one", R"({"clusterIPs":["10.96.0.77"]})");
  const auto second = tracker.apply(cluster);
  EXPECT_NE(second, first);
  EXPECT_GT(second->serial(), first->serial());
}

TEST(ZoneBuilder, ClusterIpPtrWinsOverEndpoints) {
  Cluster cluster;
  Tracker tracker;
  const std::string back = "21.0.96.10.in-addr.arpa";
  cluster.service("prod", "front", R"({"clusterIP":"None"})");
  cluster.slice("prod", "front-1", "front", list({endpoint("10.96.0.21")}));
  EXPECT_EQ(answers(*tracker.apply(cluster), back, kTypePtr), Texts{"PTR 10-96-0-21." + in("front")});
  cluster.service("prod", "one", R"({"clusterIPs":["10.96.0.21"]})");
  EXPECT_EQ(answers(*tracker.apply(cluster), back, kTypePtr), Texts{"PTR " + in("one")});
  cluster.slice("prod", "one-1", "one", list({endpoint("10.96.0.21")}));
  EXPECT_EQ(answers(*tracker.apply(cluster), back, kTypePtr), Texts{"PTR " + in("one")});
  cluster.remove("services", "prod", "one");
  EXPECT_EQ(answers(*tracker.apply(cluster), back, kTypePtr), Texts{"PTR 10-96-0-21." + in("front")});
  cluster.remove("services", "prod", "front");
  EXPECT_EQ(rcode(*tracker.apply(cluster), back, kTypePtr), 3);
  EXPECT_EQ(rcode(*tracker.apply(cluster), "0.96.10.in-addr.arpa"), 3);  // Nothing below it any more.
}

TEST(ZoneBuilder, AddressSharedByServicesAndPods) {
  Cluster cluster;
  Tracker tracker;
  const std::string back = "7.2.0.192.in-addr.arpa";
  for (const char* name : {"a", "b"}) {
    cluster.service("prod", name, R"({"clusterIP":"None"})");
    cluster.slice("prod", std::string(name) + "-1", name, list({endpoint("192.0.2.7")}));
    cluster.pod("prod", name, "192.0.2.7");
  }
  const auto both = tracker.apply(cluster);
  EXPECT_EQ(answers(*both, back, kTypePtr).size(), 2U);
  EXPECT_EQ(answers(*both, "192-0-2-7.prod.pod.cluster.local"), Texts{"A 192.0.2.7"});
  EXPECT_EQ(both->find(*wire_name(back))->causes(),
            (std::vector<api::Key>{{"services", "prod", "a"}, {"services", "prod", "b"}}));
  cluster.remove("services", "prod", "a");
  cluster.remove("pods", "prod", "a");
  const auto one = tracker.apply(cluster);
  EXPECT_EQ(answers(*one, back, kTypePtr), Texts{"PTR 192-0-2-7." + in("b")});
  EXPECT_EQ(answers(*one, "192-0-2-7.prod.pod.cluster.local"), Texts{"A 192.0.2.7"});
  cluster.remove("services", "prod", "b");
  cluster.remove("pods", "prod", "b");
  const auto none = tracker.apply(cluster);
  EXPECT_EQ(rcode(*none, back, kTypePtr), 5);
  EXPECT_EQ(rcode(*none, "192-0-2-7.prod.pod.cluster.local"), 3);
}

TEST(ZoneBuilder, PodsCountWhileTheyHoldTheirAddress) {
  Cluster cluster;
  Tracker tracker;
  const std::string name = "10-244-0-61.prod.pod.cluster.local";
  cluster.ns("prod");
  cluster.pod("prod", "p", "");
  EXPECT_EQ(rcode(*tracker.apply(cluster), name), 3);
  cluster.pod("prod", "p", "10.244.0.61", "Running");
  EXPECT_EQ(answers(*tracker.apply(cluster), name), Texts{"A 10.244.0.61"});
  cluster.pod("prod", "p", "10.244.0.61", "Succeeded");
  EXPECT_EQ(rcode(*tracker.apply(cluster), name), 3);
  cluster.pod("prod", "p", "10.244.0.61", "Running", true);
  EXPECT_EQ(rcode(*tracker.apply(cluster), name), 3);
  cluster.pod("prod", "p", "fd00:244::61");
  EXPECT_EQ(answers(*tracker.apply(cluster), "fd00-244--61.prod.pod.cluster.local", kTypeAaaa),
            Texts{"AAAA fd00:244::61"});
}

TEST(ZoneBuilder, EndpointLabelOfAnAddressThatEndsWithColons) {
  Cluster cluster;
  Tracker tracker;
  cluster.service("prod", "v6", R"({"clusterIP":"None"})");
  cluster.slice("prod", "v6-1", "v6", list({endpoint("fd00::")}), "[]", "IPv6");
  EXPECT_EQ(answers(*tracker.apply(cluster), "fd00--0." + in("v6"), kTypeAaaa), Texts{"AAAA fd00::"});
}

TEST(ZoneBuilder, SlicesOfNamesAndWithoutConditions) {
  Cluster cluster;
  Tracker tracker;
  cluster.service("prod", "s", R"({"clusterIP":"None"})");
  cluster.slice("prod", "s-1", "s", R"([{"addresses":["www.example.com"]}])", "[]", "FQDN");
  EXPECT_EQ(rcode(*tracker.apply(cluster), in("s")), 3);
  cluster.slice("prod", "s-2", "s", R"([{"addresses":["10.244.0.9"]},{"addresses":[]}])");
  EXPECT_EQ(answers(*tracker.apply(cluster), in("s")), Texts{"A 10.244.0.9"});
}

TEST(ZoneBuilder, NameServerFollowsTheKubeDnsService) {
  auto cluster = test::fixture();
  Tracker tracker;
  tracker.apply(cluster);
  cluster.service("kube-system", "kube-dns", R"({"clusterIPs":["10.96.0.10","fd00:96::a"]})");
  const auto zone = tracker.apply(cluster);
  EXPECT_EQ(answers(*zone, "ns.dns.cluster.local", kTypeAaaa), Texts{"AAAA fd00:96::a"});
  const auto reply = ask(*zone, {.name = "cluster.local", .type = kTypeNs});
  EXPECT_EQ(reply.texts(reply.additional), (Texts{"A 10.96.0.10", "AAAA fd00:96::a"}));
  cluster.remove("services", "kube-system", "kube-dns");
  EXPECT_EQ(answers(*tracker.apply(cluster), "ns.dns.cluster.local"), Texts{"A 10.96.0.10"});
}

TEST(ZoneBuilder, EveryRecordKnowsItsCause) {
  auto cluster = test::fixture();
  Tracker tracker;
  const auto zone = tracker.apply(cluster);
  const auto causes = [&](const std::string& name) { return zone->find(*wire_name(name))->causes(); };
  const std::vector<api::Key> web{{"services", "prod", "web"}};
  for (const std::string& name :
       {in("web"), "_http._tcp." + in("web"), std::string("20.0.96.10.in-addr.arpa")}) {
    EXPECT_EQ(causes(name), web) << name;
  }
  EXPECT_EQ(causes("10-244-0-61.prod.pod.cluster.local"), (std::vector<api::Key>{{"pods", "prod", "p1"}}));
  EXPECT_EQ(causes("empty.svc.cluster.local"), (std::vector<api::Key>{{"namespaces", "", "empty"}}));
  EXPECT_TRUE(causes("_tcp." + in("web")).empty());
}

TEST(ZoneBuilder, OneChangeLeavesAllOtherNodesAlone) {
  Cluster cluster;
  for (int i = 0; i < 2'000; ++i) {
    cluster.service("prod", fmt::format("s{}", i),
                    fmt::format(R"({{"clusterIPs":["10.97.{}.{}"],"ports":[{{"name":"http","port":80}}]}})",
                                i / 250, i % 250));
  }
  auto builder = test::builder();
  const auto before = builder.update(cluster.snapshot());
  cluster.service("prod", "s7", R"({"clusterIPs":["10.97.0.7"],"ports":[{"name":"http","port":81}]})");
  const auto after = builder.update(cluster.snapshot());
  std::set<const Node*> old;
  before->for_each([&](const Node& node) { old.insert(&node); });
  std::set<std::string> fresh;
  after->for_each([&](const Node& node) {
    if (!old.contains(&node)) fresh.insert(name_text(node.name()));
  });
  EXPECT_EQ(fresh, (std::set<std::string>{in("s7"), "_http._tcp." + in("s7")}));
  EXPECT_EQ(ask(*before, {.name = in("s7"), .type = kTypeSrv}).answers.at(0).text,
            "SRV 0 100 80 " + in("s7"));
}

// Random objects come, change and go; few names and addresses, so that they collide often.
void random_step(Cluster& cluster, std::mt19937& random) {
  const auto pick = [&](unsigned n) { return static_cast<int>(random() % n); };
  const std::string ns = fmt::format("ns{}", pick(2)), name = fmt::format("s{}", pick(4));
  const auto address = [&] {
    static const char* const kAddresses[] = {"10.244.0.1", "10.244.0.2", "10.96.0.1", "192.0.2.1",
                                             "10.244.1.1"};
    return std::string(kAddresses[random() % std::size(kAddresses)]);
  };
  switch (pick(8)) {
    case 0:
      return cluster.remove("services", ns, name);
    case 1:
      return cluster.service(
          ns, name,
          fmt::format(R"({{"clusterIPs":["10.96.0.{}"],"ports":[{{"name":"p{}","port":80}}]}})", pick(3),
                      pick(2)));
    case 2:
      return cluster.service(ns, name, R"({"clusterIP":"None"})");
    case 3:
      return cluster.service(ns, name,
                             R"({"type":"ExternalName","externalName":"s0.ns0.svc.cluster.local"})");
    case 4:
      return cluster.slice(
          ns, fmt::format("e{}", pick(4)), name,
          list({endpoint(address(), pick(2) == 0 ? "host" : "", pick(3) > 0), endpoint(address())}),
          R"([{"name":"p0","port":8080},{"name":"","port":9090}])");
    case 5:
      return cluster.remove("endpointslices.discovery.k8s.io", ns, fmt::format("e{}", pick(4)));
    case 6:
      if (pick(3) == 0) return cluster.remove("pods", ns, name);
      return cluster.pod(ns, name, address(), pick(4) == 0 ? "Failed" : "Running");
    default:
      if (pick(2) == 0) return cluster.remove("namespaces", "", ns);
      return cluster.ns(ns);
  }
}

TEST(ZoneBuilder, RandomHistoriesEqualAZoneFromScratch) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  for (int history = 0; history < 10; ++history) {
    Cluster cluster;
    Tracker tracker;
    for (int step = 0; step < 60 && !testing::Test::HasFailure(); ++step) {
      for (unsigned changes = 1 + random() % 3; changes > 0; --changes) random_step(cluster, random);
      tracker.apply(cluster);
    }
  }
}

TEST(ZoneBuilder, Row144ReadersSeeWholeStatesWhileItChanges) {
  auto cluster = test::fixture();
  const auto flip = [&](int i) {
    cluster.service("prod", "flip",
                    i % 2 == 0 ? R"({"clusterIPs":["10.96.5.5"]})"
                               : R"({"type":"ExternalName","externalName":"web.prod.svc.cluster.local"})");
    return cluster.snapshot();
  };
  auto builder = test::builder();
  Published<Zone> published(builder.update(flip(0)));
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0, asked = 0;
  std::thread reader([&] {
    Published<Zone>::Reader mine(published);
    while (!done) {
      const Zone& zone = *mine.look();
      const Texts flipped = answers(zone, in("flip"));
      const bool whole =
          flipped == Texts{"A 10.96.5.5"} || flipped == Texts{"A 10.96.0.20", "CNAME " + in("web")};
      if (!whole || answers(zone, in("web")) != Texts{"A 10.96.0.20"}) ++wrong;
      ++asked;
    }
  });
  for (int i = 1; i < 300 || asked < 10; ++i) published.publish(builder.update(flip(i)));
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace minik::dns
