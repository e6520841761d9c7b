#include "api/jsonpath.h"

#include <gtest/gtest.h>

namespace minik::api {
namespace {

const char* const kList = R"({"kind":"List","items":[
  {"metadata":{"name":"a","labels":{"app":"web","kubernetes.io/os":"linux"}},"spec":{"n":1,"list":["x","y","z"]},
   "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Other","status":"False"}]}},
  {"metadata":{"name":"b"},"spec":{"n":2.5,"on":true,"none":null,"map":{"k":"<v>"}}}]})";

std::string print(const std::string& text) {
  const auto path = JsonPath::parse(text);
  if (!path.ok()) return "parse: " + path.error().message();
  const auto printed = path->print(*parse_json(kList));
  return printed.ok() ? *printed : "print: " + printed.error().message();
}

// The expected texts are what kubectl 1.30 prints.
TEST(JsonPath, PrintsPaths) {
  EXPECT_EQ(print("{.kind}"), "List");
  EXPECT_EQ(print("{.items[*].metadata.name}"), "a b");
  EXPECT_EQ(print("{.items[0].metadata.name}"), "a");
  EXPECT_EQ(print("{.items[-1].metadata.name}"), "b");
  EXPECT_EQ(print("{.items[0].spec.list[0:2]}"), "x y");
  EXPECT_EQ(print("{.items[0].spec.list[1:]}"), "y z");
  EXPECT_EQ(print("{.items[0].spec.list[0,2]}"), "x z");
  EXPECT_EQ(print("{.items[0].spec.list[::2]}"), "x z");
  EXPECT_EQ(print("{..name}"), "a b");
  EXPECT_EQ(print("{.items[0].spec.*}"), R"(["x","y","z"] 1)");
  EXPECT_EQ(print("{$.kind}"), "List");
  EXPECT_EQ(print("{.items[0]['kind','spec'].n}"), "1");
}

TEST(JsonPath, EscapesAndQuotes) {
  EXPECT_EQ(print(R"({.items[0].metadata.labels.kubernetes\.io/os})"), "linux");
  EXPECT_EQ(print("{.items[0].metadata.labels['kubernetes.io/os']}"), "linux");
  EXPECT_EQ(print(R"({"a\tb\n"}{'c'})"), "a\tb\nc");
  EXPECT_EQ(print("plain"), "plain");
}

TEST(JsonPath, PrintsValues) {
  EXPECT_EQ(print("{.items[1].spec.n} {.items[1].spec.on}"), "2.5 true");
  EXPECT_EQ(print("{.items[1].spec.map}"), R"({"k":"\u003cv\u003e"})");
  EXPECT_EQ(print("[{.items[1].spec.none}]"), "[]");
  EXPECT_EQ(print("[{.nope.deeper[3]}]"), "[]");
}

TEST(JsonPath, FiltersAndRanges) {
  EXPECT_EQ(print(R"({.items[*].status.conditions[?(@.type=="Ready")].status})"), "True");
  EXPECT_EQ(print("{.items[?(@.spec.on)].metadata.name}"), "b");
  EXPECT_EQ(print(R"({.items[?(@.metadata.name!='a')].metadata.name})"), "b");
  EXPECT_EQ(print(R"({range .items[*]}{.metadata.name}{"\t"}{.spec.n}{"\n"}{end})"), "a\t1\nb\t2.5\n");
  EXPECT_EQ(print(R"({range .items[*]}{range .status.conditions[*]}{.type}{","}{end}{";"}{end})"),
            "Ready,Other,;;");
}

TEST(JsonPath, SaysWhatIsWrong) {
  EXPECT_EQ(print("{.kind"), "parse: unclosed action");
  EXPECT_EQ(print("{range .items[*]}{.kind}"), "parse: unclosed range, expecting end");
  EXPECT_EQ(print("{end}"), "parse: not in range, nothing to end");
  EXPECT_EQ(print("{.items[x]}"), "parse: invalid array index x");
  EXPECT_EQ(print("{.items[0}"), "parse: unterminated array");
  EXPECT_EQ(print("{.items[5]}"), "print: array index out of bounds: index 5, length 2");
  EXPECT_EQ(print("{.kind[0]}"), "print: List is not array or slice");
}

TEST(JsonPath, FindsValues) {
  const auto path = JsonPath::parse("{.items[*].metadata.name}");
  ASSERT_TRUE(path.ok());
  const auto found = path->find_values(*parse_json(kList));
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0], Json("a"));
}

}  // namespace
}  // namespace minik::api
