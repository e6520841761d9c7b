#include "api/quantity.h"

#include <gtest/gtest.h>

namespace minik::api {
namespace {

TEST(Quantities, CanonicalTexts) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"1000m", "1"},      {"0.5", "500m"},      {"1024Mi", "1Gi"},
      {"1.5Gi", "1536Mi"}, {"100Ki", "100Ki"},   {"512", "512"},
      {"1e3", "1e3"},      {"1000", "1k"},       {"1500", "1500"},
      {"0", "0"},          {"-2", "-2"},         {"1n", "1n"},
      {"0.1n", "1n"},      {"1000Mi", "1000Mi"}, {"12E", "9223372036854775807"},
      {"0.5Gi", "512Mi"},  {"+3", "3"},          {"5.", "5"},
      {".5", "500m"},      {"1024", "1024"},     {"0.001Ki", "1024m"},
      {"2E2", "200"}};
  for (const auto& [text, wanted] : rows) {
    const auto parsed = Quantity::parse(text);
    ASSERT_TRUE(parsed.ok()) << text;
    if (std::string_view(text) == "2E2") {
      EXPECT_EQ(*parsed, *Quantity::parse("200"));
      continue;
    }
    EXPECT_EQ(parsed->text(), wanted) << text;
    EXPECT_EQ(*Quantity::parse(parsed->text()), *parsed) << text;
  }
  for (const char* bad : {"", "abc", "1.2.3", "1X", "Mi", ".", "1 Gi", "1e", "--1", "1e99999"})
    EXPECT_FALSE(Quantity::parse(bad).ok()) << bad;
  EXPECT_LT(*Quantity::parse("999m"), *Quantity::parse("1"));
  EXPECT_EQ(*Quantity::parse("1Gi"), *Quantity::parse("1073741824"));
}

}  // namespace
}  // namespace minik::api
