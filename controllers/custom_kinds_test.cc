// What goes with a definition that is deleted, and what never does.
#include "controllers/custom_kinds.h"

#include <gtest/gtest.h>

#include "api/definition.h"
#include "base/yaml.h"

namespace minik::controllers {
namespace {

void put(api::Snapshot& objects, const std::string& resource, const std::string& yaml) {
  Json body = parse_yaml(yaml).value().at(0);
  const std::uint64_t revision = objects.revision() + 1;
  body["metadata"]["resourceVersion"] = std::to_string(revision);
  objects.put(std::make_shared<api::Object>(resource, revision, std::move(body)));
  objects.set_revision(revision);
}

// A definition that is being deleted, and one object stored under its name.
std::vector<api::Write> writes_for(const std::string& name, const std::string& established) {
  api::Snapshot objects;
  put(objects, name, "{metadata: {name: mine, namespace: default, uid: u1}}");
  put(objects, api::kDefinitions,
      "{metadata: {name: " + name +
          ", uid: u2, deletionTimestamp: 2020-01-01T00:00:00Z, finalizers: "
          "[customresourcecleanup.apiextensions.k8s.io]}, status: {conditions: [{type: Established, status: "
          "'" +
          established + "'}]}}");
  const World world{std::make_shared<api::Snapshot>(objects), nullptr, WallTime{}};
  return CustomKindsController().reconcile(world);
}

TEST(CustomKindsController, TakesTheObjectsOfTheDefinitionFirst) {
  const auto writes = writes_for("widgets.example.com", "True");
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].op, api::Write::Op::kDelete);
  EXPECT_EQ(writes[0].key.resource, "widgets.example.com");
}

TEST(CustomKindsController, LeavesObjectsThatAreNotOfTheDefinition) {
  for (const auto& [name, established] :
       {std::pair("ingresses.networking.k8s.io", "False"), std::pair("ingresses.networking.k8s.io", "True"),
        std::pair("widgets.example.com", "False")}) {
    const auto writes = writes_for(name, established);
    ASSERT_EQ(writes.size(), 1U) << name;
    EXPECT_EQ(writes[0].key.resource, api::kDefinitions);
    EXPECT_EQ(writes[0].body["metadata"]["finalizers"], Json::array());
  }
}

}  // namespace
}  // namespace minik::controllers
