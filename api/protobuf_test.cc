// The decoder against objects that Kubernetes' own serializer wrote (testdata/protobuf/README.md).
#include "api/protobuf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

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
  ASSERT_GT(all.size(), 100u);
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

std::string envelope(const std::string& api_version, const std::string& kind, const std::string& raw) {
  const auto field = [](char number, const std::string& bytes) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
  };
  return std::string("k8s\0", 4) + field(1, field(1, api_version) + field(2, kind)) + field(2, raw);
}

std::string refusal(const std::string& api_version, const std::string& kind, const std::string& raw) {
  const auto decoded = decode_protobuf(envelope(api_version, kind, raw));
  return decoded.ok() ? decoded->dump() : decoded.error().message();
}

// Types of the schema that stand for several of Kubernetes', not all of which have the field.
const std::set<std::pair<std::string, std::string>> kShared = {
    {"Condition", "lastHeartbeatTime"}, {"Condition", "observedGeneration"}, {"Condition", "lastUpdateTime"},
    {"Condition", "lastProbeTime"},     {"ResourceRequirements", "claims"},  {"Endpoint", "zone"},
    {"Endpoint", "deprecatedTopology"},
};

// Every field that the schema has below `type` is in the object that has every field.
void expect_all(const StructType& type, const Json& value, const std::string& path,
                std::vector<const StructType*> within) {
  if (std::find(within.begin(), within.end(), &type) != within.end()) return;
  within.push_back(&type);
  for (const Field& field : type.fields) {
    const std::string at = path + "." + field.name;
    if (kShared.contains({type.name, field.name})) continue;
    if (!value.contains(field.name)) {
      ADD_FAILURE() << at << " has no protobuf number";
      continue;
    }
    const Type* inner = &field.type;
    const Json* member = &value[field.name];
    while (inner->element && !member->empty()) {
      inner = inner->element.get();
      member = &*member->begin();
    }
    if (inner->kind == Type::Kind::kStruct) expect_all(*inner->of, *member, at, within);
  }
}

TEST(Protobuf, EveryFieldOfEveryKindHasANumber) {
  std::map<std::string, Json> full;
  for (const Json& object : objects()) {
    if (!object["name"].get<std::string>().ends_with("_empty")) {
      const Json& json = object["json"];
      full[json["apiVersion"].get<std::string>() + " " + json["kind"].get<std::string>()] = json;
    }
  }
  for (const Kind& kind : Schema::builtin().kinds()) {
    const std::string name = kind.api_version() + " " + kind.kind;
    // Of the versions that are only served, those that clients send as protobuf are there.
    if (kind.stored != nullptr && !full.contains(name)) continue;
    ASSERT_TRUE(full.contains(name)) << name << " has no object in objects.jsonl";
    expect_all(*kind.type, full[name], name, {});
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
  const auto unknown = decode_protobuf(envelope("v1", "Xy", std::string("\x0a\0", 2)));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code(), Code::kUnsupported);
}

TEST(Protobuf, TakesJsonInTheEnvelope) {
  const std::string json = R"({"kind":"ConfigMap","apiVersion":"v1"})";
  const std::string body = std::string("k8s\0", 4) + "\x12" + static_cast<char>(json.size()) + json +
                           "\x22\x10" + "application/json";
  EXPECT_EQ(decode_protobuf(body).value()["kind"], "ConfigMap");
}

TEST(Protobuf, TellsZeroFromUnset) {
  using namespace std::string_literals;
  // Deployment.spec: replicas is a pointer, minReadySeconds is none; the later value of a field counts.
  const auto spec = [](const std::string& bytes) {
    return decode_protobuf(envelope("apps/v1", "Deployment", "\x12"s + char(bytes.size()) + bytes))
        .value()["spec"];
  };
  EXPECT_EQ(spec("\x08\x00\x28\x00"s), Json::parse(R"({"replicas":0})"));
  EXPECT_EQ(spec("\x28\x05\x28\x00"s), Json::object());
  EXPECT_EQ(spec("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s), Json::parse(R"({"replicas":-1})"));
  // Two pieces of one message are one message; fields that nobody knows are passed over, of each wire type.
  EXPECT_EQ(spec("\x12\x04\x0a\x02\x0a\x00\x12\x02\x0a\x00"s)["selector"]["matchLabels"],
            Json::parse(R"({"":""})"));
  EXPECT_EQ(spec("\xf8\x07\x01\xfa\x07\x01x\xf9\x07"
                 "12345678"
                 "\xfd\x07"
                 "1234"s),
            Json::object());
}

TEST(Protobuf, RefusesValuesThatJsonCannotHold) {
  using namespace std::string_literals;
  // metadata.creationTimestamp in the year 10000 and with seconds that overflow every clock.
  EXPECT_NE(refusal("v1", "Pod", "\x0a\x09\x42\x07\x08\x80\xdc\xe9\xa0\xb0\x07"s).find("out of range"),
            std::string::npos);
  EXPECT_NE(
      refusal("v1", "Pod", "\x0a\x0c\x42\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s).find("out of range"),
      std::string::npos);
  // Its last second of 9999 is one.
  EXPECT_NE(refusal("v1", "Pod", "\x0a\x09\x42\x07\x08\xff\xdb\xe9\xa0\xaf\x07"s).find("T"),
            std::string::npos);
  // A name that is no UTF-8; a varint of 65 bits; a group; a label map whose key is a number.
  EXPECT_NE(refusal("v1", "Pod", "\x0a\x03\x0a\x01\xff"s).find("no UTF-8"), std::string::npos);
  EXPECT_NE(refusal("v1", "Pod", "\x0a\x0b\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s).find("64 bits"),
            std::string::npos);
  EXPECT_NE(refusal("v1", "Pod", "\x0b"s).find("wire type 3"), std::string::npos);
  EXPECT_NE(refusal("v1", "Pod", "\x0a\x04\x5a\x02\x08\x01"s).find("wrong wire type"), std::string::npos);
  // A port of a kind that is neither number nor string.
  EXPECT_NE(
      refusal("v1", "Service", "\x12\x06\x0a\x04\x22\x02\x08\x02"s).find("neither a number nor a string"),
      std::string::npos);
}

TEST(Protobuf, KnowsKindsByTheirWholeGroup) {
  for (const char* api_version : {"apps.example.com/v1", "apps/v2", "apps"}) {
    const auto decoded = decode_protobuf(envelope(api_version, "Deployment", ""));
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code(), Code::kUnsupported);
  }
}

TEST(Protobuf, EndsWhereSchemasNestTooDeep) {
  // CustomResourceDefinition.spec.versions.schema.openAPIV3Schema.not.not.not…
  const auto wrap = [](char tag, const std::string& inner) {
    std::string size;
    for (std::size_t left = inner.size();; left >>= 7) {
      size.push_back(static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
      if (left <= 0x7f) break;
    }
    return std::string(1, tag) + size + inner;
  };
  std::string schema;
  for (int depth = 0; depth < 5000; ++depth) schema = std::string(1, '\xe2') + wrap('\x01', schema);
  const std::string raw = wrap('\x12', wrap('\x3a', wrap('\x22', wrap('\x0a', schema))));
  const std::string meta =
      "\x0a\x17"
      "apiextensions.k8s.io/v1"
      "\x12\x18"
      "CustomResourceDefinition";
  const auto decoded = decode_protobuf(std::string("k8s\0", 4) + wrap('\x0a', meta) + wrap('\x12', raw));
  ASSERT_FALSE(decoded.ok());
  EXPECT_NE(decoded.error().message().find("nested too deep"), std::string::npos)
      << decoded.error().message();
}

}  // namespace
}  // namespace minik::api
