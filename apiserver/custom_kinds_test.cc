// Custom kinds through the handler: what a client sees of a definition and of its objects.
#include "apiserver/custom_kinds.h"

#include <gtest/gtest.h>

#include "api/custom_kind.h"
#include "api/definition.h"
#include "apiserver/handler.h"
#include "apiserver/no_pods.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

constexpr const char* kDefinition = R"(
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
      additionalPrinterColumns:
        - {name: Size, type: string, jsonPath: .spec.size}
        - {name: Count, type: integer, jsonPath: .spec.count, priority: 1}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-validations: [{rule: "self.count > 0"}]
              properties:
                size: {type: string, enum: [small, large], default: small}
                count: {type: integer, maximum: 10}
            status: {type: object, properties: {count: {type: integer}}}
    - name: v2
      served: true
      storage: false
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
)";
constexpr const char* kCrds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
constexpr const char* kWidgets = "/apis/example.com/v1/namespaces/default/widgets";
constexpr const char* kMerge = "application/merge-patch+json";

class CustomKindsTest : public ::testing::Test {
 protected:
  CustomKindsTest() { send("POST", "/api/v1/namespaces", "{metadata: {name: default}}"); }

  Response send(const std::string& method, const std::string& path, const std::string& yaml = "",
                const std::string& content_type = "application/json", const std::string& accept = "") {
    Request request;
    request.method = method;
    request.path = path;
    if (!yaml.empty()) request.body = to_text(parse_yaml(yaml).value().at(0));
    request.content_type = content_type;
    request.accept = accept;
    request.user = User{"admin", {"system:masters"}};
    return handler_.handle(request);
  }
  static Json body(const Response& response) { return parse_json(response.body).value(); }
  static std::string message(const Response& response) { return string_at(body(response), "message"); }
  static std::string widget(const std::string& spec) { return "{metadata: {name: web}, spec: " + spec + "}"; }
  void define() {
    const Response made = send("POST", kCrds, kDefinition);
    ASSERT_EQ(made.status, 201) << made.body;
  }

  FakeClock clock_;
  std::unique_ptr<Store> store_ = Store::open(std::make_unique<MemoryJournal>()).value();
  Registry registry_{*store_, clock_, {{Cidr::parse("10.96.0.0/24").value()}}};
  NoPods pods_;
  Handler handler_{HandlerParts{*store_, registry_, clock_, pods_, "test", [] { return ""; },
                                [](const Request&) { return Response{}; }, [](std::uint64_t) {}}};
};

TEST_F(CustomKindsTest, ServesAKindOnceItIsDefined) {
  EXPECT_EQ(send("GET", kWidgets).status, 404);
  const Response made = send("POST", kCrds, kDefinition);
  ASSERT_EQ(made.status, 201) << made.body;
  ASSERT_EQ(made.warnings.size(), 1U);
  EXPECT_NE(made.warnings[0].find("does not evaluate CEL rules"), std::string::npos);
  const Json definition = body(made);
  EXPECT_EQ(definition["spec"]["names"]["singular"], "widget");
  EXPECT_EQ(definition["spec"]["names"]["listKind"], "WidgetList");
  EXPECT_EQ(definition["spec"]["conversion"], (Json{{"strategy", "None"}}));
  EXPECT_EQ(definition["status"]["storedVersions"], Json::array({"v1"}));
  EXPECT_EQ(definition["status"]["conditions"][1]["type"], "Established");
  const Json list = body(send("GET", kWidgets));
  EXPECT_EQ(list["kind"], "WidgetList");
  const Json resources = body(send("GET", "/apis/example.com/v1"))["resources"];
  EXPECT_EQ(resources[0]["shortNames"], Json::array({"wd"}));
  EXPECT_EQ(body(send("GET", "/apis/example.com"))["preferredVersion"]["version"], "v2");
  const Json schemas = body(send("GET", "/openapi/v3/apis/example.com/v1"))["components"]["schemas"];
  EXPECT_EQ(schemas["Widget"]["properties"]["spec"]["properties"]["count"]["maximum"], 10);
}

TEST_F(CustomKindsTest, HoldsObjectsToTheSchema) {
  define();
  EXPECT_EQ(message(send("POST", kWidgets, widget("{count: 11}"))),
            "Widget.example.com \"web\" is invalid: spec.count: Invalid value: 11: spec.count in body should "
            "be less than or equal to 10");
  EXPECT_EQ(send("POST", kWidgets, widget("{count: text}")).status, 422);
  const Response made = send("POST", kWidgets, widget("{count: 3, bogus: 1}"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.warnings, std::vector<std::string>{"unknown field \"spec.bogus\""});
  EXPECT_EQ(body(made)["spec"], (Json{{"count", 3}, {"size", "small"}}));
  EXPECT_EQ(send("PATCH", std::string(kWidgets) + "/web", "{spec: {size: huge}}", kMerge).status, 422);
  EXPECT_EQ(send("PATCH", std::string(kWidgets) + "/web", "{spec: {size: large}}",
                 "application/strategic-merge-patch+json")
                .status,
            415);
  const Json other = body(send("GET", "/apis/example.com/v2/namespaces/default/widgets/web"));
  EXPECT_EQ(other["apiVersion"], "example.com/v2");
  EXPECT_EQ(other["spec"]["count"], 3);
}

TEST_F(CustomKindsTest, KeepsStatusApartAndScales) {
  define();
  const std::string web = std::string(kWidgets) + "/web";
  ASSERT_EQ(send("POST", kWidgets, "{metadata: {name: web}, spec: {count: 1}, status: {count: 9}}").status,
            201);
  EXPECT_FALSE(body(send("GET", web)).contains("status"));
  const Json with_status =
      body(send("PATCH", web + "/status", "{spec: {count: 5}, status: {count: 1}}", kMerge));
  EXPECT_EQ(with_status["spec"]["count"], 1);
  EXPECT_EQ(with_status["status"]["count"], 1);
  EXPECT_EQ(with_status["metadata"]["generation"], 1);
  EXPECT_EQ(send("PATCH", web + "/status", "{status: {count: text}}", kMerge).status, 422);
  const Json scale = body(send("PATCH", web + "/scale", "{spec: {replicas: 4}}", kMerge));
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 4);
  EXPECT_EQ(scale["status"]["replicas"], 1);
  EXPECT_EQ(body(send("GET", web))["metadata"]["generation"], 2);
  EXPECT_EQ(send("PATCH", web + "/scale", "{spec: {replicas: 40}}", kMerge).status, 422);
}

TEST_F(CustomKindsTest, PrintsColumns) {
  define();
  ASSERT_EQ(send("POST", kWidgets, widget("{count: 3}")).status, 201);
  const Json table = body(send("GET", kWidgets, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io"));
  EXPECT_EQ(table["rows"][0]["cells"], Json::array({"web", "small", 3}));
  EXPECT_EQ(table["columnDefinitions"][2]["priority"], 1);
}

TEST_F(CustomKindsTest, GivesANameOnlyOnce) {
  define();
  std::string second = kDefinition;
  second = replace_all(second, "{name: widgets.example.com}", "{name: gadgets.example.com}");
  second = replace_all(second, "plural: widgets", "plural: gadgets");
  const Json made = body(send("POST", kCrds, second));
  EXPECT_EQ(made["status"]["conditions"][0]["reason"], "SingularConflict");
  EXPECT_EQ(made["status"]["conditions"][1]["status"], "False");
  EXPECT_EQ(send("GET", "/apis/example.com/v1/gadgets").status, 404);
}

TEST_F(CustomKindsTest, MakesNothingNewWhileTheDefinitionGoes) {
  define();
  ASSERT_EQ(send("POST", kWidgets, widget("{}")).status, 201);
  const Json going = body(send("DELETE", std::string(kCrds) + "/widgets.example.com"));
  EXPECT_EQ(going["metadata"]["finalizers"], Json::array({"customresourcecleanup.apiextensions.k8s.io"}));
  const Response refused = send("POST", kWidgets, "{metadata: {name: late}}");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(message(refused), "create not allowed while custom resource definition is terminating");
  EXPECT_EQ(send("DELETE", std::string(kWidgets) + "/web").status, 200);
}

TEST_F(CustomKindsTest, ServesAgainAfterARestart) {
  define();
  const Registry other(*store_, clock_, {{Cidr::parse("10.96.0.0/24").value()}});
  EXPECT_NE(other.schema()->by_resource("example.com", "v1", "widgets"), nullptr);
  EXPECT_EQ(other.schema(), other.schema());
}

// A definition of one version of the kind.
std::string defined(const std::string& plural, const std::string& group, const std::string& kind,
                    const std::string& schema) {
  std::string out =
      R"({metadata: {name: PLURAL.GROUP, annotations: {api-approved.kubernetes.io: none}}, spec: {
    group: GROUP, scope: Namespaced, names: {plural: PLURAL, kind: KIND}, versions: [{name: v1, served: true,
    storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: SCHEMA}}}}]}})";
  out = replace_all(out, "PLURAL", plural);
  out = replace_all(out, "GROUP", group);
  out = replace_all(out, "KIND", kind);
  return replace_all(out, "SCHEMA", schema);
}

TEST_F(CustomKindsTest, ChangesObjectsWhoseSpecHasNoFields) {
  const struct {
    const char *schema, *before, *after;
  } kCases[] = {{"{type: object, x-kubernetes-preserve-unknown-fields: true}", "{x: 1}", "{x: 2}"},
                {"{type: object, additionalProperties: {type: string}}", "{x: a}", "{x: b}"},
                {"{type: array, items: {type: integer}}", "[1]", "[2]"},
                {"{type: string}", "a", "b"}};
  for (const auto& one : kCases) {
    ASSERT_EQ(send("POST", kCrds, defined("frees", "example.com", "Free", one.schema)).status, 201);
    const std::string frees = "/apis/example.com/v1/namespaces/default/frees";
    const auto free = [](const char* spec) {
      return std::string("{metadata: {name: a}, spec: ") + spec + "}";
    };
    ASSERT_EQ(send("POST", frees, free(one.before)).status, 201) << one.schema;
    const Response changed = send("PATCH", frees + "/a", free(one.after), kMerge);
    ASSERT_EQ(changed.status, 200) << changed.body;
    EXPECT_EQ(body(changed)["spec"], parse_yaml(one.after).value().at(0)) << one.schema;
    EXPECT_EQ(send("PUT", frees + "/a", free(one.before)).status, 200) << one.schema;
    EXPECT_EQ(send("DELETE", frees + "/a").status, 200);
    EXPECT_EQ(send("DELETE", std::string(kCrds) + "/frees.example.com").status, 200);
  }
}

TEST_F(CustomKindsTest, NeverTakesObjectsOfBuiltinKinds) {
  ASSERT_EQ(send("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
                 "{metadata: {name: mine}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}")
                .status,
            201);
  const std::string name = "ingresses.networking.k8s.io";
  const Json made =
      body(send("POST", kCrds, defined("ingresses", "networking.k8s.io", "Ingress", "{type: object}")));
  EXPECT_EQ(made["status"]["conditions"][0]["reason"], "PluralConflict");
  EXPECT_EQ(made["status"]["conditions"][1]["status"], "False");
  EXPECT_FALSE(api::owns_objects(made));
  Json claimed = made;  // By somebody who may write the status.
  claimed["status"]["conditions"][1]["status"] = "True";
  EXPECT_FALSE(api::owns_objects(claimed));
  EXPECT_TRUE(api::kinds_of_definition(claimed).empty());
  EXPECT_EQ(send("DELETE", std::string(kCrds) + "/" + name).status, 200);
  EXPECT_EQ(store_->snapshot()->find(api::kDefinitions, "", name), nullptr);
  EXPECT_NE(store_->snapshot()->find(name, "default", "mine"), nullptr);
}

TEST_F(CustomKindsTest, TreatsKindsByTheirGroupNotByTheirName) {
  const char* kFree = "{type: object, x-kubernetes-preserve-unknown-fields: true}";
  for (const char* kind : {"Service", "Pod", "Namespace", "PersistentVolume", "Binding"}) {
    const std::string plural = lower(kind) + "s";
    ASSERT_EQ(send("POST", kCrds, defined(plural, "example.com", kind, kFree)).status, 201);
    const std::string all = "/apis/example.com/v1/namespaces/default/" + plural;
    const Response made = send("POST", all, "{metadata: {name: 1.kube-system}, spec: {a: b}}");
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(body(made)["spec"], (Json{{"a", "b"}})) << kind;
    EXPECT_FALSE(body(made).contains("status")) << kind;
    EXPECT_EQ(send("GET", "/api/v1/namespaces/1.kube-system/serviceaccounts/default").status, 404);
    EXPECT_EQ(send("DELETE", all + "/1.kube-system").status, 200);
    EXPECT_EQ(send("GET", all + "/1.kube-system").status, 404) << kind;
  }
}

}  // namespace
}  // namespace minik::apiserver
