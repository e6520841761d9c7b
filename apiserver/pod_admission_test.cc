// What admission makes of a pod's priority and tolerations.
#include "apiserver/pod_admission.h"

#include <gtest/gtest.h>

#include "base/yaml.h"

namespace minik::apiserver {
namespace {

Json yaml(const std::string& text) { return parse_yaml(text).value().at(0); }

api::Snapshot with_classes() {
  api::Snapshot objects;
  for (const char* text : {"{metadata: {name: high}, value: 1000, preemptionPolicy: Never}",
                           "{metadata: {name: usual}, value: 5, globalDefault: true}"})
    objects.put(std::make_shared<api::Object>("priorityclasses.scheduling.k8s.io", 1, yaml(text)));
  return objects;
}

TEST(Priority, FollowsTheClass) {
  for (const auto& [spec, priority, policy] : std::vector<std::tuple<const char*, int, const char*>>{
           {"{}", 5, "PreemptLowerPriority"},
           {"{priorityClassName: high}", 1000, "Never"},
           {"{priorityClassName: high, priority: 1000}", 1000, "Never"},
           {"{priorityClassName: system-node-critical}", 2000001000, "PreemptLowerPriority"}}) {
    Json pod = {{"metadata", {{"name", "p"}}}, {"spec", yaml(spec)}};
    ASSERT_TRUE(admit_priority(with_classes(), pod).ok()) << spec;
    EXPECT_EQ(pod["spec"]["priority"], priority) << spec;
    EXPECT_EQ(pod["spec"]["preemptionPolicy"], policy) << spec;
  }
  Json plain = {{"spec", Json::object()}};
  ASSERT_TRUE(admit_priority(api::Snapshot(), plain).ok());
  EXPECT_EQ(plain["spec"]["priority"], 0);
  EXPECT_FALSE(plain["spec"].contains("priorityClassName"));
}

TEST(Priority, RefusesWhatDoesNotFit) {
  Json unknown = {{"metadata", {{"name", "p"}}}, {"spec", {{"priorityClassName", "none"}}}};
  const auto missing = admit_priority(with_classes(), unknown);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message(), "pods \"p\" is forbidden: no PriorityClass with name none was found");
  Json other = {{"metadata", {{"name", "p"}}}, {"spec", {{"priorityClassName", "high"}, {"priority", 7}}}};
  const auto refused = admit_priority(with_classes(), other);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kForbidden);
}

TEST(Tolerations, AreAddedOnce) {
  Json pod = {{"spec", Json::object()}};
  admit_tolerations(pod);
  ASSERT_EQ(pod["spec"]["tolerations"].size(), 2u);
  EXPECT_EQ(pod["spec"]["tolerations"][0], yaml("{key: node.kubernetes.io/not-ready, operator: Exists, "
                                                "effect: NoExecute, tolerationSeconds: 300}"));
  const Json once = pod;
  admit_tolerations(pod);
  EXPECT_EQ(pod, once);
  Json all = {{"spec", {{"tolerations", Json::array({{{"operator", "Exists"}}})}}}};
  admit_tolerations(all);
  EXPECT_EQ(all["spec"]["tolerations"].size(), 1u);
}

}  // namespace
}  // namespace minik::apiserver
