// The decoder against objects that Kubernetes' own serializer wrote (testdata/protobuf/README.md).
#include "api/protobuf.h"

#include <gtest/gtest.h>

#include <fstream>

#include "api/schema.h"
#include "base/files.h"

namespace minik::api {
namespace {

std::vector<Json> objects() {
  std::vector<Json> all;
  std::ifstream file(MINIK_SOURCE_DIR "/api/testdata/protobuf/objects.jsonl");
  for (std::string line; std::getline(file, line);) all.push_back(Json::parse(line));
  return all;
}

TEST(Protobuf, SaysWhatTheJsonOfTheSameObjectSays) {
  const auto all = objects();
  ASSERT_GT(all.size(), 40u);
  for (const Json& object : all) {
    const std::string bytes = base64_decode(object["protobuf"].get<std::string>()).value();
    auto decoded = decode_protobuf(bytes);
    ASSERT_TRUE(decoded.ok()) << object["name"] << ": " << decoded.error().message();
    Json wanted = object["json"];
    drop_nulls(wanted);
    drop_nulls(*decoded);
    EXPECT_EQ(*decoded, wanted) << object["name"] << "\n" << Json::diff(wanted, *decoded).dump(1);
  }
}

TEST(Protobuf, EveryPrefixIsAnErrorOrAnObject) {
  const Json pod = objects().front();
  const std::string bytes = base64_decode(pod["protobuf"].get<std::string>()).value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_protobuf(std::string_view(bytes).substr(0, size));
    EXPECT_TRUE(decoded.ok() || !decoded.error().message().empty());
  }
}

TEST(Protobuf, RefusesNonsense) {
  const std::string mark("k8s\0", 4);
  for (const std::string& bad : {std::string("{}"), mark + "\x12\x05" + "ab", mark + "\x0b",
                                 mark + std::string(20, '\xff'), mark + "\x02\x01x"})
    EXPECT_FALSE(decode_protobuf(bad).ok());
  // A ConfigMap whose metadata is a number.
  EXPECT_FALSE(decode_protobuf(mark + "\x0a\x0f\x0a\x02v1\x12\x09" + "ConfigMap\x12\x02\x08\x01").ok());
  const auto unknown = decode_protobuf(mark + "\x0a\x08\x0a\x02v1\x12\x02Xy\x12\x02\x0a\x61");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code(), Code::kUnsupported);
}

TEST(Protobuf, TakesJsonInTheEnvelope) {
  const std::string json = R"({"kind":"ConfigMap","apiVersion":"v1"})";
  const std::string body = std::string("k8s\0", 4) + "\x12" + static_cast<char>(json.size()) + json +
                           "\x22\x10" + "application/json";
  EXPECT_EQ(decode_protobuf(body).value()["kind"], "ConfigMap");
}

}  // namespace
}  // namespace minik::api
