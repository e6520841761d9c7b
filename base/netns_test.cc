#include "base/netns.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

namespace minik {
namespace {

TEST(InNetns, EmptyPathRunsHere) {
  std::thread::id where;
  const auto done = in_netns("", [&]() -> Result<> {
    where = std::this_thread::get_id();
    return {};
  });
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(InNetns, PassesTheErrorOfTheWork) {
  const auto failed = in_netns("", []() -> Result<> { return Error(Code::kTimeout, "late"); });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message(), "late");
}

TEST(InNetns, NamesTheMissingFile) {
  bool ran = false;
  const auto failed = in_netns("/run/netns/minik-no-such", [&]() -> Result<> {
    ran = true;
    return {};
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::kNotFound);
  EXPECT_FALSE(ran);
}

TEST(InNetns, RunsOnAHelperThread) {
  std::thread::id where;
  const auto done = in_netns("/proc/self/ns/net", [&]() -> Result<> {
    where = std::this_thread::get_id();
    return {};
  });
  if (!done.ok() && done.error().sys_errno() == EPERM) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_NE(where, std::this_thread::get_id());
}

}  // namespace
}  // namespace minik
