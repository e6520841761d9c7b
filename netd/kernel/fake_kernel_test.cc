#include "netd/kernel/fake_kernel.h"

#include <gtest/gtest.h>

namespace minik::netd {
namespace {

TEST(FakeKernel, ABrokenPodIsReportedAndItsLinkIsNotThere) {
  FakeKernel kernel;
  Plan plan;
  plan.topology.node = NodeLinks{};
  for (const char* uid : {"a", "b"}) {
    auto pod = std::make_shared<PodLink>();
    pod->uid = uid;
    pod->host_if = std::string("mk") + uid;
    plan.topology.pods.set(uid, std::move(pod));
  }
  kernel.break_pod("a");
  const auto report = kernel.reset(plan);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->failed.size(), 1U);
  EXPECT_EQ(report->failed[0].uid, "a");
  EXPECT_EQ(first_difference(seen(plan), *kernel.observe()).value_or("").substr(0, 9), "missing: ");
  plan.topology.pods.erase(std::string("a"));
  EXPECT_EQ(first_difference(seen(plan), *kernel.observe()), std::nullopt);
}

}  // namespace
}  // namespace minik::netd
