#include "runtime/cri_log.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "runtime/log_reader.h"

namespace minik::runtime {
namespace {

TEST(CriLog, ParsesRecordsOfAnyWriter) {
  const auto record = parse_log_record("2026-01-02T03:04:05.000000006Z stdout F hello  world");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->stream, "stdout");
  EXPECT_EQ(record->text, "hello  world");
  EXPECT_FALSE(record->partial);
  EXPECT_TRUE(parse_log_record("2026-01-02T03:04:05.1+02:00 stderr P x")->partial);
  EXPECT_EQ(parse_log_record("2026-01-02T03:04:05Z stdout F")->text, "");
  EXPECT_EQ(parse_log_record("2026-01-02T03:04:05Z stdout F ")->text, "");
  for (const char* bad : {"", "x", "t stdout", "t stdin F x", "t stdout Q x"}) {
    EXPECT_FALSE(parse_log_record(bad).has_value()) << bad;
  }
}

TEST(CriLog, SelectsByTimeAndSize) {
  const auto record = *parse_log_record("2026-01-02T03:04:05Z stdout F hello");
  LogSelection all;
  EXPECT_EQ(select_record(record, all), "hello\n");
  LogSelection stamps{true, {}, {}};
  EXPECT_EQ(select_record(record, stamps), "2026-01-02T03:04:05Z hello\n");
  LogSelection late{false, parse_rfc3339("2026-01-02T03:04:06Z"), {}};
  EXPECT_EQ(select_record(record, late), "");
  LogSelection few{false, {}, 3};
  EXPECT_EQ(select_record(record, few), "hel");
  EXPECT_EQ(few.bytes_left, 0);
}

TEST(CriLog, TailCountsChainsOfPiecesAsOneLine) {
  const std::string text =
      "t stdout F a\n"
      "t stdout P b1\n"
      "t stdout P b2\n"
      "t stdout F b3\n"
      "t stdout F c\n";
  EXPECT_EQ(tail_offset(text, 0), text.size());
  EXPECT_EQ(tail_offset(text, 1), text.find("t stdout F c"));
  EXPECT_EQ(tail_offset(text, 2), text.find("t stdout P b1"));
  EXPECT_EQ(tail_offset(text, 3), 0U);
  EXPECT_EQ(tail_offset(text, 4), std::nullopt);
  EXPECT_EQ(tail_offset("", 0), 0U);
}

class LogFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/minik-log-XXXXXX";
    home_ = ::mkdtemp(pattern.data());
    path_ = home_ + "/0.log";
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  static std::string line(int i) { return "2026-01-02T03:04:05Z stdout F " + std::to_string(i) + "\n"; }
  std::string read(LogRequest request) {
    std::string text;
    const auto result = read_log(
        path_, request,
        [&](std::string_view piece) {
          text += piece;
          return true;
        },
        [] { return true; });
    return result.ok() ? text : result.error().message();
  }
  static LogRequest tail(std::int64_t lines) {
    LogRequest request;
    request.tail_lines = lines;
    return request;
  }
  std::string home_, path_;
};

TEST_F(LogFiles, RotatedFilesAreOneLog) {
  ASSERT_TRUE(write_file(path_ + ".2", line(1) + line(2)).ok());
  ASSERT_TRUE(write_file(path_ + ".1", line(3) + line(4)).ok());
  ASSERT_TRUE(write_file(path_, line(5)).ok());
  EXPECT_EQ(read({}), "1\n2\n3\n4\n5\n");
  EXPECT_EQ(read(tail(1)), "5\n");
  EXPECT_EQ(read(tail(4)), "2\n3\n4\n5\n");
  EXPECT_EQ(read(tail(9)), "1\n2\n3\n4\n5\n");
  EXPECT_EQ(read(tail(0)), "");
  LogRequest follow = tail(1);
  follow.follow = true;
  EXPECT_EQ(read(follow), "5\n");
}

TEST_F(LogFiles, AReaderThatHasEnoughEndsIt) {
  ASSERT_TRUE(write_file(path_, line(1)).ok());
  LogRequest request;
  request.follow = true;
  int calls = 0;
  const auto result = read_log(
      path_, request, [&](std::string_view) { return ++calls < 2; }, [] { return false; });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(calls, 2);  // The line, and one empty call a second later.
}

}  // namespace
}  // namespace minik::runtime
