// Eviction, binding, ephemeral containers and the rules of the kinds that run pods, against a store in
// memory.
#include <gtest/gtest.h>

#include "api/cron.h"
#include "apiserver/registry.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

class PodSubresources : public ::testing::Test {
 protected:
  PodSubresources()
      : store_(Store::open(std::make_unique<MemoryJournal>()).value()), registry_(*store_, clock_, {}) {
    EXPECT_TRUE(make("namespaces", "{metadata: {name: default}}").ok());
  }
  static Target target(const std::string& resource, const std::string& name = "") {
    return {api::Schema::builtin().by_key(resource), resource == "namespaces" ? "" : "default", name, ""};
  }
  Result<api::ObjectPtr> make(const std::string& resource, const std::string& yaml) {
    return registry_.create(target(resource), parse_yaml(yaml).value().at(0), {});
  }
  std::string refusal(const std::string& resource, const std::string& yaml) {
    const auto made = make(resource, yaml);
    return made.ok() ? "" : made.error().message();
  }
  void set_status(const std::string& resource, const std::string& name, const std::string& yaml) {
    Target at = target(resource, name);
    at.subresource = "status";
    Json body = store_->snapshot()->find(at.key())->body();
    body["status"] = parse_yaml(yaml).value().at(0);
    EXPECT_TRUE(registry_.replace(at, body, {}).ok());
  }
  void make_running(const std::string& name) {
    ASSERT_TRUE(make("pods", "{metadata: {name: " + name +
                                 ", labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}")
                    .ok());
    set_status("pods", name, "{phase: Running, conditions: [{type: Ready, status: 'True'}]}");
  }
  bool there(const std::string& pod) { return store_->snapshot()->find("pods", "default", pod) != nullptr; }

  FakeClock clock_;
  std::unique_ptr<Store> store_;
  Registry registry_;
};

TEST_F(PodSubresources, ABudgetIsSpentAndThenBlocks) {
  for (const char* name : {"a", "b", "c"}) make_running(name);
  ASSERT_TRUE(make("poddisruptionbudgets.policy",
                   "{metadata: {name: p}, spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}}")
                  .ok());
  const auto fresh = registry_.evict(target("pods", "a"), {});
  ASSERT_TRUE(fresh.ok());
  EXPECT_FALSE(fresh->done);  // Nobody counted yet.
  EXPECT_EQ(fresh->cause, "The disruption budget p is still being processed by the server.");
  set_status("poddisruptionbudgets.policy", "p",
             "{observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, "
             "expectedPods: 3}");
  DeleteOptions dry;
  dry.dry_run = true;
  EXPECT_TRUE(registry_.evict(target("pods", "a"), dry)->done);
  EXPECT_TRUE(there("a"));
  EXPECT_TRUE(registry_.evict(target("pods", "a"), {})->done);
  EXPECT_FALSE(there("a"));
  const auto blocked = registry_.evict(target("pods", "b"), {});
  ASSERT_TRUE(blocked.ok());
  EXPECT_FALSE(blocked->done);
  EXPECT_EQ(blocked->message, "Cannot evict pod as it would violate the pod's disruption budget.");
  EXPECT_EQ(blocked->cause, "The disruption budget p needs 2 healthy pods and has 3 currently");
  EXPECT_TRUE(there("b"));
  const Json budget = store_->snapshot()->find("poddisruptionbudgets.policy", "default", "p")->body();
  EXPECT_TRUE(budget["status"]["disruptedPods"].contains("a"));
  ASSERT_TRUE(make("poddisruptionbudgets.policy",
                   "{metadata: {name: q}, spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}}")
                  .ok());
  EXPECT_EQ(registry_.evict(target("pods", "b"), {}).error().code(), Code::kInternal);
  EXPECT_EQ(registry_.evict(target("pods", "none"), {}).error().code(), Code::kNotFound);
}

TEST_F(PodSubresources, ABindingGivesTheNodeOnce) {
  ASSERT_TRUE(make("pods", "{metadata: {name: a}, spec: {containers: [{name: c, image: x}]}}").ok());
  const auto bind = [&](const char* yaml) {
    return registry_.bind(target("pods", "a"), parse_yaml(yaml).value().at(0), {});
  };
  EXPECT_EQ(bind("{target: {kind: Pod, name: node-2}}").error().message(),
            "Binding \"a\" is invalid: target.kind: Unsupported value: \"Pod\": supported values: \"Node\", "
            "\"<empty>\"");
  EXPECT_TRUE(bind("{target: {kind: Node, name: node-2}}").ok());
  EXPECT_EQ(store_->snapshot()->find("pods", "default", "a")->body()["spec"]["nodeName"], "node-2");
  EXPECT_EQ(bind("{target: {name: node-3}}").error().code(), Code::kConflict);
}

TEST_F(PodSubresources, EphemeralContainersAreOnlyAdded) {
  ASSERT_TRUE(make("pods", "{metadata: {name: a}, spec: {containers: [{name: c, image: x}]}}").ok());
  Target at = target("pods", "a");
  at.subresource = "ephemeralcontainers";
  const auto put = [&](const char* yaml) {
    Json body = store_->snapshot()->find(at.key())->body();
    body["spec"]["ephemeralContainers"] = parse_yaml(yaml).value().at(0);
    const auto done = registry_.replace(at, body, {});
    return done.ok() ? "" : done.error().message();
  };
  EXPECT_EQ(put("[{name: d, image: dbg, targetContainerName: c}]"), "");
  EXPECT_NE(put("[]").find("may not be removed"), std::string::npos);
  EXPECT_NE(put("[{name: d, image: z}]").find("may not be changed"), std::string::npos);
  EXPECT_NE(put("[{name: d, image: dbg, targetContainerName: c}, {name: c, image: dbg}]").find("Duplicate"),
            std::string::npos);
}

TEST_F(PodSubresources, AJobGetsItsSelector) {
  const auto job = make("jobs.batch",
                        "{metadata: {name: j}, spec: {template: {spec: {restartPolicy: Never, "
                        "containers: [{name: c, image: x}]}}}}");
  ASSERT_TRUE(job.ok()) << job.error().message();
  const Json& spec = (*job)->body()["spec"];
  EXPECT_EQ(spec["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"], (*job)->uid());
  EXPECT_EQ(spec["template"]["metadata"]["labels"]["job-name"], "j");
  EXPECT_EQ(spec["backoffLimit"], 6);
  EXPECT_EQ(spec["completions"], 1);
  Json changed = (*job)->body();
  changed["spec"]["template"]["spec"]["containers"][0]["image"] = "y";
  const auto refused = registry_.replace(target("jobs.batch", "j"), changed, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("spec.template: Invalid value"), std::string::npos);
  EXPECT_NE(refused.error().message().find("field is immutable"), std::string::npos);
  EXPECT_NE(refusal("jobs.batch",
                    "{metadata: {name: k}, spec: {template: {spec: {containers: [{name: c, "
                    "image: x}]}}}}")
                .find("spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", "
                      "\"Never\""),
            std::string::npos);
}

TEST_F(PodSubresources, AStatefulSetKeepsWhatCannotChange) {
  const auto set = make("statefulsets.apps",
                        "{metadata: {name: s}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: "
                        "{labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}}}");
  ASSERT_TRUE(set.ok()) << set.error().message();
  Json body = (*set)->body();
  body["spec"]["replicas"] = 3;
  EXPECT_TRUE(registry_.replace(target("statefulsets.apps", "s"), body, {}).ok());
  body["metadata"].erase("resourceVersion");
  body["spec"]["serviceName"] = "other";
  const auto refused = registry_.replace(target("statefulsets.apps", "s"), body, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("updates to statefulset spec for fields other than 'replicas'"),
            std::string::npos);
}

TEST(Cron, Rows) {
  for (const char* good : {"*/5 * * * *", "0 0 1,15 jan-mar MON", "@hourly", "@every 1h30m", "? * * * 0-6/2"})
    EXPECT_EQ(api::cron_error(good), "") << good;
  EXPECT_EQ(api::cron_error(""), "empty spec string");
  EXPECT_EQ(api::cron_error("every day"), "expected exactly 5 fields, found 2: [every day]");
  EXPECT_EQ(api::cron_error("61 * * * *"), "end of range (61) above maximum (59): 61");
  EXPECT_EQ(api::cron_error("5-1 * * * *"), "beginning of range (5) beyond end of range (1): 5-1");
  EXPECT_EQ(api::cron_error("*/0 * * * *"), "step of range should be a positive number: */0");
  EXPECT_EQ(api::cron_error("@never"), "unrecognized descriptor: @never");
}

}  // namespace
}  // namespace minik::apiserver
