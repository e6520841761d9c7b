// Server-side apply and the tracking of updates.
#include "api/managed_fields.h"

#include <gtest/gtest.h>

#include "api/rules.h"
#include "base/yaml.h"

namespace minik::api {
namespace {

Json yaml(const std::string& text) { return parse_yaml(text).value().at(0); }

const StructType& type_of(const char* kind) { return *Schema::builtin().type(kind); }

FieldWriter writer(const char* manager, const char* subresource = "") {
  return {manager, "v1", subresource, WallTime{} + std::chrono::hours(24 * 365 * 50)};
}

Json entry(const Json& object, const std::string& manager) {
  for (const Json& e : object["metadata"]["managedFields"]) {
    if (e["manager"] == manager) return e;
  }
  return {};
}

class Apply : public ::testing::Test {
 protected:
  Result<Json> apply(const char* manager, const std::string& config, bool force = false) {
    auto next = apply_config(type_of(kind_), live_.is_null() ? nullptr : &live_, yaml(config),
                             writer(manager), force);
    if (next.ok()) live_ = *next;
    return next;
  }
  void update(const char* manager, const std::string& merge, const char* subresource = "") {
    Json next = live_;
    next.merge_patch(yaml(merge));
    track_update(type_of(kind_), &live_, next, writer(manager, subresource));
    live_ = next;
  }
  const char* kind_ = "ConfigMap";
  Json live_;
};

TEST(FieldSet, IsWhatFieldsV1Says) {
  const Json json = yaml(
      R"({"f:spec": {"f:ports": {".": {}, 'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}, "f:type": {}}})");
  const auto set = FieldSet::parse(json);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->json(), json);
  EXPECT_EQ(set->paths(),
            (std::vector<std::string>{".spec.ports", ".spec.type", R"(.spec.ports[port=80,protocol="TCP"])",
                                      R"(.spec.ports[port=80,protocol="TCP"].port)"}));
  for (const char* bad : {R"({"spec": {}})", R"({"f:a": 1})", R"({"k:[]": {}})", R"({"i:x": {}})", "[]"})
    EXPECT_FALSE(FieldSet::parse(yaml(bad)).ok()) << bad;
}

TEST(Typed, FieldsFollowTheListTypes) {
  const auto fields = [](const char* kind, const std::string& text) {
    return fields_of(type_of(kind), yaml(text)).value().json();
  };
  EXPECT_EQ(
      fields("Service",
             "{spec: {ports: [{port: 80, name: http}], selector: {a: b}, externalIPs: [1.1.1.1]}}"),
      yaml(
          R"({"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}},
                    "f:selector": {}, "f:externalIPs": {}}})"));
  EXPECT_EQ(
      fields("ConfigMap", "{metadata: {labels: {a: b}, finalizers: [x.y/z]}, data: {k: v}}"),
      yaml(
          R"({"f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {'v:"x.y/z"': {}}}, "f:data": {"f:k": {}}})"));
  EXPECT_FALSE(fields_of(type_of("Service"), yaml("{spec: {ports: [{port: 80}, {port: 80}]}}")).ok());
  EXPECT_FALSE(fields_of(type_of("Service"), yaml("{spec: {ports: [{name: x}]}}")).ok());
}

TEST(Typed, MergeKeepsWhatOnlyTheLiveListHas) {
  const auto merged =
      merge_typed(type_of("Service"), yaml("{spec: {ports: [{port: 1}, {port: 2, name: b}, {port: 3}]}}"),
                  yaml("{spec: {ports: [{port: 3}, {port: 2, targetPort: 9}, {port: 4}]}}"));
  EXPECT_EQ(*merged,
            yaml("{spec: {ports: [{port: 1}, {port: 3}, {port: 2, name: b, targetPort: 9}, {port: 4}]}}"));
}

TEST_F(Apply, TwiceTheSameChangesNothing) {
  ASSERT_TRUE(apply("me", "{data: {a: '1'}}").ok());
  const Json first = live_;
  ASSERT_TRUE(apply("me", "{data: {a: '1'}}").ok());
  EXPECT_EQ(live_, first);
  EXPECT_EQ(entry(live_, "me")["fieldsV1"], yaml(R"({"f:data": {"f:a": {}}})"));
  EXPECT_EQ(entry(live_, "me")["operation"], "Apply");
}

TEST_F(Apply, DropsWhatTheManagerDoesNotWantAnyMore) {
  ASSERT_TRUE(apply("me", "{data: {a: '1', b: '2'}}").ok());
  ASSERT_TRUE(apply("other", "{data: {b: '2'}}").ok());
  ASSERT_TRUE(apply("me", "{metadata: {labels: {x: y}}}").ok());
  EXPECT_EQ(live_["data"], yaml("{b: '2'}"));
  ASSERT_TRUE(apply("other", "{metadata: {labels: {z: y}}}").ok());
  EXPECT_FALSE(live_.contains("data"));
}

TEST_F(Apply, ConflictsNameManagersAndFields) {
  ASSERT_TRUE(apply("one", "{data: {a: '1', b: '1'}}").ok());
  const auto single = apply("two", "{data: {a: '2'}}");
  ASSERT_FALSE(single.ok());
  EXPECT_EQ(single.error().message(), "Apply failed with 1 conflict: conflict with \"one\": .data.a");
  const auto both = apply("two", "{data: {a: '2', b: '2'}}");
  ASSERT_FALSE(both.ok());
  EXPECT_EQ(both.error().message(),
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b");
  ASSERT_EQ(both.error().causes().size(), 2u);
  EXPECT_EQ(both.error().causes()[0].reason, "FieldManagerConflict");
  ASSERT_TRUE(apply("two", "{data: {a: '2'}}", true).ok());
  EXPECT_EQ(entry(live_, "one")["fieldsV1"], yaml(R"({"f:data": {"f:b": {}}})"));
}

TEST_F(Apply, SharesEqualValues) {
  ASSERT_TRUE(apply("one", "{data: {a: '1'}}").ok());
  ASSERT_TRUE(apply("two", "{data: {a: '1'}}").ok());
  EXPECT_EQ(entry(live_, "one")["fieldsV1"], entry(live_, "two")["fieldsV1"]);
}

TEST_F(Apply, UpdatesConflictWithTheirVersion) {
  kind_ = "Service";
  live_ = yaml("{metadata: {}}");
  update("kubectl-client-side-apply", "{spec: {ports: [{port: 80, protocol: TCP, targetPort: 8080}]}}");
  const auto refused = apply("me", "{spec: {ports: [{port: 80, targetPort: 9090}]}}");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: "
            ".spec.ports[port=80,protocol=\"TCP\"].targetPort");
}

TEST_F(Apply, ForgetsListElementsButKeepsOthersFieldsInThem) {
  kind_ = "Pod";
  ASSERT_TRUE(apply("me", "{spec: {containers: [{name: a, image: x}, {name: b, image: y}]}}").ok());
  update("other", "{metadata: {labels: {l: v}}}");
  ASSERT_TRUE(apply("sidecar", "{spec: {containers: [{name: b, tty: true}]}}").ok());
  ASSERT_TRUE(apply("me", "{spec: {containers: [{name: a, image: x}]}}").ok());
  EXPECT_EQ(live_["spec"]["containers"], yaml("[{name: a, image: x}, {name: b, tty: true}]"));
}

TEST_F(Apply, UpdatesTakeFieldsAndLeaveNothingEmpty) {
  ASSERT_TRUE(apply("me", "{data: {a: '1'}}").ok());
  update("editor", "{data: {a: '2'}}");
  EXPECT_TRUE(entry(live_, "me").is_null());
  EXPECT_EQ(entry(live_, "editor")["operation"], "Update");
  update("editor", "{data: {a: ~}}");
  EXPECT_FALSE(live_["metadata"].contains("managedFields"));
}

TEST_F(Apply, SubresourcesAreManagersOfTheirOwn) {
  kind_ = "Deployment";
  live_ = yaml("{metadata: {}, spec: {replicas: 1}}");
  update("scaler", "{spec: {replicas: 3}}", "scale");
  update("scaler", "{spec: {paused: true}}");
  EXPECT_EQ(live_["metadata"]["managedFields"].size(), 2u);
  const auto refused = apply("me", "{spec: {replicas: 2}}");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(),
            "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\" using v1: "
            ".spec.replicas");
}

TEST_F(Apply, NoMoreThanTenUpdaters) {
  live_ = yaml("{metadata: {}}");
  for (int i = 0; i < 14; ++i)
    update(("manager-" + std::to_string(i)).c_str(), "{data: {key-" + std::to_string(i) + ": v}}");
  EXPECT_EQ(live_["metadata"]["managedFields"].size(), 10u);
  EXPECT_EQ(entry(live_, "ancient-changes")["fieldsV1"]["f:data"].size(),
            6u);  // Five keys and the map itself.
}

TEST_F(Apply, OneEmptyEntryResets) {
  ASSERT_TRUE(apply("me", "{data: {a: '1'}}").ok());
  Json next = live_;
  next["metadata"]["managedFields"] = yaml("[{}]");
  track_update(type_of(kind_), &live_, next, writer("x"));
  EXPECT_FALSE(next["metadata"].contains("managedFields"));
}

TEST(FieldManager, Names) {
  EXPECT_EQ(field_manager_error("kubectl"), "");
  EXPECT_EQ(field_manager_error(std::string(129, 'a')), "Too long: may not be more than 128 bytes");
  EXPECT_NE(field_manager_error("a\nb"), "");
}

}  // namespace
}  // namespace minik::api
