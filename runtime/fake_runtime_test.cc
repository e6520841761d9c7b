#include "runtime/fake_runtime.h"

#include <gtest/gtest.h>

#include "runtime/test_pods.h"

namespace minik::runtime {
namespace {

using Kind = ContainerState::Kind;

class Fake : public ::testing::Test {
 protected:
  void want(const api::ObjectPtr& pod, bool wired) { runtime_.want({{pod, wired, false}}, objects_); }
  std::vector<PodFact> facts_;
  FakeRuntime runtime_{"default", [this](PodFact f) { facts_.push_back(std::move(f)); }, [](PodEvent) {}};
  api::SnapshotPtr objects_ = std::make_shared<api::Snapshot>();
  api::ObjectPtr pod_ = test_pod("web", "containers: [{name: c, image: nginx}]");
};

TEST_F(Fake, IsDrivenByTheTest) {
  ASSERT_TRUE(runtime_.adopt().ok());
  want(pod_, false);
  EXPECT_TRUE(facts_.empty());
  runtime_.make_sandbox("uid-web");
  EXPECT_EQ(facts_.back().netns_path, "/run/netns/minik-default-default-web");
  want(pod_, true);
  runtime_.run("uid-web");
  EXPECT_EQ(facts_.back().containers[0].state.kind, Kind::kRunning);
  EXPECT_FALSE(facts_.back().containers[0].ready);
  runtime_.set_ready("uid-web", "c", true);
  runtime_.end("uid-web", "c", 3);
  runtime_.restart("uid-web", "c");
  EXPECT_EQ(facts_.back().containers[0].restarts, 1);
  EXPECT_EQ(facts_.back().containers[0].last->exit_code, 3);
}

TEST_F(Fake, RunsByItselfWhenTold) {
  runtime_.run_by_itself();
  ASSERT_TRUE(runtime_.adopt().ok());
  want(pod_, false);
  EXPECT_TRUE(facts_.back().sandbox_ready);
  want(pod_, true);
  EXPECT_TRUE(facts_.back().containers[0].ready);
  want(test_deleted(pod_, 30), true);
  EXPECT_TRUE(facts_.back().stopped);
  runtime_.want({}, objects_);
  EXPECT_TRUE(runtime_.wished().empty());
}

TEST_F(Fake, KeepsPodsOverADaemonsDeath) {
  runtime_.run_by_itself();
  ASSERT_TRUE(runtime_.adopt().ok());
  want(pod_, true);
  const PodFact before = facts_.back();
  runtime_.forget_wishes();
  facts_.clear();
  ASSERT_TRUE(runtime_.adopt().ok());
  ASSERT_EQ(facts_.size(), 1U);
  EXPECT_EQ(facts_[0], before);
}

using FakeDeathTest = Fake;
TEST_F(FakeDeathTest, RefusesWhatTheRealOneCannotDo) {
  EXPECT_DEATH(want(pod_, true), "adopted_");
  ASSERT_TRUE(runtime_.adopt().ok());
  want(pod_, false);
  runtime_.make_sandbox("uid-web");
  EXPECT_DEATH(runtime_.run("uid-web"), "wired");
  EXPECT_DEATH(runtime_.end("uid-web", "c", 0), "kRunning");
}

}  // namespace
}  // namespace minik::runtime
