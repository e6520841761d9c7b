#include "api/structural.h"

#include <gtest/gtest.h>

#include "api/custom_kind.h"
#include "api/definition.h"
#include "api/generation.h"
#include "base/text.h"

namespace minik::api {
namespace {

Json json(const char* text) { return parse_json(text).value(); }

// All causes as kubectl prints them.
std::string texts_of(const Causes& causes) {
  std::vector<std::string> texts;
  for (const auto& cause : causes) texts.push_back(cause.field + ": " + cause.message);
  return join(texts, "\n");
}

std::string validated(const char* schema, const char* value, const char* path) {
  Causes causes;
  validate_by_schema(json(schema), json(value), path, causes);
  return texts_of(causes);
}

TEST(Structural, SaysWhatIsWrongAsKubernetesDoes) {
  const struct {
    const char *schema, *value, *path, *wanted;
  } kCases[] = {
      {R"({"type":"integer","maximum":10})", "11", "spec.replicas",
       "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10"},
      {R"({"type":"integer","maximum":10})", "10", "spec.replicas", ""},
      {R"({"type":"integer","maximum":10,"exclusiveMaximum":true})", "10", "spec.n",
       "spec.n: Invalid value: 10: spec.n in body should be less than 10"},
      {R"({"type":"integer","minimum":1})", "0", "spec.n",
       "spec.n: Invalid value: 0: spec.n in body should be greater than or equal to 1"},
      {R"({"type":"number","multipleOf":0.5})", "0.75", "spec.n",
       "spec.n: Invalid value: 0.75: spec.n in body should be a multiple of 0.5"},
      {R"({"type":"number"})", "3", "spec.n", ""},
      {R"({"type":"integer"})", "3.0", "spec.n", ""},
      {R"({"type":"integer"})", "3.5", "spec.n",
       "spec.n: Invalid value: \"number\": spec.n in body must be of type integer: \"number\""},
      {R"({"type":"integer"})", R"("x")", "spec.replicas",
       "spec.replicas: Invalid value: \"string\": spec.replicas in body must be of type integer: \"string\""},
      {R"({"type":"string","enum":["small","large"]})", R"("x")", "spec.size",
       "spec.size: Unsupported value: \"x\": supported values: \"small\", \"large\""},
      {R"({"type":"object","required":["name"]})", "{}", "spec", "spec.name: Required value"},
      {R"({"type":"string","pattern":"^[a-z]+$"})", R"("X")", "spec.host",
       "spec.host: Invalid value: \"X\": spec.host in body should match '^[a-z]+$'"},
      {R"({"type":"string","minLength":3})", R"("ab")", "spec.s",
       "spec.s: Invalid value: \"ab\": spec.s in body should be at least 3 chars long"},
      {R"({"type":"string","maxLength":2})", R"("äöü")", "spec.s",
       "spec.s: Too long: may not be more than 2 bytes"},
      {R"({"type":"string","maxLength":3})", R"("äöü")", "spec.s", ""},
      {R"({"type":"array","minItems":1,"items":{"type":"string"}})", "[]", "spec.l",
       "spec.l: Invalid value: 0: spec.l in body should have at least 1 items"},
      {R"({"type":"array","maxItems":1,"items":{"type":"string"}})", R"(["a",2])", "spec.l",
       "spec.l: Too many: 2: must have at most 1 items\n"
       "spec.l[1]: Invalid value: \"integer\": spec.l[1] in body must be of type string: \"integer\""},
      {R"({"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}})", R"(["a","a"])",
       "spec.l", "spec.l[1]: Duplicate value: \"a\""},
      {R"({"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"]})",
       R"([{"k":"a"},{"k":"a","v":1}])", "spec.l", "spec.l[1]: Duplicate value: {\"k\":\"a\"}"},
      {R"({"x-kubernetes-int-or-string":true})", R"("50%")", "spec.p", ""},
      {R"({"x-kubernetes-int-or-string":true})", "true", "spec.p",
       "spec.p: Invalid value: \"boolean\": spec.p in body must be of type integer,string: \"boolean\""},
      {R"({"type":"string","nullable":true})", "null", "spec.s", ""},
      {R"({"type":"object","additionalProperties":{"type":"integer"}})", R"({"a":"b"})", "spec.m",
       "spec.m.a: Invalid value: \"string\": spec.m.a in body must be of type integer: \"string\""},
      {R"({"type":"object","maxProperties":1})", R"({"a":1,"b":2})", "spec.m",
       "spec.m: Too many: 2: must have at most 1 items"},
      {R"({"type":"string","format":"ipv4"})", R"("300.1.1.1")", "spec.ip",
       "spec.ip: Invalid value: \"300.1.1.1\": spec.ip in body must be of type ipv4: \"300.1.1.1\""},
      {R"({"type":"string","format":"date-time"})", R"("2026-01-01T00:00:00Z")", "spec.t", ""},
      {R"({"oneOf":[{"required":["a"]},{"required":["b"]}]})", R"({"a":1,"b":2})", "spec",
       "spec: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid "
       "alternatives"},
      {R"({"oneOf":[{"required":["a"]},{"required":["b"]}]})", "{}", "spec",
       "spec: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found none valid"},
      {R"({"anyOf":[{"required":["a"]}]})", "{}", "spec",
       "spec: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)"},
      {R"({"not":{"required":["a"]}})", R"({"a":1})", "spec",
       "spec: Invalid value: \"\": \"spec\" must not validate the schema (not)"},
  };
  for (const auto& c : kCases) EXPECT_EQ(validated(c.schema, c.value, c.path), c.wanted) << c.schema;
}

// What a backtracking engine would need ages or a huge stack for.
TEST(Structural, MatchesAnyPatternInBoundedTime) {
  const Json schema = {{"type", "string"}, {"pattern", "^(a+)+$"}};
  Causes causes;
  validate_by_schema(schema, std::string(200'000, 'a') + "!", "s", causes);
  EXPECT_EQ(causes.size(), 1U);
}

std::string checked(const char* schema) {
  Causes causes;
  check_structural(causes, json(schema), "s");
  return texts_of(causes);
}

TEST(Structural, ChecksSchemas) {
  EXPECT_EQ(checked(R"({"type":"object","properties":{"a":{}}})"),
            "s.properties[a].type: Required value: must not be empty for specified object fields");
  EXPECT_EQ(checked(R"({"type":"object","properties":7})"),
            "s.properties: Invalid value: 7: must be of type object");
  EXPECT_EQ(checked(R"({"type":"array"})"), "s.items: Required value: must be specified");
  EXPECT_EQ(checked(R"({"type":"array","items":{}})"),
            "s.items.type: Required value: must not be empty for specified array items");
  EXPECT_EQ(checked(R"({"type":"text"})"),
            "s.type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", "
            "\"number\", \"object\", \"string\"");
  EXPECT_EQ(checked(R"({"type":"string","pattern":"("})"),
            "s.pattern: Invalid value: \"(\": must be a valid regular expression, but isn't: missing ): (");
  EXPECT_EQ(
      checked(
          R"({"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"string"}})"),
      "s.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive");
  EXPECT_EQ(checked(R"({"type":"integer","default":"x"})"),
            "s.default: Invalid value: \"string\": s.default in body must be of type integer: \"string\"");
  EXPECT_EQ(checked(R"({"type":"object","properties":{"a":{"x-kubernetes-preserve-unknown-fields":true}}})"),
            "");
}

// A kind of one version with this schema.
Kind kind_with(const char* spec_schema) {
  Json definition = json(R"({"metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com",
    "scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},"versions":[{"name":"v1","served":true,
    "storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{}}}}]}})");
  definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = json(spec_schema);
  set_definition_status(Snapshot{}, definition, WallTime{});
  return kinds_of_definition(definition).at(0);
}

TEST(Structural, PrunesAndDefaults) {
  const Kind kind = kind_with(R"({"type":"object","properties":{
      "size":{"type":"string","default":"small"},
      "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
      "half":{"type":"object","x-kubernetes-preserve-unknown-fields":true,
              "properties":{"strict":{"type":"object"}}},
      "map":{"type":"object","additionalProperties":{"type":"object","properties":{"a":{"type":"integer"}}}},
      "list":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer","default":1}}}}}})");
  Json object = json(R"({"kind":"Widget","apiVersion":"example.com/v1","metadata":{"name":"w","bogus":1},
    "top":1,"spec":{"gone":1,"free":{"kept":{"x":1}},"half":{"kept":1,"strict":{"gone":1}},
    "map":{"k":{"a":1,"b":2}},"list":[{},{"n":2,"x":3}]}})");
  const auto found = take_unknown_fields(*kind.type, object);
  EXPECT_EQ(join(found, "\n"),
            "unknown field \"metadata.bogus\"\nunknown field \"spec.gone\"\n"
            "unknown field \"spec.half.strict.gone\"\nunknown field \"spec.list[1].x\"\n"
            "unknown field \"spec.map[k].b\"\nunknown field \"top\"");
  apply_defaults(*kind.type, object);
  EXPECT_EQ(object["spec"],
            json(R"({"size":"small","free":{"kept":{"x":1}},"half":{"kept":1,"strict":{}},"map":{"k":{"a":1}},
                     "list":[{"n":1},{"n":2}]})"));
}

TEST(Structural, ComparesGenerations) {
  Kind kind = kind_with(R"({"type":"object","x-kubernetes-preserve-unknown-fields":true})");
  const Json before = json(R"({"metadata":{"a":1,"generation":4},"spec":{"n":1},"data":1,"status":{"n":1}})");
  const auto changes = [&](const char* pointer) {
    Json after = before;
    after[Json::json_pointer(pointer)] = 7;
    set_generation(kind, after, &before);
    return after["metadata"]["generation"] == 5;
  };
  EXPECT_FALSE(changes("/metadata/a"));
  EXPECT_TRUE(changes("/spec/n"));
  EXPECT_TRUE(changes("/data"));
  EXPECT_TRUE(changes("/status/n"));
  kind.subresources = {"status"};
  EXPECT_FALSE(changes("/status/n"));
}

}  // namespace
}  // namespace minik::api
