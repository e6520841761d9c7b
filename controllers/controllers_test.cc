// Controllers against a real store: apply any history, run them until they are quiet, look at what is there.
#include <gtest/gtest.h>

#include "api/rules.h"
#include "api/schema.h"
#include "base/yaml.h"
#include "controllers/deployments.h"
#include "controllers/endpoints.h"
#include "controllers/garbage.h"
#include "controllers/namespaces.h"
#include "controllers/pod_status.h"
#include "controllers/replica_sets.h"

namespace minik::controllers {
namespace {

// A world in memory that takes writes as the registry does, without its admission.
class Sandbox : public ::testing::Test {
 protected:
  Sandbox() {
    all_.push_back(std::make_unique<NamespaceController>());
    all_.push_back(std::make_unique<PodStatusController>());
    all_.push_back(std::make_unique<DeploymentController>());
    all_.push_back(std::make_unique<ReplicaSetController>());
    all_.push_back(std::make_unique<EndpointsController>());
    all_.push_back(std::make_unique<GarbageController>());
  }

  void put(const std::string& text) {
    Json body = parse_yaml(text).value().at(0);
    const api::Kind& kind = *api::Schema::builtin().by_word(body["kind"].get<std::string>());
    body["apiVersion"] = kind.api_version();
    api::apply_defaults(*kind.type, body);
    api::default_object(kind, body);
    store(kind.group_resource(), std::move(body));
  }
  void store(const std::string& resource, Json body) {
    Json& meta = body["metadata"];
    if (!meta.contains("uid")) meta["uid"] = "uid-" + std::to_string(++uids_);
    if (!meta.contains("namespace") && resource != "namespaces") meta["namespace"] = "default";
    const std::uint64_t revision = snapshot_.revision() + 1;
    meta["resourceVersion"] = std::to_string(revision);
    snapshot_.put(std::make_shared<api::Object>(resource, revision, std::move(body)));
    snapshot_.set_revision(revision);
  }
  void erase(const api::Key& key) {
    snapshot_.remove(key);
    snapshot_.set_revision(snapshot_.revision() + 1);
  }
  void apply(const api::Write& write) {
    const auto old = snapshot_.find(write.key);
    if (write.expected_revision != 0 && (old == nullptr || old->revision() != write.expected_revision))
      return;
    if (write.op == api::Write::Op::kDelete || write.op == api::Write::Op::kRemove) return erase(write.key);
    Json body = write.body;
    if (old != nullptr) body["metadata"]["uid"] = old->uid();
    const Json& meta = body["metadata"];
    const bool over = meta.contains("deletionTimestamp") && array_at(meta, "finalizers").empty();
    if (over && write.op == api::Write::Op::kPutAll && write.key.resource != "namespaces")
      return erase(write.key);
    store(write.key.resource, std::move(body));
  }
  // Runs all controllers until none writes; answers the rounds it took.
  int settle() {
    for (int round = 0; round < 20; ++round) {
      const World world{std::make_shared<api::Snapshot>(snapshot_), &facts_,
                        WallTime{} + std::chrono::hours(24 * 365 * 50)};
      std::vector<api::Write> writes;
      for (auto& controller : all_) {
        for (auto& write : controller->reconcile(world)) writes.push_back(std::move(write));
      }
      if (writes.empty()) return round;
      for (const auto& write : writes) apply(write);
    }
    ADD_FAILURE() << "controllers never come to rest";
    return 20;
  }
  // Makes every pod of the label run and be ready, as cni and the runtime would.
  void run_pods(const std::string& label, bool ready = true) {
    for (const auto& pod : snapshot_.list("pods")) {
      if (pod->meta().labels.count("app") == 0 || pod->meta().labels.at("app") != label ||
          pod->meta().deletion)
        continue;
      Json body = pod->body();
      if (!body["status"].contains("podIP")) {
        body["spec"]["nodeName"] = "node-1";
        body["status"]["podIP"] = "10.244.0." + std::to_string(++ips_);
        store("pods", body);
      }
      api::PodFact fact;
      fact.uid = pod->uid();
      fact.sandbox_ready = true;
      api::ContainerFact container;
      container.name = "c";
      container.state.kind = api::ContainerState::Kind::kRunning;
      container.started = true;
      container.ready = ready;
      fact.containers = {container};
      facts_.set(fact.uid, std::make_shared<api::PodFact>(fact));
    }
  }
  std::vector<std::string> addresses(const std::string& service) {
    std::vector<std::string> out;
    const auto object = snapshot_.find("endpoints", "default", service);
    if (object == nullptr) return {"none"};
    for (const Json& subset : array_at(object->body(), "subsets")) {
      for (const Json& address : array_at(subset, "addresses")) out.push_back(string_at(address, "ip"));
    }
    return out;
  }
  std::vector<api::ObjectPtr> slices(const std::string& service) {
    std::vector<api::ObjectPtr> out;
    for (const auto& slice : snapshot_.list("endpointslices.discovery.k8s.io")) {
      if (slice->meta().labels.at("kubernetes.io/service-name") == service) out.push_back(slice);
    }
    return out;
  }
  std::int64_t number(const std::string& resource, const std::string& name, const char* member) {
    return int_at(object_at(snapshot_.find(resource, "default", name)->body(), "status"), member);
  }

  api::Snapshot snapshot_;
  api::PodFacts facts_;
  std::vector<std::unique_ptr<Controller>> all_;
  int uids_ = 0, ips_ = 1;
};

constexpr const char* kDeployment =
    "{kind: Deployment, metadata: {name: web}, spec: {replicas: 3, selector: {matchLabels: {app: web}}, "
    "template: {metadata: {labels: {app: web}}, "
    "spec: {containers: [{name: c, image: a}]}}}}";
constexpr const char* kService =
    "{kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.9, selector: {app: web}, ports: "
    "[{port: 80, targetPort: 8080}]}}";

TEST_F(Sandbox, ADeploymentBecomesPodsAndEndpoints) {
  put(kService);
  put(kDeployment);
  settle();
  EXPECT_EQ(snapshot_.count("pods"), 3U);
  EXPECT_EQ(addresses("web").size(), 0U);
  ASSERT_EQ(slices("web").size(), 1U);  // Exactly one empty placeholder.
  EXPECT_TRUE(array_at(slices("web")[0]->body(), "endpoints").empty());
  run_pods("web");
  settle();
  EXPECT_EQ(addresses("web"), (std::vector<std::string>{"10.244.0.2", "10.244.0.3", "10.244.0.4"}));
  ASSERT_EQ(slices("web").size(), 1U);
  EXPECT_EQ(array_at(slices("web")[0]->body(), "ports")[0]["port"], 8080);
  EXPECT_EQ(number("deployments.apps", "web", "availableReplicas"), 3);
  EXPECT_EQ(settle(), 0);  // At rest nothing is written.
}

TEST_F(Sandbox, UnreadyAndDyingPodsAreNoReadyEndpoints) {
  put(kService);
  put(kDeployment);
  settle();
  run_pods("web");
  settle();
  auto pod = snapshot_.list("pods")[0];
  Json body = pod->body();
  body["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:30Z";
  store("pods", body);
  settle();
  EXPECT_EQ(addresses("web").size(), 2U);  // And its replacement is not ready yet.
  EXPECT_EQ(snapshot_.count("pods"), 4U);
  int terminating = 0;
  for (const Json& endpoint : array_at(slices("web")[0]->body(), "endpoints"))
    terminating += endpoint["conditions"]["terminating"] == true ? 1 : 0;
  EXPECT_EQ(terminating, 1);
  run_pods("web", false);
  settle();
  EXPECT_EQ(addresses("web").size(), 0U);
}

TEST_F(Sandbox, PublishNotReadyAddressesCountsEveryone) {
  put("{kind: Service, metadata: {name: web}, spec: {clusterIP: None, selector: {app: web}, "
      "publishNotReadyAddresses: true, ports: [{port: 80}]}}");
  put(kDeployment);
  settle();
  run_pods("web", false);
  settle();
  EXPECT_EQ(addresses("web").size(), 3U);
}

TEST_F(Sandbox, NamedPortsThatDifferMakeSlicesOfTheirOwn) {
  put("{kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.9, selector: {app: web}, ports: "
      "[{port: 80, targetPort: http}]}}");
  put("{kind: Pod, metadata: {name: a, labels: {app: web}}, spec: {containers: [{name: c, image: x, ports: "
      "[{name: http, containerPort: 100}]}]}}");
  put("{kind: Pod, metadata: {name: b, labels: {app: web}}, spec: {containers: [{name: c, image: x, ports: "
      "[{name: http, containerPort: 101}]}]}}");
  run_pods("web");
  settle();
  ASSERT_EQ(slices("web").size(), 2U);
  std::set<int> ports;
  for (const auto& slice : slices("web"))
    ports.insert(array_at(slice->body(), "ports")[0]["port"].get<int>());
  EXPECT_EQ(ports, (std::set<int>{100, 101}));
}

TEST_F(Sandbox, AHundredEndpointsASlice) {
  put(kService);
  for (int i = 0; i < 120; ++i) {
    put("{kind: Pod, metadata: {name: p-" + std::to_string(i) +
        ", labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}");
  }
  run_pods("web");
  settle();
  ASSERT_EQ(slices("web").size(), 2U);
  std::size_t total = 0;
  for (const auto& slice : slices("web")) {
    EXPECT_LE(array_at(slice->body(), "endpoints").size(), 100U);
    total += array_at(slice->body(), "endpoints").size();
  }
  EXPECT_EQ(total, 120U);
}

TEST_F(Sandbox, WhatSomebodyBrokeIsMadeAgain) {
  put(kService);
  put(kDeployment);
  settle();
  run_pods("web");
  settle();
  erase({"endpoints", "default", "web"});
  erase(slices("web")[0]->key());
  settle();
  EXPECT_EQ(addresses("web").size(), 3U);
  EXPECT_EQ(slices("web").size(), 1U);
}

TEST_F(Sandbox, DeletingTheOwnerTakesTheDependents) {
  put(kService);
  put(kDeployment);
  settle();
  erase({"deployments.apps", "default", "web"});
  erase({"services", "default", "web"});
  settle();
  EXPECT_EQ(snapshot_.count("replicasets.apps"), 0U);
  EXPECT_EQ(snapshot_.count("pods"), 0U);
  EXPECT_EQ(snapshot_.count("endpoints"), 0U);
  EXPECT_EQ(slices("web").size(), 0U);
}

TEST_F(Sandbox, ForegroundDeletionWaitsForTheDependents) {
  put(kDeployment);
  settle();
  Json body = snapshot_.find("deployments.apps", "default", "web")->body();
  body["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z";
  body["metadata"]["finalizers"] = {"foregroundDeletion"};
  store("deployments.apps", body);
  settle();
  EXPECT_EQ(snapshot_.count("pods"), 0U);
  EXPECT_EQ(snapshot_.count("replicasets.apps"), 0U);
  EXPECT_EQ(snapshot_.find("deployments.apps", "default", "web"), nullptr);
}

TEST_F(Sandbox, ARolloutNeverHasTooFewAvailablePods) {
  put(kDeployment);
  settle();
  run_pods("web");
  settle();
  Json body = snapshot_.find("deployments.apps", "default", "web")->body();
  body["spec"]["template"]["spec"]["containers"][0]["image"] = "b";
  store("deployments.apps", body);
  for (int round = 0; round < 30; ++round) {
    settle();
    EXPECT_GE(number("deployments.apps", "web", "availableReplicas"), 3 - 0);  // 25 % of 3 down is 0.
    EXPECT_LE(snapshot_.count("pods"), 4U);                                    // 25 % of 3 up is 1.
    run_pods("web");
  }
  settle();
  EXPECT_EQ(snapshot_.count("pods"), 3U);
  EXPECT_EQ(number("deployments.apps", "web", "updatedReplicas"), 3);
  for (const auto& pod : snapshot_.list("pods"))
    EXPECT_EQ(pod->body()["spec"]["containers"][0]["image"], "b");
}

TEST_F(Sandbox, OrphansAreAdopted) {
  put(kDeployment);
  settle();
  run_pods("web");
  settle();
  const std::string set = snapshot_.list("replicasets.apps")[0]->name();
  // What `kubectl delete deploy web --cascade=orphan` leaves, and the Deployment made again.
  Json orphan = snapshot_.find("replicasets.apps", "default", set)->body();
  orphan["metadata"].erase("ownerReferences");
  store("replicasets.apps", orphan);
  erase({"deployments.apps", "default", "web"});
  settle();
  EXPECT_EQ(snapshot_.count("pods"), 3U);
  put(kDeployment);
  settle();
  EXPECT_EQ(snapshot_.count("replicasets.apps"), 1U);
  EXPECT_EQ(snapshot_.count("pods"), 3U);
  EXPECT_EQ(number("deployments.apps", "web", "availableReplicas"), 3);
  // A pod made by hand that matches is one of the three.
  put("{kind: Pod, metadata: {name: stray, labels: {app: web, pod-template-hash: " + set.substr(4) +
      "}}, spec: {containers: [{name: c, image: a}]}}");
  settle();
  EXPECT_EQ(snapshot_.count("pods"), 3U);
}

TEST_F(Sandbox, ATakenNameMakesAnother) {
  put(kDeployment);
  settle();
  const std::string name = snapshot_.list("replicasets.apps")[0]->name();
  erase({"deployments.apps", "default", "web"});
  settle();
  // Somebody else's ReplicaSet has the name that the template gives.
  put("{kind: ReplicaSet, metadata: {name: " + name +
      "}, spec: {replicas: 0, selector: {matchLabels: {x: y}}, template: {metadata: {labels: {x: y}}, spec: "
      "{containers: [{name: c, image: z}]}}}}");
  put(kDeployment);
  settle();
  EXPECT_EQ(snapshot_.count("replicasets.apps"), 2U);
  EXPECT_EQ(snapshot_.count("pods"), 3U);
  EXPECT_EQ(number("deployments.apps", "web", "collisionCount"), 1);
}

TEST(Rollout, Steps) {
  // Fresh start, surge, waiting for availability, giving up broken old pods, recreate.
  EXPECT_EQ(next_step({3, 1, 0, false}, {}, {}).fresh, 3);
  const auto surge = next_step({3, 1, 0, false}, {0, 0, 0}, {{3, 3, 3}});
  EXPECT_EQ(surge.fresh, 1);
  EXPECT_EQ(surge.old[0], 3);
  const auto wait = next_step({3, 1, 0, false}, {1, 1, 0}, {{3, 3, 3}});
  EXPECT_EQ(wait.fresh, 1);
  EXPECT_EQ(wait.old[0], 3);
  EXPECT_EQ(next_step({3, 1, 0, false}, {1, 1, 1}, {{3, 3, 3}}).old[0], 2);
  EXPECT_EQ(next_step({3, 1, 1, false}, {1, 1, 1}, {{3, 3, 0}}).old[0], 1);
  const auto recreate = next_step({3, 0, 0, true}, {}, {{3, 3, 3}});
  EXPECT_EQ(recreate.fresh, 0);
  EXPECT_EQ(recreate.old[0], 0);
  EXPECT_EQ(next_step({3, 0, 0, true}, {}, {{0, 0, 0}}).fresh, 3);
  EXPECT_EQ(resolve_share("25%", 10, true), 3);
  EXPECT_EQ(resolve_share("25%", 10, false), 2);
}

TEST(PodPhase, Rows) {
  using K = api::ContainerState::Kind;
  const auto phase = [](const std::string& policy, const std::vector<std::pair<K, int>>& states,
                        bool stopped = false) {
    const api::Object pod("pods", 1, {{"metadata", {{"name", "p"}}}, {"spec", {{"restartPolicy", policy}}}});
    api::PodFact fact;
    fact.stopped = stopped;
    for (const auto& [kind, code] : states) {
      api::ContainerFact c;
      c.state.kind = kind;
      c.state.exit_code = code;
      fact.containers.push_back(c);
    }
    return pod_phase(pod, fact);
  };
  EXPECT_EQ(phase("Always", {}), "Pending");
  EXPECT_EQ(phase("Always", {{K::kWaiting, 0}}), "Pending");
  EXPECT_EQ(phase("Always", {{K::kRunning, 0}, {K::kWaiting, 0}}), "Pending");
  EXPECT_EQ(phase("Always", {{K::kRunning, 0}, {K::kTerminated, 1}}), "Running");
  EXPECT_EQ(phase("Always", {{K::kTerminated, 0}}), "Running");
  EXPECT_EQ(phase("Never", {{K::kTerminated, 0}}), "Succeeded");
  EXPECT_EQ(phase("Never", {{K::kTerminated, 0}, {K::kTerminated, 2}}), "Failed");
  EXPECT_EQ(phase("OnFailure", {{K::kTerminated, 2}}), "Running");
  EXPECT_EQ(phase("Always", {{K::kTerminated, 0}}, true), "Succeeded");
  EXPECT_EQ(phase("Always", {{K::kTerminated, 137}}, true), "Failed");
}

TEST_F(Sandbox, ANamespaceThatEndsIsEmptiedFirst) {
  put("{kind: Namespace, metadata: {name: default}}");
  settle();
  EXPECT_NE(snapshot_.find("serviceaccounts", "default", "default"), nullptr);
  put(kDeployment);
  settle();
  Json body = snapshot_.find("namespaces", "", "default")->body();
  body["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z";
  store("namespaces", body);
  settle();
  EXPECT_EQ(
      snapshot_.count("pods") + snapshot_.count("deployments.apps") + snapshot_.count("serviceaccounts"), 0U);
  EXPECT_TRUE(
      array_at(object_at(snapshot_.find("namespaces", "", "default")->body(), "spec"), "finalizers").empty());
}

}  // namespace
}  // namespace minik::controllers
