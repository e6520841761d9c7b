#include <gtest/gtest.h>

#include <random>

#include "base/clock.h"
#include "base/cow_map.h"
#include "base/files.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik {
namespace {

TEST(Ip, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(Ip::parse("10.96.0.1")->text(), "10.96.0.1");
  EXPECT_EQ(Ip::parse("fd00:0:0::1")->text(), "fd00::1");
  for (const char* bad :
       {"", "10.96.0", "10.96.010.5", "10.96.0.256", " 10.0.0.1", "fe80::1%eth0", "10.0.0.1/8"}) {
    EXPECT_FALSE(Ip::parse(bad).ok()) << bad;
  }
}

TEST(Ip, PlusCarries) {
  EXPECT_EQ(Ip::parse("10.0.0.255")->plus(1).text(), "10.0.1.0");
  EXPECT_EQ(Ip::parse("fd00::ffff")->plus(1).text(), "fd00::1:0");
}

TEST(Cidr, ContainsOverlapsAndCounts) {
  const Cidr pods = *Cidr::parse("10.244.0.0/16");
  EXPECT_TRUE(pods.contains(*Ip::parse("10.244.255.255")));
  EXPECT_FALSE(pods.contains(*Ip::parse("10.245.0.0")));
  EXPECT_FALSE(pods.contains(*Ip::parse("fd00::1")));
  EXPECT_TRUE(pods.overlaps(*Cidr::parse("10.0.0.0/8")));
  EXPECT_FALSE(pods.overlaps(*Cidr::parse("10.96.0.0/12")));
  EXPECT_EQ(pods.size(), 65536U);
  EXPECT_EQ(pods.index_of(*Ip::parse("10.244.1.2")), 258U);
  EXPECT_EQ(Cidr::parse("10.244.3.7/16")->text(), "10.244.0.0/16");
  for (const char* bad : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "x/8"})
    EXPECT_FALSE(Cidr::parse(bad).ok()) << bad;
}

TEST(CowMap, BehavesAsAMapAndDiffsTwoVersions) {
  std::mt19937 random(7);
  std::map<int, int> model;
  CowMap<int, int> map;
  for (int round = 0; round < 200; ++round) {
    const CowMap<int, int> before = map;
    const std::map<int, int> model_before = model;
    for (int i = 0; i < 20; ++i) {
      const int key = static_cast<int>(random() % 2000);
      if (random() % 3 == 0) {
        EXPECT_EQ(map.erase(key), model.erase(key) > 0);
      } else {
        map.set(key, round);
        model[key] = round;
      }
    }
    std::map<int, int> seen;
    map.for_each([&](int key, int value) { seen[key] = value; });
    ASSERT_EQ(seen, model);
    ASSERT_EQ(map.size(), model.size());
    // Applying the difference to the old version gives the new one.
    std::map<int, int> patched = model_before;
    CowMap<int, int>::diff(before, map, [&](int key, const int* was, const int* is) {
      ASSERT_EQ(was != nullptr, model_before.contains(key));
      if (is == nullptr)
        patched.erase(key);
      else
        patched[key] = *is;
    });
    ASSERT_EQ(patched, model);
  }
}

TEST(Yaml, ReadsWhatKubectlReads) {
  const auto documents = parse_yaml("a: 1\nb: [x, 'y', true, 0644, 1.5, ~]\n---\n---\nc: \"1\"\n");
  ASSERT_TRUE(documents.ok());
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[0], (Json{{"a", 1}, {"b", {"x", "y", true, 420, 1.5, nullptr}}}));
  EXPECT_EQ((*documents)[1], (Json{{"c", "1"}}));
}

TEST(Yaml, NamesLineAndColumnOfMistakes) {
  const auto broken = parse_yaml("kind: Service\nspec: [a\n");
  ASSERT_FALSE(broken.ok());
  EXPECT_TRUE(broken.error().message().starts_with("line 3, column 1: ")) << broken.error().message();
  const auto twice = parse_yaml("a: 1\na: 2\n");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().message(), "line 2, column 1: key \"a\" already set in map");
  EXPECT_FALSE(parse_yaml(std::string(300, '[')).ok());
}

TEST(Yaml, WhatItWritesReadsBackTheSame) {
  const Json value = {{"empty", ""},
                      {"yes", "yes"},
                      {"number", "0123"},
                      {"text", "a: b # c"},
                      {"lines", "one\ntwo\n"},
                      {"list", {1, "x", {{"k", "v"}}, Json::array()}},
                      {"null", nullptr},
                      {"date", "2026-11-24"},
                      {"quote", "it's \"so\""},
                      {"deep", {{"a", {{"b", Json::object()}}}}},
                      {"dash", "- x"},
                      {"tab", "a\tb"}};
  const auto back = parse_yaml(to_yaml(value));
  ASSERT_TRUE(back.ok()) << back.error().message() << "\n" << to_yaml(value);
  EXPECT_EQ(back->at(0), value) << to_yaml(value);
}

TEST(Json, FindsDuplicatesAndRefusesDepth) {
  EXPECT_EQ(duplicate_members(R"({"a":{"b":1,"b":2},"c":1,"a":3})"), (std::vector<std::string>{"a.b", "a"}));
  EXPECT_FALSE(parse_json(std::string(200, '[')).ok());
  EXPECT_FALSE(parse_json("{\"a\": \"\xff\"}").ok());
  EXPECT_FALSE(parse_json("{} x").ok());
}

TEST(Clock, FormatsAsKubernetesDoes) {
  const auto time = parse_rfc3339("2026-11-24T05:06:07.5+01:00");
  ASSERT_TRUE(time);
  EXPECT_EQ(rfc3339(*time), "2026-11-24T04:06:07Z");
  EXPECT_EQ(rfc3339_nano(*time), "2026-11-24T04:06:07.500000000Z");
  for (const char* bad :
       {"", "2026-11-24", "2026-13-24T00:00:00Z", "2026-11-24T00:00:00", "2026-11-24T00:00:00.Z"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
  using std::chrono::seconds;
  for (const auto& [age, text] : std::vector<std::pair<int, const char*>>{{5, "5s"},
                                                                          {119, "119s"},
                                                                          {120, "2m"},
                                                                          {200, "3m20s"},
                                                                          {3600, "60m"},
                                                                          {3 * 3600, "3h"},
                                                                          {5 * 3600 + 60, "5h1m"},
                                                                          {51 * 3600, "2d3h"}}) {
    EXPECT_EQ(human_duration(seconds(age)), text) << age;
  }
}

TEST(Files, WritesWholeAndCleansUp) {
  const std::string root = ::testing::TempDir() + "minik-files-" + random_hex(4);
  ASSERT_TRUE(make_dirs(root + "/a/b").ok());
  ASSERT_TRUE(write_file(root + "/a/b/file", "one", 0600).ok());
  EXPECT_EQ(*read_file(root + "/a/b/file"), "one");
  EXPECT_EQ(write_file(root + "/nowhere/file", "x").error().code(), Code::kNotFound);
  ASSERT_TRUE(remove_tree(root).ok());
  EXPECT_FALSE(path_exists(root));
  EXPECT_TRUE(remove_tree(root).ok());
}

TEST(Text, Base64AndNames) {
  for (const char* text : {"", "a", "ab", "abc", "abcd"}) EXPECT_EQ(*base64_decode(base64(text)), text);
  EXPECT_FALSE(base64_decode("a").ok());
  EXPECT_FALSE(base64_decode("!!!!").ok());
  EXPECT_EQ(dns1035_label_error("web-1"), "");
  EXPECT_NE(dns1035_label_error("1web"), "");
  EXPECT_NE(dns1123_label_error("Web"), "");
  EXPECT_NE(dns1123_label_error(std::string(64, 'a')), "");
  EXPECT_EQ(dns1123_subdomain_error("a.b-c.d"), "");
  EXPECT_EQ(percent_decode("a%2Fb+c", true), "a/b c");
}

}  // namespace
}  // namespace minik
