#include "apiserver/event_lines.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace minik::apiserver {
namespace {

TEST(EventLines, MakesEachFormOfAnEventOnce) {
  EventLines lines;
  std::atomic<int> made{0};
  std::vector<EventLines::Line> got(8);
  std::vector<std::thread> watchers;
  for (auto& line : got)
    watchers.emplace_back([&] { line = lines.get(7, "json", [&] { return std::to_string(++made); }); });
  for (auto& watcher : watchers) watcher.join();
  EXPECT_EQ(made, 1);
  for (const auto& line : got) EXPECT_EQ(line, got[0]);
}

TEST(EventLines, FormsAndRevisionsAreApart) {
  EventLines lines;
  EXPECT_EQ(*lines.get(7, "json", [] { return std::string("a"); }), "a");
  EXPECT_EQ(*lines.get(7, "table", [] { return std::string("b"); }), "b");
  EXPECT_EQ(*lines.get(8, "json", [] { return std::string("c"); }), "c");
  EXPECT_EQ(*lines.get(7, "json", [] { return std::string("x"); }), "a");
}

TEST(EventLines, ForgetsTheOldest) {
  EventLines lines;
  const auto first = lines.get(1, "json", [] { return std::string("first"); });
  for (std::uint64_t i = 2; i < EventLines::kKept + 2; ++i)
    EXPECT_EQ(*lines.get(i, "json", [&] { return std::to_string(i); }), std::to_string(i));
  EXPECT_EQ(*first, "first");
  EXPECT_EQ(*lines.get(1, "json", [] { return std::string("again"); }), "again");
}

}  // namespace
}  // namespace minik::apiserver
