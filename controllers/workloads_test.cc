// DaemonSets, StatefulSets, Jobs and budgets, step by step, in a world that takes every write.
#include <gtest/gtest.h>

#include "api/rules.h"
#include "api/schema.h"
#include "base/yaml.h"
#include "controllers/daemon_sets.h"
#include "controllers/disruption_budgets.h"
#include "controllers/garbage.h"
#include "controllers/job_pods.h"
#include "controllers/jobs.h"
#include "controllers/replica_sets.h"
#include "controllers/stateful_sets.h"

namespace minik::controllers {
namespace {

class Workloads : public ::testing::Test {
 protected:
  Workloads() {
    all_.push_back(ReplicaSetController::of_replication_controllers());
    all_.push_back(std::make_unique<DaemonSetController>());
    all_.push_back(std::make_unique<StatefulSetController>());
    all_.push_back(std::make_unique<JobController>());
    all_.push_back(std::make_unique<DisruptionController>());
    all_.push_back(std::make_unique<GarbageController>());
  }

  void put(const std::string& text) {
    Json body = parse_yaml(text).value().at(0);
    const api::Kind& kind = *api::Schema::builtin().by_word(body["kind"].get<std::string>());
    body["apiVersion"] = kind.api_version();
    body["metadata"]["uid"] = "uid-" + std::to_string(++uids_);
    api::prepare_create(kind, body);
    api::apply_defaults(*kind.type, body);
    api::default_object(kind, body);
    store(kind.group_resource(), std::move(body));
  }
  void store(const std::string& resource, Json body) {
    Json& meta = body["metadata"];
    if (!meta.contains("uid")) meta["uid"] = "uid-" + std::to_string(++uids_);
    if (!meta.contains("namespace") && resource != "nodes") meta["namespace"] = "default";
    if (!meta.contains("creationTimestamp")) meta["creationTimestamp"] = rfc3339(clock_.now());
    const std::uint64_t revision = snapshot_.revision() + 1;
    meta["resourceVersion"] = std::to_string(revision);
    snapshot_.set_revision(revision);
    const bool done = meta.contains("deletionTimestamp") && array_at(meta, "finalizers").empty();
    auto object = std::make_shared<api::Object>(resource, revision, std::move(body));
    if (done)
      snapshot_.remove(object->key());
    else
      snapshot_.put(std::move(object));
  }
  void apply(const api::Write& write) {
    using Op = api::Write::Op;
    const auto old = snapshot_.find(write.key);
    if (write.expected_revision != 0 && (old == nullptr || old->revision() != write.expected_revision))
      return;
    if (write.op == Op::kDelete && old != nullptr && !old->meta().finalizers.empty()) {
      Json body = old->body();
      body["metadata"]["deletionTimestamp"] = rfc3339(clock_.now());
      return store(write.key.resource, std::move(body));
    }
    if (write.op == Op::kDelete || write.op == Op::kRemove) {
      snapshot_.remove(write.key);
      return snapshot_.set_revision(snapshot_.revision() + 1);
    }
    store(write.key.resource, write.body);
  }
  void round() {
    const World world{std::make_shared<api::Snapshot>(snapshot_), &facts_, clock_.now()};
    std::vector<api::Write> writes;
    for (auto& controller : all_) {
      for (auto& write : controller->reconcile(world)) writes.push_back(std::move(write));
      for (auto& report : controller->take_reports()) told_.push_back(report.reason + ": " + report.message);
    }
    quiet_ = writes.empty();
    for (const auto& write : writes) apply(write);
  }
  void settle() {
    for (int i = 0; i < 30; ++i) {
      round();
      if (quiet_) return;
    }
    ADD_FAILURE() << "controllers never come to rest";
  }
  void set_phase(const std::string& pod, const char* phase, bool ready) {
    Json body = snapshot_.find("pods", "default", pod)->body();
    body["status"]["phase"] = phase;
    body["status"]["conditions"] = Json::array({{{"type", "Ready"},
                                                 {"status", ready ? "True" : "False"},
                                                 {"lastTransitionTime", rfc3339(clock_.now())}}});
    store("pods", std::move(body));
  }
  std::vector<std::string> pods() const {
    std::vector<std::string> names;
    for (const auto& pod : snapshot_.list("pods")) names.push_back(pod->name());
    return names;
  }
  Json status(const std::string& resource, const std::string& name) const {
    return object_at(snapshot_.find(resource, "default", name)->body(), "status");
  }
  std::string condition(const Json& of, const char* type) const {
    for (const Json& c : array_at(of, "conditions")) {
      if (string_at(c, "type") == type && string_at(c, "status") == "True") return string_at(c, "reason");
    }
    return "";
  }
  void change(const std::string& resource, const std::string& name, const std::function<void(Json&)>& edit) {
    Json body = snapshot_.find(resource, "default", name)->body();
    edit(body);
    body["metadata"]["generation"] = int_at(body["metadata"], "generation") + 1;
    store(resource, std::move(body));
  }

  FakeClock clock_;
  api::Snapshot snapshot_;
  api::PodFacts facts_;
  std::vector<std::unique_ptr<Controller>> all_;
  std::vector<std::string> told_;
  bool quiet_ = false;
  int uids_ = 0;
};

constexpr const char* kPod =
    "template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: a}]}}";

TEST_F(Workloads, StatefulPodsComeInOrderAndGoInReverse) {
  put(std::string(
          "{kind: StatefulSet, metadata: {name: s}, spec: {replicas: 3, selector: {matchLabels: {app: "
          "x}}, ") +
      kPod + "}}");
  settle();
  EXPECT_EQ(pods(), (std::vector<std::string>{"s-0"}));
  set_phase("s-0", "Running", false);
  settle();
  EXPECT_EQ(pods().size(), 1U);  // Running is not enough.
  for (const char* name : {"s-0", "s-1", "s-2"}) {
    set_phase(name, "Running", true);
    settle();
  }
  EXPECT_EQ(pods(), (std::vector<std::string>{"s-0", "s-1", "s-2"}));
  EXPECT_EQ(int_at(status("statefulsets.apps", "s"), "readyReplicas"), 3);
  // A new template: the highest first, one at a time; the partition stays.
  change("statefulsets.apps", "s", [](Json& body) {
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "b";
    body["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 1;
  });
  settle();
  const auto image = [&](const char* pod) {
    return snapshot_.find("pods", "default", pod)->body()["spec"]["containers"][0]["image"];
  };
  EXPECT_EQ(image("s-2"), "b");
  EXPECT_EQ(image("s-1"), "a");
  set_phase("s-2", "Running", true);
  settle();
  set_phase("s-1", "Running", true);
  settle();
  EXPECT_EQ(image("s-1"), "b");
  EXPECT_EQ(image("s-0"), "a");
  EXPECT_EQ(int_at(status("statefulsets.apps", "s"), "updatedReplicas"), 2);
  EXPECT_EQ(snapshot_.count("controllerrevisions.apps"), 2U);
  change("statefulsets.apps", "s", [](Json& body) { body["spec"]["replicas"] = 1; });
  settle();
  EXPECT_EQ(pods(), (std::vector<std::string>{"s-0"}));
  EXPECT_EQ(told_.front(), "SuccessfulCreate: create Pod s-0 in StatefulSet s successful");
}

TEST_F(Workloads, DaemonsRunWhereTheyMay) {
  for (const char* node : {"{kind: Node, metadata: {name: n1, labels: {disk: ssd}}}",
                           "{kind: Node, metadata: {name: n2, labels: {disk: ssd}}, spec: {taints: [{key: k, "
                           "effect: NoSchedule}]}}",
                           "{kind: Node, metadata: {name: n3}}"})
    put(node);
  put("{kind: DaemonSet, metadata: {name: d}, spec: {selector: {matchLabels: {app: x}}, template: {metadata: "
      "{labels: {app: x}}, spec: {nodeSelector: {disk: ssd}, containers: [{name: c, image: a}]}}}}");
  settle();
  ASSERT_EQ(pods().size(), 1U);
  EXPECT_EQ(int_at(status("daemonsets.apps", "d"), "desiredNumberScheduled"), 1);
  const std::string first = pods()[0];
  set_phase(first, "Running", true);
  settle();
  EXPECT_EQ(int_at(status("daemonsets.apps", "d"), "numberAvailable"), 1);
  change("daemonsets.apps", "d",
         [](Json& body) { body["spec"]["template"]["spec"]["containers"][0]["image"] = "b"; });
  settle();
  ASSERT_EQ(pods().size(), 1U);
  EXPECT_NE(pods()[0], first);
  EXPECT_EQ(snapshot_.count("controllerrevisions.apps"), 2U);
  set_phase(pods()[0], "Failed", false);
  settle();
  EXPECT_EQ(pods().size(), 1U);  // Made anew.
}

TEST_F(Workloads, AnIndexedJobCountsEachIndexOnce) {
  put("{kind: Job, metadata: {name: j}, spec: {completions: 2, parallelism: 2, completionMode: Indexed, "
      "template: {spec: {restartPolicy: Never, containers: [{name: c, image: a}]}}}}");
  settle();
  ASSERT_EQ(pods().size(), 2U);
  for (const auto& pod : pods()) {
    set_phase(pod, "Succeeded", false);
    settle();
  }
  const Json done = status("jobs.batch", "j");
  EXPECT_EQ(int_at(done, "succeeded"), 2);
  EXPECT_EQ(string_at(done, "completedIndexes"), "0,1");
  EXPECT_EQ(condition(done, "Complete"), "CompletionsReached");
  EXPECT_EQ(told_.back(), "Completed: Job completed");
  for (const auto& pod : snapshot_.list("pods")) EXPECT_FALSE(has_finalizer(*pod));
}

TEST_F(Workloads, AFailingJobBacksOffAndGivesUp) {
  put("{kind: Job, metadata: {name: j}, spec: {backoffLimit: 1, ttlSecondsAfterFinished: 5, template: {spec: "
      "{restartPolicy: Never, containers: [{name: c, image: a}]}}}}");
  settle();
  ASSERT_EQ(pods().size(), 1U);
  set_phase(pods()[0], "Failed", false);
  settle();
  EXPECT_EQ(pods().size(), 1U);  // Not at once.
  clock_.advance(std::chrono::seconds(11));
  settle();
  ASSERT_EQ(pods().size(), 2U);
  for (const auto& pod : snapshot_.list("pods")) {
    if (string_at(object_at(pod->body(), "status"), "phase") != "Failed")
      set_phase(pod->name(), "Failed", false);
  }
  settle();
  EXPECT_EQ(condition(status("jobs.batch", "j"), "Failed"), "BackoffLimitExceeded");
  EXPECT_EQ(int_at(status("jobs.batch", "j"), "failed"), 2);
  clock_.advance(std::chrono::seconds(6));
  settle();
  EXPECT_EQ(snapshot_.count("jobs.batch"), 0U);
  EXPECT_EQ(snapshot_.count("pods"), 0U);
}

TEST_F(Workloads, DeadlineAndSuspensionEndPods) {
  put("{kind: Job, metadata: {name: j}, spec: {activeDeadlineSeconds: 60, template: {spec: {restartPolicy: "
      "Never, containers: [{name: c, image: a}]}}}}");
  settle();
  change("jobs.batch", "j", [](Json& body) { body["spec"]["suspend"] = true; });
  settle();
  EXPECT_EQ(condition(status("jobs.batch", "j"), "Suspended"), "JobSuspended");
  EXPECT_FALSE(status("jobs.batch", "j").contains("startTime"));
  EXPECT_EQ(snapshot_.count("pods"), 0U);
  change("jobs.batch", "j", [](Json& body) { body["spec"]["suspend"] = false; });
  clock_.advance(std::chrono::seconds(700));
  settle();
  EXPECT_EQ(snapshot_.count("pods"), 1U);
  clock_.advance(std::chrono::seconds(61));
  settle();
  EXPECT_EQ(condition(status("jobs.batch", "j"), "Failed"), "DeadlineExceeded");
}

TEST_F(Workloads, ABudgetCountsWhatControllersWant) {
  put(std::string("{kind: ReplicationController, metadata: {name: r}, spec: {replicas: 4, ") + kPod + "}}");
  put("{kind: PodDisruptionBudget, metadata: {name: p}, spec: {maxUnavailable: 25%, selector: {matchLabels: "
      "{app: x}}}}");
  settle();
  EXPECT_EQ(int_at(status("poddisruptionbudgets.policy", "p"), "disruptionsAllowed"), 0);
  for (const auto& pod : pods()) set_phase(pod, "Running", true);
  settle();
  const Json budget = status("poddisruptionbudgets.policy", "p");
  EXPECT_EQ(int_at(budget, "expectedPods"), 4);
  EXPECT_EQ(int_at(budget, "desiredHealthy"), 3);
  EXPECT_EQ(int_at(budget, "disruptionsAllowed"), 1);
  EXPECT_EQ(condition(budget, "DisruptionAllowed"), "SufficientPods");
}

TEST(Indexes, Rows) {
  EXPECT_EQ(indexes_text({0, 1, 3, 4, 5, 9}), "0,1,3-5,9");
  EXPECT_EQ(parse_indexes("0,1,3-5,9,x"), (std::set<std::int64_t>{0, 1, 3, 4, 5, 9}));
  EXPECT_EQ(backoff_of(0).count(), 0);
  EXPECT_EQ(backoff_of(3).count(), 40);
  EXPECT_EQ(backoff_of(100).count(), 600);
}

}  // namespace
}  // namespace minik::controllers
