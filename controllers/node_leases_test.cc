// The node's lease: made once, renewed when it is time, and no sooner.
#include "controllers/node_leases.h"

#include <gtest/gtest.h>

namespace minik::controllers {
namespace {

std::shared_ptr<api::Object> object(const char* resource, Json body) {
  body["metadata"]["uid"] = "uid";
  return std::make_shared<api::Object>(resource, 1, std::move(body));
}

TEST(NodeLease, IsRenewedWhenItIsTime) {
  NodeLeaseController controller("node-1");
  auto objects = std::make_shared<api::Snapshot>();
  const WallTime start = WallTime{} + std::chrono::hours(24 * 365 * 50);
  EXPECT_TRUE(controller.reconcile({objects, nullptr, start}).empty());
  objects->put(
      object("namespaces",
             {{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", {{"name", "kube-node-lease"}}}}));
  objects->put(object("nodes", {{"kind", "Node"}, {"apiVersion", "v1"}, {"metadata", {{"name", "node-1"}}}}));
  auto writes = controller.reconcile({objects, nullptr, start});
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].body["spec"]["holderIdentity"], "node-1");
  EXPECT_EQ(writes[0].body["metadata"]["ownerReferences"][0]["kind"], "Node");
  Json lease = writes[0].body;
  objects->put(object("leases.coordination.k8s.io", lease));
  EXPECT_TRUE(controller.reconcile({objects, nullptr, start + std::chrono::seconds(30)}).empty());
  ASSERT_TRUE(controller.wake_at().has_value());
  writes = controller.reconcile({objects, nullptr, *controller.wake_at()});
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_NE(writes[0].body["spec"]["renewTime"], lease["spec"]["renewTime"]);
}

}  // namespace
}  // namespace minik::controllers
