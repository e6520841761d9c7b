#include <gtest/gtest.h>

#include "api/patch.h"
#include "api/rules.h"
#include "api/schema.h"
#include "api/selector.h"
#include "api/service.h"
#include "api/snapshot.h"
#include "base/yaml.h"

namespace minik::api {
namespace {

Json yaml(std::string_view text) { return parse_yaml(text).value().at(0); }
const Kind& kind(std::string_view word) { return *Schema::builtin().by_word(word); }

std::vector<std::string> texts(const Causes& causes) {
  std::vector<std::string> out;
  for (const auto& cause : causes) out.push_back(cause.field + ": " + cause.message);
  return out;
}

Json service(std::string_view spec) {
  Json object = yaml("{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}}");
  object["spec"] = yaml(spec);
  apply_defaults(*kind("Service").type, object);
  default_object(kind("Service"), object);
  return object;
}

TEST(Schema, KnowsWordsAsKubectlTypesThem) {
  for (const char* word : {"pods", "pod", "po", "Pod"}) EXPECT_EQ(kind(word).kind, "Pod") << word;
  EXPECT_EQ(kind("deployments.apps").kind, "Deployment");
  EXPECT_EQ(kind("deploy").group_resource(), "deployments.apps");
  EXPECT_EQ(Schema::builtin().by_word("serviz"), nullptr);
}

TEST(Schema, EveryTypeHasADescriptionAndEveryFieldToo) {
  for (const auto& [name, type] : Schema::builtin().types()) {
    EXPECT_FALSE(type->description.empty()) << name;
    for (const Field& field : type->fields)
      EXPECT_FALSE(field.description.empty()) << name << "." << field.name;
  }
}

TEST(Schema, DefaultsReachEveryLevel) {
  Json pod = yaml(
      "{spec: {containers: [{name: a, image: x, ports: [{containerPort: 80}], readinessProbe: {tcpSocket: "
      "{port: 80}}}]}}");
  apply_defaults(*kind("Pod").type, pod);
  EXPECT_EQ(pod["spec"]["restartPolicy"], "Always");
  EXPECT_EQ(pod["spec"]["terminationGracePeriodSeconds"], 30);
  EXPECT_EQ(pod["spec"]["containers"][0]["ports"][0]["protocol"], "TCP");
  EXPECT_EQ(pod["spec"]["containers"][0]["readinessProbe"]["periodSeconds"], 10);
  EXPECT_FALSE(pod["spec"]["containers"][0].contains("livenessProbe"));
}

TEST(Schema, FindsUnknownFieldsByPath) {
  Json object = yaml(
      "{apiVersion: v1, kind: Service, metadata: {name: a, labls: {}}, spec: {bogus: 1, ports: [{port: 80, "
      "x: 1}]}}");
  EXPECT_EQ(take_unknown_fields(*kind("Service").type, object),
            (std::vector<std::string>{"unknown field \"metadata.labls\"", "unknown field \"spec.bogus\"",
                                      "unknown field \"spec.ports[0].x\""}));
  EXPECT_FALSE(object["spec"].contains("bogus"));
}

TEST(Schema, NamesTheFieldOfAWrongType) {
  const auto wrong = check_types(kind("Service"), yaml("{spec: {ports: [{port: eighty}]}}"));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message(),
            "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32");
  EXPECT_FALSE(check_types(kind("Service"), yaml("{spec: {ports: [{port: 99999999999}]}}")).ok());
  EXPECT_FALSE(check_types(kind("Service"), yaml("{spec: []}")).ok());
  EXPECT_FALSE(check_types(kind("ConfigMap"), yaml("{data: {a: 1}}")).ok());
  EXPECT_TRUE(
      check_types(kind("Service"), yaml("{spec: {ports: [{port: 80, targetPort: http}], selector: ~}}"))
          .ok());
}

TEST(Rules, ServiceDefaults) {
  const Json made = service("{ports: [{port: 80}]}");
  EXPECT_EQ(made["spec"]["type"], "ClusterIP");
  EXPECT_EQ(made["spec"]["ports"][0]["targetPort"], 80);
  EXPECT_EQ(made["spec"]["internalTrafficPolicy"], "Cluster");
  EXPECT_FALSE(made["spec"].contains("externalTrafficPolicy"));
  EXPECT_EQ(service("{type: NodePort, ports: [{port: 80}]}")["spec"]["externalTrafficPolicy"], "Cluster");
}

TEST(Rules, ServiceRows) {
  struct Row {
    const char* spec;
    std::vector<std::string> wanted;
  };
  const std::vector<Row> rows = {
      {"{ports: [{port: 80}]}", {}},
      {"{selector: {a: b}}", {"spec.ports: Required value"}},
      {"{clusterIP: None}", {}},
      {"{ports: [{port: 0}]}",
       {"spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"}},
      {"{ports: [{port: 80}, {port: 81}]}",
       {"spec.ports[0].name: Required value", "spec.ports[1].name: Required value"}},
      {"{ports: [{name: a, port: 80}, {name: a, port: 81}]}", {"spec.ports[1].name: Duplicate value: \"a\""}},
      {"{ports: [{name: a, port: 80}, {name: b, port: 80}]}",
       {"spec.ports[1]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}"}},
      {"{ports: [{port: 80, protocol: X}]}",
       {"spec.ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\""}},
      {"{ports: [{port: 80, nodePort: 30080}]}",
       {"spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"}},
      {"{type: NodePort, clusterIP: None, ports: [{port: 80}]}",
       {"spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"}},
      {"{type: ExternalName}", {"spec.externalName: Required value"}},
      {"{ports: [{port: 80, targetPort: a_b}]}",
       {"spec.ports[0].targetPort: Invalid value: \"a_b\": must contain only alpha-numeric characters (a-z, "
        "0-9), and hyphens (-)"}},
      {"{ports: [{port: 80}], clusterIP: x}",
       {"spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or "
        "2001:db8::ffff)"}},
  };
  for (const Row& row : rows)
    EXPECT_EQ(texts(validate_create(kind("Service"), service(row.spec))), row.wanted) << row.spec;
}

TEST(Rules, NamesAndSelectors) {
  Json object = service("{ports: [{port: 80}]}");
  object["metadata"]["name"] = "1web";
  EXPECT_EQ(texts(validate_create(kind("Service"), object)).size(), 1U);
  Json deployment = yaml(
      "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, "
      "template: {metadata: {labels: "
      "{a: c}}, spec: {containers: [{name: c, image: i}]}}}}");
  const auto found = texts(validate_create(kind("Deployment"), deployment));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0],
            "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template "
            "`labels`");
}

TEST(Rules, WhatAnUpdateMayNotChange) {
  const Json old = service("{ports: [{port: 80}], clusterIP: 10.96.0.5}");
  const Json moved = service("{ports: [{port: 80}], clusterIP: 10.96.0.6}");
  EXPECT_EQ(texts(validate_update(kind("Service"), moved, old)),
            (std::vector<std::string>{
                "spec.clusterIPs[0]: Invalid value: [\"10.96.0.6\"]: may not change once set"}));
  const Json pod = yaml("{metadata: {name: p}, spec: {containers: [{name: c, image: a}]}}");
  Json image = pod, command = pod;
  image["spec"]["containers"][0]["image"] = "b";
  command["spec"]["containers"][0]["command"] = {"x"};
  EXPECT_TRUE(validate_update(kind("Pod"), image, pod).empty());
  EXPECT_FALSE(validate_update(kind("Pod"), command, pod).empty());
}

TEST(Rules, OneMistakeOrMany) {
  EXPECT_EQ(invalid("Service", "bad", {{"FieldValueRequired", "spec.ports", "Required value"}}).message(),
            "Service \"bad\" is invalid: spec.ports: Required value");
  EXPECT_EQ(invalid("Service", "bad", {{"", "a", "x"}, {"", "b", "y"}}).message(),
            "Service \"bad\" is invalid: [a: x, b: y]");
}

TEST(Patch, StrategicMergeRows) {
  struct Row {
    const char *target, *patch, *wanted;
  };
  const std::vector<Row> rows = {
      // Lists merge by their key.
      {"{spec: {ports: [{port: 80, name: a}, {port: 81}]}}",
       "{spec: {ports: [{port: 80, name: b}, {port: 82}]}}",
       "{spec: {ports: [{port: 80, name: b}, {port: 81}, {port: 82}]}}"},
      {"{spec: {ports: [{port: 80}, {port: 81}]}}", "{spec: {ports: [{$patch: delete, port: 80}]}}",
       "{spec: {ports: [{port: 81}]}}"},
      {"{spec: {ports: [{port: 80}, {port: 81}]}}", "{spec: {ports: [{port: 1}, {$patch: replace}]}}",
       "{spec: {ports: [{port: 1}]}}"},
      // Order of the merged list.
      {"{spec: {ports: [{port: 1}, {port: 2}]}}",
       "{spec: {$setElementOrder/ports: [{port: 2}, {port: 3}, {port: 1}], ports: [{port: 3}]}}",
       "{spec: {ports: [{port: 2}, {port: 3}, {port: 1}]}}"},
      // Maps merge, null deletes, $patch replaces.
      {"{spec: {selector: {a: b, c: d}}}", "{spec: {selector: {a: ~, e: f}}}",
       "{spec: {selector: {c: d, e: f}}}"},
      {"{spec: {selector: {a: b}}}", "{spec: {selector: {$patch: replace, e: f}}}",
       "{spec: {selector: {e: f}}}"},
      // Atomic lists are replaced, primitive merge lists united.
      {"{spec: {externalIPs: [1.1.1.1]}}", "{spec: {externalIPs: [2.2.2.2]}}",
       "{spec: {externalIPs: [2.2.2.2]}}"},
      {"{metadata: {finalizers: [a, b]}}", "{metadata: {finalizers: [b, c]}}",
       "{metadata: {finalizers: [a, b, c]}}"},
      {"{metadata: {finalizers: [a, b]}}", "{metadata: {$deleteFromPrimitiveList/finalizers: [a]}}",
       "{metadata: {finalizers: [b]}}"},
  };
  for (const Row& row : rows) {
    const auto patched = strategic_patch(*kind("Service").type, yaml(row.target), yaml(row.patch));
    ASSERT_TRUE(patched.ok()) << row.patch << ": " << patched.error().message();
    EXPECT_EQ(*patched, yaml(row.wanted)) << row.patch;
  }
  EXPECT_FALSE(strategic_patch(*kind("Service").type, yaml("{}"), yaml("{spec: {ports: [{name: x}]}}")).ok());
}

TEST(Patch, MergeAndJsonPatch) {
  EXPECT_EQ(merge_patch(yaml("{a: {b: 1, c: 2}, d: [1]}"), yaml("{a: {b: ~}, d: [2]}")),
            yaml("{a: {c: 2}, d: [2]}"));
  EXPECT_EQ(*json_patch(yaml("{a: 1}"), yaml("[{op: replace, path: /a, value: 2}]")), yaml("{a: 2}"));
  const auto failed = json_patch(yaml("{a: 1}"), yaml("[{op: test, path: /a, value: 2}]"));
  ASSERT_FALSE(failed.ok());
  EXPECT_FALSE(failed.error().causes().empty());
  EXPECT_FALSE(json_patch(yaml("{a: 1}"), yaml("[{op: remove, path: /b}]")).ok());
}

TEST(Patch, ThreeWayApplyKeepsWhatOthersSet) {
  const auto& type = *kind("Service").type;
  const Json last = yaml("{spec: {selector: {a: b, old: x}, ports: [{port: 80}, {port: 81}]}}");
  const Json wanted = yaml("{spec: {selector: {a: b}, ports: [{port: 80, name: http}]}}");
  const Json live = yaml(
      "{spec: {clusterIP: 10.96.0.5, selector: {a: b, old: x, other: y}, ports: [{port: 80, targetPort: 80}, "
      "{port: 81}, {port: 82}]}}");
  EXPECT_EQ(apply_three_way(type, last, wanted, live),
            yaml("{spec: {clusterIP: 10.96.0.5, selector: {a: b, other: y}, ports: [{port: 80, targetPort: "
                 "80, name: http}, {port: 82}]}}"));
}

TEST(Selector, Rows) {
  const Labels labels = {{"app", "web"}, {"size", "5"}, {"tier", "front"}};
  for (const auto& [text, matches] : std::vector<std::pair<const char*, bool>>{{"", true},
                                                                               {"app=web", true},
                                                                               {"app==web,tier", true},
                                                                               {"app!=web", false},
                                                                               {"none!=x", true},
                                                                               {"app in (db, web)", true},
                                                                               {"app notin (web)", false},
                                                                               {"none notin (x)", true},
                                                                               {"!none", true},
                                                                               {"!app", false},
                                                                               {"tier=back", false},
                                                                               {"size>4", true},
                                                                               {"size<4,app", false},
                                                                               {"app>1", false},
                                                                               {" app in ( ,web ) ", true},
                                                                               {"in=in,!notin", false},
                                                                               {"app=,none", false}}) {
    const auto selector = LabelSelector::parse(text);
    ASSERT_TRUE(selector.ok()) << text;
    EXPECT_EQ(selector->matches(labels), matches) << text;
  }
  for (const auto& [bad, words] : std::vector<std::pair<const char*, const char*>>{
           {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
           {"a in b", "unable to parse requirement: found 'b', expected: '('"},
           {"a in (b", "unable to parse requirement: found '', expected: ',', ')' or identifier"},
           {"a in ()",
            "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, "
            "values set can't be empty"},
           {"a=b c", "found 'c', expected: ',' or 'end of string'"},
           {"a=b=c,", "found '=', expected: ',' or 'end of string'"},
           {"a,", "found '', expected: identifier after ','"},
           {",", "found ',', expected: !, identifier, or 'end of string'"},
           {"a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the "
            "value must be an integer"},
           {"!", "unable to parse requirement: found '', expected: identifier"}}) {
    const auto selector = LabelSelector::parse(bad);
    ASSERT_FALSE(selector.ok()) << bad;
    EXPECT_EQ(selector.error().message(), words) << bad;
  }
  const auto terms =
      parse_field_selector("metadata.name=a\\,b,status.phase!=Failed,involvedObject.namespace=");
  ASSERT_TRUE(terms.ok());
  EXPECT_EQ((*terms)[0].value, "a,b");
  EXPECT_TRUE((*terms)[1].negate);
  EXPECT_EQ((*terms)[2].value, "");
  EXPECT_FALSE(parse_field_selector("nonsense").ok());
}

TEST(Snapshot, IsAValueThatSharesStructure) {
  const auto object = [](const std::string& name, std::uint64_t revision) {
    return std::make_shared<Object>("configmaps", revision,
                                    Json{{"metadata", {{"name", name}, {"namespace", "n"}, {"uid", name}}}});
  };
  Snapshot first;
  for (int i = 0; i < 300; ++i) first.put(object("cm-" + std::to_string(i), 1));
  Snapshot second = first;
  second.put(object("cm-7", 2));
  second.remove({"configmaps", "n", "cm-8"});
  second.put(object("new", 3));
  EXPECT_EQ(first.find("configmaps", "n", "cm-7")->revision(), 1U);
  EXPECT_NE(first.find("configmaps", "n", "cm-8"), nullptr);
  std::map<std::string, std::pair<bool, bool>> changes;
  Snapshot::diff(&first, second, "configmaps", [&](const ObjectPtr& before, const ObjectPtr& after) {
    changes[(after != nullptr ? after : before)->name()] = {before != nullptr, after != nullptr};
  });
  EXPECT_EQ(changes, (std::map<std::string, std::pair<bool, bool>>{
                         {"cm-7", {true, true}}, {"cm-8", {true, false}}, {"new", {false, true}}}));
  EXPECT_TRUE(Snapshot::same(&first, second, "pods"));
  EXPECT_FALSE(Snapshot::same(&first, second, "configmaps"));
}

}  // namespace
}  // namespace minik::api
