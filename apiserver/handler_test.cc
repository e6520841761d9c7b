// Requests against a server without sockets: what clients see.
#include "apiserver/handler.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "apiserver/no_pods.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

// Logs that say which container they are of.
class Logs final : public NoPods {
 public:
  Result<> logs(const api::Object&, const LogQuery& query,
                const std::function<bool(std::string_view)>& sink) override {
    if (query.container == "absent") return Error(Code::kInvalid, "container absent is not valid for pod p");
    sink("line of " + query.container + "\n");
    return {};
  }
};

class HandlerTest : public ::testing::Test {
 protected:
  HandlerTest() {
    for (const char* name : {"default", "other"})
      send("POST", "/api/v1/namespaces", "{metadata: {name: " + std::string(name) + "}}");
  }

  Response send(const std::string& method, const std::string& target, const std::string& yaml_body = "",
                const std::string& content_type = "application/json", const std::string& accept = "") {
    Request request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (const auto at = target.find('?'); at != std::string::npos) {
      for (const auto& pair : split(target.substr(at + 1), '&'))
        request.query.emplace(pair.substr(0, pair.find('=')),
                              percent_decode(pair.substr(pair.find('=') + 1), true));
    }
    if (!yaml_body.empty()) request.body = to_text(parse_yaml(yaml_body).value().at(0));
    request.content_type = content_type;
    request.accept = accept;
    request.user = User{"admin", {"system:masters"}};
    return handler_.handle(request);
  }
  static Json body(const Response& response) { return parse_json(response.body).value(); }
  Response make_service(const std::string& name, const std::string& spec = "{ports: [{port: 80}]}") {
    return send("POST", "/api/v1/namespaces/default/services",
                "{metadata: {name: " + name + "}, spec: " + spec + "}");
  }
  // Reads a watch until `count` lines came, or a second passed.
  static std::vector<Json> read_watch(Response response, std::size_t count) {
    std::vector<Json> lines;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    response.stream([&](std::string_view piece) {
      for (const auto& line : split(trim(piece), '\n')) {
        if (!line.empty() && lines.size() < count) lines.push_back(parse_json(line).value());
      }
      return lines.size() < count && std::chrono::steady_clock::now() < end;
    });
    return lines;
  }

  FakeClock clock_;
  std::unique_ptr<Store> store_ = Store::open(std::make_unique<MemoryJournal>()).value();
  Registry registry_{*store_, clock_, {{Cidr::parse("10.96.0.0/24").value()}}};
  Logs pods_;
  Handler handler_{{*store_, registry_, clock_, pods_, "test", [] { return ""; },
                    [](const Request&) { return Response{}; }, [](std::uint64_t) {}}};
};

TEST_F(HandlerTest, CreatesReadsAndDeletes) {
  const Response made = make_service("web");
  ASSERT_EQ(made.status, 201) << made.body;
  const Json service = body(made);
  EXPECT_EQ(service["spec"]["clusterIPs"][0], service["spec"]["clusterIP"]);
  EXPECT_TRUE(
      Cidr::parse("10.96.0.0/24")->contains(*Ip::parse(service["spec"]["clusterIP"].get<std::string>())));
  EXPECT_FALSE(service["metadata"].contains("generation"));  // As in the reference.
  EXPECT_FALSE(service["metadata"]["uid"].get<std::string>().empty());
  EXPECT_EQ(body(send("GET", "/api/v1/namespaces/default/services/web")), service);
  const Response again = make_service("web");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(body(again)["message"], "services \"web\" already exists");
  const Json gone = body(send("DELETE", "/api/v1/namespaces/default/services/web"));
  EXPECT_EQ(gone["status"], "Success");
  EXPECT_EQ(gone["details"]["uid"], service["metadata"]["uid"]);
  const Response missing = send("GET", "/api/v1/namespaces/default/services/web");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(body(missing)["message"], "services \"web\" not found");
  EXPECT_EQ(body(missing)["details"]["kind"], "services");
}

TEST_F(HandlerTest, ClusterIpsAreLeasesThatTransactionsUndo) {
  EXPECT_EQ(make_service("a", "{clusterIP: 10.96.0.20, ports: [{port: 80}]}").status, 201);
  const Json taken = body(make_service("b", "{clusterIP: 10.96.0.20, ports: [{port: 80}]}"));
  EXPECT_EQ(taken["code"], 422);
  EXPECT_EQ(taken["details"]["causes"][0]["field"], "spec.clusterIPs");
  EXPECT_NE(taken["message"].get<std::string>().find("provided IP is already allocated"), std::string::npos);
  const Json outside = body(make_service("b", "{clusterIP: 10.97.0.20, ports: [{port: 80}]}"));
  EXPECT_NE(outside["message"].get<std::string>().find("The range of valid IPs is 10.96.0.0/24"),
            std::string::npos);
  // A dry run allocates nothing.
  EXPECT_EQ(send("POST", "/api/v1/namespaces/default/services?dryRun=All",
                 "{metadata: {name: d}, spec: {clusterIP: 10.96.0.21, ports: [{port: 80}]}}")
                .status,
            201);
  EXPECT_EQ(make_service("e", "{clusterIP: 10.96.0.21, ports: [{port: 80}]}").status, 201);
  EXPECT_EQ(send("GET", "/api/v1/namespaces/default/services/d").status, 404);
  send("DELETE", "/api/v1/namespaces/default/services/a");
  EXPECT_EQ(make_service("b", "{clusterIP: 10.96.0.20, ports: [{port: 80}]}").status, 201);
}

TEST_F(HandlerTest, ARangeGetsFullAndFreesAgain) {
  int made = 0;
  while (make_service("s" + std::to_string(made)).status == 201) ++made;
  EXPECT_EQ(made, 254);  // /24 without network and broadcast.
  EXPECT_NE(make_service("x").body.find("range is full"), std::string::npos);
  send("DELETE", "/api/v1/namespaces/default/services/s7");
  EXPECT_EQ(make_service("x").status, 201);
}

TEST_F(HandlerTest, NodePortsAreTakenForAllProtocols) {
  const Json both = body(make_service(
      "a", "{type: NodePort, ports: [{name: t, port: 80}, {name: u, port: 80, protocol: UDP}]}"));
  EXPECT_EQ(both["spec"]["ports"][0]["nodePort"], both["spec"]["ports"][1]["nodePort"]);
  const std::string port = std::to_string(both["spec"]["ports"][0]["nodePort"].get<int>());
  EXPECT_NE(make_service("b", "{type: NodePort, ports: [{port: 90, nodePort: " + port + "}]}")
                .body.find("provided port is already allocated"),
            std::string::npos);
  const Json back = body(send("PATCH", "/api/v1/namespaces/default/services/a", "{spec: {type: ClusterIP}}",
                              "application/merge-patch+json"));
  EXPECT_FALSE(back["spec"]["ports"][0].contains("nodePort")) << back;
  EXPECT_EQ(make_service("b", "{type: NodePort, ports: [{port: 90, nodePort: " + port + "}]}").status, 201);
}

TEST_F(HandlerTest, UpdatesKeepWhatTheServerOwns) {
  Json service = body(make_service("web"));
  Json without = service;
  without["spec"].erase("clusterIP");
  without["spec"].erase("clusterIPs");
  without["metadata"].erase("resourceVersion");
  without["metadata"]["uid"] = "";
  without["spec"]["ports"][0]["port"] = 81;
  const Json replaced = body(send("PUT", "/api/v1/namespaces/default/services/web", to_text(without)));
  EXPECT_EQ(replaced["spec"]["clusterIP"], service["spec"]["clusterIP"]);
  EXPECT_EQ(replaced["metadata"]["uid"], service["metadata"]["uid"]);
  // A stale revision conflicts; a change of nothing changes nothing.
  const Response stale = send("PUT", "/api/v1/namespaces/default/services/web", to_text(service));
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(body(stale)["reason"], "Conflict");
  EXPECT_EQ(body(send("PUT", "/api/v1/namespaces/default/services/web", to_text(replaced))), replaced);
  const Json moved = body(send("PATCH", "/api/v1/namespaces/default/services/web",
                               "{spec: {clusterIP: 10.96.0.77}}", "application/merge-patch+json"));
  EXPECT_EQ(moved["message"],
            "Service \"web\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.77\"]: may not change "
            "once set");
}

TEST_F(HandlerTest, FieldValidationModes) {
  const std::string bad = "{metadata: {name: a}, data: {k: v}, bogus: 1}";
  const Response strict = send("POST", "/api/v1/namespaces/default/configmaps?fieldValidation=Strict", bad);
  EXPECT_EQ(strict.status, 400);
  EXPECT_EQ(body(strict)["message"],
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown "
            "field \"bogus\"");
  const Response warn = send("POST", "/api/v1/namespaces/default/configmaps?fieldValidation=Warn", bad);
  EXPECT_EQ(warn.status, 201);
  EXPECT_EQ(warn.warnings, std::vector<std::string>{"unknown field \"bogus\""});
  EXPECT_FALSE(body(warn).contains("bogus"));
  EXPECT_TRUE(send("POST", "/api/v1/namespaces/default/configmaps?fieldValidation=Ignore",
                   "{metadata: {name: b}, bogus: 1}")
                  .warnings.empty());
}

TEST_F(HandlerTest, RefusesNonsenseAndStoresNothing) {
  const std::uint64_t before = store_->snapshot()->revision();
  const std::string services = "/api/v1/namespaces/default/services";
  EXPECT_EQ(send("POST", services, "{kind: Pod, metadata: {name: a}}").status, 400);
  EXPECT_EQ(
      send("POST", services, "{metadata: {name: a, namespace: other}, spec: {ports: [{port: 1}]}}").status,
      400);
  EXPECT_EQ(send("POST", services, "{metadata: {name: a}, spec: {ports: [{port: x}]}}").status, 400);
  EXPECT_EQ(send("POST", services, "{spec: {ports: [{port: 1}]}}").status, 422);
  EXPECT_EQ(send("POST", services + "?dryRun=Some", "{metadata: {name: a}}").status, 422);
  EXPECT_EQ(
      send("POST", "/api/v1/namespaces/nowhere/services", "{metadata: {name: a}, spec: {ports: [{port: 1}]}}")
          .status,
      404);
  EXPECT_EQ(send("POST", services, "{metadata: {name: a}}", "application/cbor").status, 415);
  EXPECT_EQ(send("GET", "/apis/none/v1/things").status, 404);
  EXPECT_EQ(send("BREW", services).status, 405);
  EXPECT_EQ(send("GET", services + "?labelSelector=%2C").status, 400);
  EXPECT_EQ(send("GET", services + "?fieldSelector=spec.bogus=1").status, 400);
  EXPECT_EQ(body(send("GET", services + "?fieldSelector=spec.bogus=1"))["message"],
            "field label not supported: spec.bogus");
  EXPECT_EQ(send("GET", services + "?resourceVersion=x").status, 400);
  EXPECT_EQ(send("GET", services + "?resourceVersion=99999").status, 504);
  EXPECT_EQ(send("GET", services + "?continue=x").status, 400);
  EXPECT_EQ(send("GET", services + "?watch=true&resourceVersion=x").status, 400);
  EXPECT_EQ(send("PATCH", services + "/a", "{}", "application/what").status, 415);
  EXPECT_EQ(send("DELETE", services + "?propagationPolicy=Sideways").status, 400);
  EXPECT_EQ(store_->snapshot()->revision(), before);
}

TEST_F(HandlerTest, OnlyAdministratorsPass) {
  Request request;
  request.method = "GET";
  request.path = "/api/v1/pods";
  EXPECT_EQ(handler_.handle(request).status, 401);
  request.user = User{"somebody", {"nobody"}};
  const Response forbidden = handler_.handle(request);
  EXPECT_EQ(forbidden.status, 403);
  EXPECT_EQ(body(forbidden)["message"],
            "pods is forbidden: User \"somebody\" cannot list resource \"pods\" in API group \"\" at the "
            "cluster scope");
  request.user.reset();
  for (const char* open : {"/livez", "/readyz", "/version"}) {
    request.path = open;
    EXPECT_EQ(handler_.handle(request).status, 200) << open;
  }
}

TEST_F(HandlerTest, ListsInPagesFromOneSnapshot) {
  for (int i = 0; i < 5; ++i)
    send("POST", "/api/v1/namespaces/default/configmaps", "{metadata: {name: cm-" + std::to_string(i) + "}}");
  const Json first = body(send("GET", "/api/v1/namespaces/default/configmaps?limit=2"));
  EXPECT_EQ(first["items"].size(), 2U);
  EXPECT_EQ(first["metadata"]["remainingItemCount"], 3);
  send("DELETE", "/api/v1/namespaces/default/configmaps/cm-4");
  const std::string token = percent_encode(first["metadata"]["continue"].get<std::string>());
  const Json second = body(send("GET", "/api/v1/namespaces/default/configmaps?limit=10&continue=" + token));
  ASSERT_EQ(second["items"].size(), 3U);  // cm-4 was there when the list began.
  EXPECT_EQ(second["items"][2]["metadata"]["name"], "cm-4");
  EXPECT_EQ(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
}

TEST_F(HandlerTest, TablesSayWhatKubectlPrints) {
  make_service(
      "web",
      "{clusterIP: 10.96.0.30, type: NodePort, ports: [{port: 80, nodePort: 30080}], selector: {app: web}}");
  clock_.advance(Millis(200'000));
  const Json table = body(send("GET", "/api/v1/namespaces/default/services", "", "",
                               "application/json;as=Table;v=v1;g=meta.k8s.io"));
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["columnDefinitions"][4]["name"], "Port(s)");
  EXPECT_EQ(table["rows"][0]["cells"],
            (Json{"web", "NodePort", "10.96.0.30", "<none>", "80:30080/TCP", "3m20s", "app=web"}));
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

TEST_F(HandlerTest, WatchFollowsSelectionsAndBookmarks) {
  send("POST", "/api/v1/namespaces/default/configmaps", "{metadata: {name: a, labels: {in: 'yes'}}}");
  const auto list = body(send("GET", "/api/v1/namespaces/default/configmaps"));
  const std::string revision = list["metadata"]["resourceVersion"];
  const std::string base = "/api/v1/namespaces/default/configmaps";
  const Response watch = send("GET", base + "?watch=true&labelSelector=in%3Dyes&resourceVersion=" + revision);
  send("PATCH", base + "/a", "{metadata: {labels: {in: 'no'}}}", "application/merge-patch+json");
  send("PATCH", base + "/a", "{metadata: {labels: {in: 'yes'}}}", "application/merge-patch+json");
  send("PATCH", base + "/a", "{data: {k: v}}", "application/merge-patch+json");
  send("POST", base, "{metadata: {name: b}}");
  send("DELETE", base + "/a");
  const auto lines = read_watch(watch, 4);
  ASSERT_EQ(lines.size(), 4U);
  std::vector<std::string> types;
  for (const Json& line : lines) types.push_back(line["type"]);
  EXPECT_EQ(types, (std::vector<std::string>{"DELETED", "ADDED", "MODIFIED", "DELETED"}));
  EXPECT_EQ(lines[0]["object"]["kind"], "ConfigMap");
  const auto initial =
      read_watch(send("GET", base + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                                    "allowWatchBookmarks=true"),
                 2);
  EXPECT_EQ(initial[0]["object"]["metadata"]["name"], "b");
  EXPECT_EQ(initial[1]["type"], "BOOKMARK");
  EXPECT_EQ(initial[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

TEST_F(HandlerTest, PodsGoGracefully) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  send("POST", pods, "{metadata: {name: p}, spec: {containers: [{name: c, image: host}]}}");
  // Without a node nobody runs it: gone at once.
  EXPECT_EQ(body(send("DELETE", pods + "/p"))["status"], "Success");
  send("POST", pods,
       "{metadata: {name: p, finalizers: [a.b/c]}, spec: {nodeName: node-1, containers: [{name: c, image: "
       "host}]}}");
  const Json going = body(send("DELETE", pods + "/p"));
  EXPECT_EQ(going["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_TRUE(going["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(
      body(send("DELETE", pods + "/p", "{gracePeriodSeconds: 60}"))["metadata"]["deletionGracePeriodSeconds"],
      30);
  EXPECT_EQ(
      body(send("DELETE", pods + "/p", "{gracePeriodSeconds: 5}"))["metadata"]["deletionGracePeriodSeconds"],
      5);
  // With grace 0 only its finalizer holds it.
  EXPECT_EQ(
      body(send("DELETE", pods + "/p", "{gracePeriodSeconds: 0}"))["metadata"]["deletionGracePeriodSeconds"],
      0);
  send("PATCH", pods + "/p", "{metadata: {finalizers: ~}}", "application/merge-patch+json");
  EXPECT_EQ(send("GET", pods + "/p").status, 404);
}

TEST_F(HandlerTest, StatusAndScaleAreTheirOwn) {
  const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  const Response made = send("POST", deployments,
                             "{metadata: {name: d}, spec: {replicas: 2, selector: {matchLabels: {a: b}}, "
                             "template: {metadata: {labels: {a: b}}, "
                             "spec: {containers: [{name: c, image: host}]}}}, status: {replicas: 9}}");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_FALSE(body(made).contains("status"));
  const Json status =
      body(send("PATCH", deployments + "/d/status", "{status: {replicas: 2}, spec: {replicas: 7}}",
                "application/merge-patch+json"));
  EXPECT_EQ(status["status"]["replicas"], 2);
  EXPECT_EQ(status["spec"]["replicas"], 2);
  const Json scale =
      body(send("PATCH", deployments + "/d/scale", "{spec: {replicas: 3}}", "application/merge-patch+json"));
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 3);
  EXPECT_EQ(scale["status"]["selector"], "a=b");
  EXPECT_EQ(body(send("GET", deployments + "/d"))["spec"]["replicas"], 3);
  EXPECT_EQ(send("PATCH", deployments + "/d/scale", "{spec: {replicas: -1}}", "application/merge-patch+json")
                .status,
            422);
}

TEST_F(HandlerTest, DiscoveryInItsShapes) {
  const Response v2 =
      send("GET", "/apis", "", "",
           "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
  EXPECT_EQ(v2.content_type, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  EXPECT_EQ(body(v2)["items"][0]["metadata"]["name"], "apps");
  const Response beta =
      send("GET", "/api", "", "",
           "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json");
  EXPECT_EQ(body(beta)["apiVersion"], "apidiscovery.k8s.io/v2beta1");
  EXPECT_EQ(body(send("GET", "/apis"))["kind"], "APIGroupList");
  EXPECT_EQ(body(send("GET", "/api/v1"))["kind"], "APIResourceList");
  EXPECT_EQ(send("GET", "/openapi/v2").body, "");
  const Json root = body(send("GET", "/openapi/v3"));
  EXPECT_TRUE(root["paths"].contains("apis/apps/v1"));
  const Json apps = body(send("GET", "/openapi/v3/apis/apps/v1"));
  EXPECT_TRUE(apps["components"]["schemas"].contains("PodSpec"));
}

TEST(Framing, RefusesWhatTwoReadersCouldReadTwoWays) {
  const auto code = [](const std::string& headers) {
    const auto checked = check_framing("POST / HTTP/1.1\r\n" + headers + "\r\n", 1000);
    return checked.ok() ? 0 : checked.error().code() == Code::kTooLarge ? 413 : 400;
  };
  EXPECT_EQ(code("Content-Length: 12\r\n"), 0);
  EXPECT_EQ(code("Content-Length: 12\r\ncontent-length: 12\r\n"), 0);
  EXPECT_EQ(code("Content-Length: 2\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(code("Content-Length: -1\r\n"), 400);
  EXPECT_EQ(code("Content-Length: 0x10\r\n"), 400);
  EXPECT_EQ(code("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(code("Content-Length: 1001\r\n"), 413);
  EXPECT_EQ(code("Content-Length: 99999999999999999999\r\n"), 413);
}

TEST_F(HandlerTest, SystemNamespacesStay) {
  EXPECT_EQ(send("DELETE", "/api/v1/namespaces/default").status, 403);
  EXPECT_EQ(send("DELETE", "/api/v1/namespaces/other").status, 200);
}

TEST_F(HandlerTest, Logs) {
  send("POST", "/api/v1/namespaces/default/pods",
       "{metadata: {name: p}, spec: {containers: [{name: one, image: host}]}}");
  const Response log = send("GET", "/api/v1/namespaces/default/pods/p/log");
  EXPECT_EQ(log.content_type, "text/plain");
  EXPECT_EQ(log.body, "line of one\n");
  EXPECT_EQ(send("GET", "/api/v1/namespaces/default/pods/p/log?container=absent").status, 400);
  EXPECT_EQ(send("GET", "/api/v1/namespaces/default/pods/nobody/log").status, 404);
}

TEST_F(HandlerTest, ListsFollowTheRulesOfResourceVersions) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(make_service(name).status, 201);
  const std::string base = "/api/v1/namespaces/default/services";
  const auto refused = [&](const std::string& query, int code, const std::string& text) {
    const Json answer = body(send("GET", base + query));
    EXPECT_EQ(answer.value("code", 200), code) << query;
    EXPECT_NE(answer.value("message", "").find(text), std::string::npos) << answer;
  };
  refused("?resourceVersionMatch=Exact", 422, "is forbidden unless resourceVersion is provided");
  refused("?resourceVersionMatch=Exact&resourceVersion=0", 422,
          "\"Exact\" is forbidden for resourceVersion \"0\"");
  refused("?resourceVersionMatch=Best&resourceVersion=1", 422, "Unsupported value: \"Best\"");
  refused("?sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list");
  refused("?watch=1&resourceVersionMatch=NotOlderThan", 422,
          "is forbidden for watch unless sendInitialEvents");
  refused("?watch=1&sendInitialEvents=true", 422, "requires setting resourceVersionMatch to NotOlderThan");
  refused("?limit=abc", 400, "strconv.ParseInt: parsing \"abc\": invalid syntax");
  refused("?resourceVersion=99999999", 504, "Too large resource version: 99999999, current: ");
  refused("?resourceVersionMatch=Exact&resourceVersion=1", 410, "provided list is too old");
  refused("?continue=%21%21", 400, "continue key is not valid");
  refused("?fieldSelector=spec.bogus%3D1", 400, "field label not supported: spec.bogus");
}

TEST_F(HandlerTest, PagesAreOneSnapshotAndExpiredOnesGoOnInconsistently) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(make_service(name).status, 201);
  const std::string base = "/api/v1/namespaces/default/services";
  const Json first = body(send("GET", base + "?limit=1"));
  EXPECT_EQ(first["metadata"]["remainingItemCount"], 2);
  ASSERT_EQ(make_service("aa").status, 201);
  const std::string token = first["metadata"]["continue"];
  const Json rest = body(send("GET", base + "?limit=5&continue=" + percent_encode(token)));
  EXPECT_EQ(rest["items"].size(), 2U) << "the later object is not of this snapshot";
  EXPECT_EQ(rest["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
  EXPECT_FALSE(
      body(send("GET", base + "?limit=1&labelSelector=%21x"))["metadata"].contains("remainingItemCount"));
  const std::string old = ContinueToken{1, {"default", "a"}}.text();
  const Json gone = body(send("GET", base + "?continue=" + percent_encode(old)));
  ASSERT_EQ(gone["code"], 410);
  const std::string fresh = gone["metadata"]["continue"];
  EXPECT_EQ(body(send("GET", base + "?continue=" + percent_encode(fresh)))["items"].size(), 3U);
}

TEST_F(HandlerTest, AcceptDecidesTheForm) {
  ASSERT_EQ(make_service("a").status, 201);
  const std::string one = "/api/v1/namespaces/default/services/a";
  const auto get = [&](const std::string& accept) {
    return send("GET", one, "", "application/json", accept);
  };
  EXPECT_EQ(get("application/xml").status, 406);
  EXPECT_EQ(body(get("application/xml"))["reason"], "NotAcceptable");
  EXPECT_EQ(get("application/vnd.kubernetes.protobuf").status, 406);
  EXPECT_EQ(get("application/vnd.kubernetes.protobuf,*/*;q=0.1").status, 200);
  const Response yaml = get("application/json;q=0.1,application/yaml");
  EXPECT_EQ(yaml.content_type, "application/yaml");
  EXPECT_EQ(parse_yaml(yaml.body).value().at(0), body(get("")));
  const Json beta = body(get("application/json;as=Table;v=v1beta1;g=meta.k8s.io"));
  EXPECT_EQ(beta["apiVersion"], "meta.k8s.io/v1beta1");
  EXPECT_EQ(body(get("application/json;as=Table;v=v9;g=meta.k8s.io,application/json"))["kind"], "Service");
  EXPECT_NE(send("GET", one + "?pretty=true").body.find("\n  \""), std::string::npos);
  EXPECT_EQ(send("OPTIONS", one).status, 405);
  EXPECT_EQ(gzip(std::string(1 << 20, 'x'))->substr(0, 2), "\x1f\x8b");
  EXPECT_TRUE(accepts_gzip("br, gzip;q=0.5"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
}

TEST_F(HandlerTest, TheOldestWatchPathsWatch) {
  ASSERT_EQ(make_service("a").status, 201);
  ASSERT_EQ(make_service("b").status, 201);
  const auto all = read_watch(send("GET", "/api/v1/watch/services"), 2);
  EXPECT_EQ(all.at(1)["object"]["metadata"]["name"], "b");
  const auto one = read_watch(send("GET", "/api/v1/watch/namespaces/default/services/b"), 1);
  EXPECT_EQ(one.at(0)["object"]["metadata"]["name"], "b");
}

TEST_F(HandlerTest, MetricsHaveOneHeadPerNameAndNoMadeUpLabels) {
  send("GET", "/api/v1/namespaces/default/services");
  send("GET", "/api/v1/nonsense-of-a-client");
  const std::string text = send("GET", "/metrics").body;
  std::set<std::string> types, series;
  for (const auto& line : split(trim(text), '\n')) {
    if (line.starts_with("# HELP ")) continue;
    const auto words = split_words(line);
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(types.insert(words.at(2)).second) << line;
      continue;
    }
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
    std::string name = line.substr(0, line.find_first_of("{ "));
    for (const char* end : {"_bucket", "_sum", "_count"}) {
      if ((name.find("_duration_") != std::string::npos || name.find("_changes") != std::string::npos) &&
          name.ends_with(end))
        name = name.substr(0, name.rfind('_'));
    }
    EXPECT_TRUE(types.contains(name)) << line;
  }
  EXPECT_NE(text.find(R"(scope="namespace",subresource="",verb="LIST",version="v1"} 1)"), std::string::npos);
  EXPECT_EQ(text.find("nonsense"), std::string::npos);
  EXPECT_NE(text.find("apiserver_storage_commit_changes_count"), std::string::npos);
  EXPECT_NE(text.find("apiserver_storage_objects{resource=\"namespaces\"} 2"), std::string::npos);
  send("GET", "/version");
  const std::string later = send("GET", "/metrics").body;
  EXPECT_NE(later.find(R"(scope="",subresource="/version",verb="GET",version=""} 1)"), std::string::npos);
  EXPECT_NE(later.find(R"(scope="",subresource="/api",verb="GET",version=""} 1)"), std::string::npos);
  EXPECT_EQ(send("GET", "/livez?verbose").body, "[+]ping ok\nlivez check passed\n");
  EXPECT_EQ(send("GET", "/healthz/ping").body, "ok");
}

}  // namespace
}  // namespace minik::apiserver
