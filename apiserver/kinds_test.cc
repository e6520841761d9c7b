// The kinds that are only stored, through requests: classes by default, versions, tables, selectors.
#include <gtest/gtest.h>

#include "apiserver/handler.h"
#include "apiserver/no_pods.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

class KindsTest : public ::testing::Test {
 protected:
  KindsTest() { send("POST", "/api/v1/namespaces", "{metadata: {name: default}}"); }

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
  Json make(const std::string& path, const std::string& object) {
    const Response response = send("POST", path, object);
    EXPECT_EQ(response.status, 201) << response.body;
    return parse_json(response.body).value();
  }
  Json get(const std::string& path) { return parse_json(send("GET", path).body).value(); }
  Json patch(const std::string& path, const std::string& change) {
    return parse_json(send("PATCH", path, change, "application/merge-patch+json").body).value();
  }
  // The cells of the one object.
  Json cells(const std::string& path) {
    const Response response =
        send("GET", path, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    return parse_json(response.body).value()["rows"][0]["cells"];
  }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> out;
    const Json list = get(path);
    for (const Json& item : array_at(list, "items")) out.push_back(item["metadata"]["name"]);
    return out;
  }

  FakeClock clock_;
  std::unique_ptr<Store> store_ = Store::open(std::make_unique<MemoryJournal>()).value();
  Registry registry_{*store_, clock_, {{Cidr::parse("10.96.0.0/24").value()}}};
  NoPods pods_;
  Handler handler_{{*store_, registry_, clock_, pods_, "test", [] { return ""; },
                    [](const Request&) { return Response{}; }, [](std::uint64_t) {}}};
};

constexpr const char* kIngresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
constexpr const char* kOldIngresses = "/apis/extensions/v1beta1/namespaces/default/ingresses";
constexpr const char* kClasses = "/apis/networking.k8s.io/v1/ingressclasses";

TEST_F(KindsTest, TheDefaultClassIsFilledIn) {
  const std::string backend = "defaultBackend: {service: {name: a, port: {number: 80}}}";
  EXPECT_FALSE(make(kIngresses, "{metadata: {name: none}, spec: {" + backend + "}}")["spec"].contains(
      "ingressClassName"));
  const std::string mark = "annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}";
  make(kClasses, "{metadata: {name: old, " + mark + "}, spec: {controller: a/b}}");
  make(kClasses, "{metadata: {name: plain}, spec: {controller: a/b}}");
  clock_.advance(std::chrono::seconds(5));
  make(kClasses, "{metadata: {name: new, " + mark + "}, spec: {controller: a/b}}");
  const auto class_of = [&](const std::string& name, const std::string& meta, const std::string& spec) {
    const Json made =
        make(kIngresses, "{metadata: {name: " + name + meta + "}, spec: {" + backend + spec + "}}");
    return string_at(made["spec"], "ingressClassName");
  };
  EXPECT_EQ(class_of("a", "", ""), "new");
  EXPECT_EQ(class_of("b", "", ", ingressClassName: plain"), "plain");
  EXPECT_EQ(class_of("c", ", annotations: {kubernetes.io/ingress.class: x}", ""), "");
  EXPECT_EQ(cells(std::string(kIngresses) + "/a"), Json({"a", "new", "*", "", "80", "0s"}));
  EXPECT_EQ(cells(std::string(kIngresses) + "/c")[1], "<none>");

  make("/apis/storage.k8s.io/v1/storageclasses",
       "{metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: 'true'}}, "
       "provisioner: minik.dev/none}");
  EXPECT_EQ(cells("/apis/storage.k8s.io/v1/storageclasses/standard")[0], "standard (default)");
  const std::string claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  const std::string size =
      "accessModes: [ReadWriteMany, ReadWriteOnce], resources: {requests: {storage: 1024Mi}}";
  const Json claim = make(claims, "{metadata: {name: a}, spec: {" + size + "}}");
  EXPECT_EQ(claim["spec"]["storageClassName"], "standard");
  EXPECT_EQ(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
  EXPECT_EQ(claim["status"]["phase"], "Pending");
  EXPECT_EQ(make(claims, "{metadata: {name: b}, spec: {storageClassName: '', " + size +
                             "}}")["spec"]["storageClassName"],
            "");
  EXPECT_EQ(cells(claims + "/a"),
            Json({"a", "Pending", "", "", "", "standard", "<unset>", "0s", "Filesystem"}));
}

TEST_F(KindsTest, OneStoreManyVersions) {
  const Json old = make(kOldIngresses,
                        "{metadata: {name: web}, spec: {rules: [{host: a.b, http: {paths: "
                        "[{path: /x, backend: {serviceName: s, servicePort: 80}}]}}]}}");
  EXPECT_EQ(old["apiVersion"], "extensions/v1beta1");
  EXPECT_EQ(old["spec"]["rules"][0]["http"]["paths"][0]["backend"]["serviceName"], "s");
  const Json now = get(std::string(kIngresses) + "/web");
  EXPECT_EQ(now["apiVersion"], "networking.k8s.io/v1");
  EXPECT_EQ(now["spec"]["rules"][0]["http"]["paths"][0],
            Json({{"path", "/x"},
                  {"pathType", "ImplementationSpecific"},
                  {"backend", {{"service", {{"name", "s"}, {"port", {{"number", 80}}}}}}}}));
  EXPECT_EQ(now["metadata"]["generation"], 1);
  const Json patched =
      patch(std::string(kOldIngresses) + "/web", "{spec: {backend: {serviceName: d, servicePort: web}}}");
  EXPECT_EQ(patched["spec"]["backend"], Json({{"serviceName", "d"}, {"servicePort", "web"}}));
  EXPECT_EQ(get(std::string(kIngresses) + "/web")["spec"]["defaultBackend"],
            Json({{"service", {{"name", "d"}, {"port", {{"name", "web"}}}}}}));
  const Json list = get("/apis/networking.k8s.io/v1beta1/ingresses");
  EXPECT_EQ(list["kind"], "IngressList");
  EXPECT_EQ(list["apiVersion"], "networking.k8s.io/v1beta1");
  EXPECT_EQ(list["items"][0]["spec"]["backend"]["serviceName"], "d");
  EXPECT_EQ(cells(std::string(kOldIngresses) + "/web"), cells(std::string(kIngresses) + "/web"));
  // The texts speak the client's version.
  const Json again = parse_json(send("POST", kOldIngresses, to_text(old)).body).value();
  EXPECT_EQ(again["message"], "resourceVersion should not be set on objects to be created");
  EXPECT_EQ(get(std::string(kOldIngresses) + "/none")["message"], "ingresses.extensions \"none\" not found");
  const Json bad = parse_json(send("POST", kOldIngresses, "{metadata: {name: bad}}").body).value();
  EXPECT_EQ(bad["message"],
            "Ingress.extensions \"bad\" is invalid: spec: Invalid value: null: either `defaultBackend` or "
            "`rules` must be specified");
  EXPECT_EQ(bad["details"]["kind"], "Ingress");
  EXPECT_EQ(bad["details"]["group"], "extensions");
}

TEST_F(KindsTest, OldVersionsAreAppliedAndWatched) {
  const std::string config =
      "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: web}, spec: {backend: {serviceName: "
      "s, "
      "servicePort: 80}}}";
  const std::string one = std::string(kOldIngresses) + "/web?fieldManager=me";
  const Response applied = send("PATCH", one, config, "application/apply-patch+yaml");
  ASSERT_EQ(applied.status, 201) << applied.body;
  const Json first = parse_json(applied.body).value();
  EXPECT_EQ(first["spec"]["backend"]["serviceName"], "s");
  EXPECT_EQ(first["metadata"]["managedFields"][0]["apiVersion"], "extensions/v1beta1");
  EXPECT_EQ(parse_json(send("PATCH", one, config, "application/apply-patch+yaml").body).value(), first);
  const Response watch = send("GET", std::string(kOldIngresses) + "?watch=true&resourceVersion=0");
  Json event;
  watch.stream([&](std::string_view piece) {
    if (!piece.empty()) event = parse_json(trim(piece)).value();
    return event.is_null();
  });
  EXPECT_EQ(event["type"], "ADDED");
  EXPECT_EQ(event["object"], first);
}

TEST_F(KindsTest, StatusIsApart) {
  const std::string one = std::string(kIngresses) + "/web";
  make(kIngresses,
       "{metadata: {name: web}, spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}, "
       "status: {loadBalancer: {ingress: [{ip: 9.9.9.9}]}}}");
  EXPECT_EQ(get(one)["status"], Json({{"loadBalancer", Json::object()}}));
  const Json set = patch(one + "/status",
                         "{status: {loadBalancer: {ingress: [{ip: 10.0.0.9}, {hostname: "
                         "h}]}}, spec: {ingressClassName: x}}");
  EXPECT_EQ(set["metadata"]["generation"], 1);
  EXPECT_FALSE(set["spec"].contains("ingressClassName"));
  const Json changed = patch(one, "{spec: {ingressClassName: x}, status: {loadBalancer: {}}}");
  EXPECT_EQ(changed["metadata"]["generation"], 2);
  EXPECT_EQ(changed["status"], set["status"]);
  EXPECT_EQ(cells(one), Json({"web", "x", "*", "10.0.0.9,h", "80", "0s"}));
}

TEST_F(KindsTest, EventsInBothGroups) {
  make("/api/v1/namespaces/default/events",
       "{metadata: {name: e}, involvedObject: {kind: Pod, name: p, namespace: default}, reason: Started, "
       "message: hello, type: Normal, count: 3, source: {component: kubelet, host: n1}}");
  const Json event = get("/apis/events.k8s.io/v1/namespaces/default/events/e");
  EXPECT_EQ(event["note"], "hello");
  EXPECT_EQ(event["regarding"]["name"], "p");
  EXPECT_EQ(event["deprecatedCount"], 3);
  EXPECT_FALSE(event.contains("message"));
  make("/apis/events.k8s.io/v1/namespaces/default/events",
       "{metadata: {name: f}, regarding: {kind: Pod, name: q}, reason: Pulled, note: there, type: Normal, "
       "reportingController: x, action: Pull, eventTime: '2024-01-01T00:00:00.000000Z'}");
  const std::string core = "/api/v1/namespaces/default/events", events = "/apis/events.k8s.io/v1/events";
  EXPECT_EQ(names(core + "?fieldSelector=involvedObject.name=q"), std::vector<std::string>{"f"});
  EXPECT_EQ(names(core + "?fieldSelector=source=kubelet"), std::vector<std::string>{"e"});
  EXPECT_EQ(names(events + "?fieldSelector=regarding.name=p"), std::vector<std::string>{"e"});
  EXPECT_EQ(names(events + "?fieldSelector=reportingController=x"), std::vector<std::string>{"f"});
  EXPECT_EQ(get(events + "?fieldSelector=involvedObject.name=p")["message"],
            "field label not supported: involvedObject.name");
  EXPECT_EQ(get(core + "?fieldSelector=message=x")["code"], 400);
  const Json row = cells(core + "/e");
  EXPECT_EQ(row[3], "pod/p");
  EXPECT_EQ(row[5], "kubelet, n1");
  EXPECT_EQ(row[8], "3");
}

TEST_F(KindsTest, SelectorsOfAbsentFields) {
  make("/api/v1/nodes",
       "{metadata: {name: n1, labels: {node-role.kubernetes.io/worker: '', "
       "node-role.kubernetes.io/control-plane: ''}}}");
  EXPECT_EQ(names("/api/v1/nodes?fieldSelector=spec.unschedulable=false"), std::vector<std::string>{"n1"});
  EXPECT_EQ(cells("/api/v1/nodes/n1")[2], "control-plane,worker");
  EXPECT_EQ(cells("/api/v1/nodes/n1")[7], "<unknown>");
  make("/apis/batch/v1/namespaces/default/jobs",
       "{metadata: {name: j}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "
       "i}]}}}}");
  const std::string jobs = "/apis/batch/v1/jobs?fieldSelector=status.successful=";
  EXPECT_EQ(names(jobs + "0"), std::vector<std::string>{"j"});
  EXPECT_TRUE(names(jobs + "1").empty());
}

TEST_F(KindsTest, Tables) {
  struct Row {
    const char* path;
    const char* object;
    Json cells;
  };

  const std::vector<Row> rows = {
      {kClasses,
       "{metadata: {name: x}, spec: {controller: a.b/c, parameters: {apiGroup: g, kind: K, name: p}}}",
       {"x", "a.b/c", "K.g/p", "0s"}},
      {kIngresses,
       "{metadata: {name: x}, spec: {tls: [{hosts: [a.b]}], rules: [{host: a.b}, {host: b.b}, {host: c.b}, "
       "{host: d.b}, {host: e.b}]}}",
       {"x", "<none>", "a.b,b.b,c.b + 2 more...", "", "80, 443", "0s"}},
      {"/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
       "{metadata: {name: x}, spec: {podSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, "
       "operator: "
       "In, values: [d, e]}]}}}",
       {"x", "a=b,c in (d,e)", "0s"}},
      {"/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
       "{metadata: {name: x}, spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 3}}",
       {"x", "Deployment/web", "cpu: <unknown>/80%", "1", 3, 0, "0s"}},
      {"/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
       "{metadata: {name: many}, spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 3, "
       "metrics: "
       "[{type: External, external: {metric: {name: m}, target: {type: AverageValue, averageValue: 2000m}}}, "
       "{type: Pods, pods: {metric: {name: m}, target: {type: AverageValue, averageValue: 3}}}, {type: "
       "Resource, "
       "resource: {name: cpu, target: {type: AverageValue, averageValue: 100m}}}]}}",
       {"many", "Deployment/web", "<unknown>/2 (avg), <unknown>/3 + 1 more...", "1", 3, 0, "0s"}},
      {"/api/v1/persistentvolumes",
       "{metadata: {name: x}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadOnlyMany, ReadWriteOnce], "
       "hostPath: {path: /a}, storageClassName: s}}",
       {"x", "1Gi", "RWO,ROX", "Retain", "Pending", "", "s", "<unset>", "", "0s", "Filesystem"}},
      {"/apis/storage.k8s.io/v1/storageclasses",
       "{metadata: {name: x}, provisioner: a.b/c, allowVolumeExpansion: true}",
       {"x", "a.b/c", "Delete", "Immediate", "true", "0s"}},
      {"/apis/scheduling.k8s.io/v1/priorityclasses",
       "{metadata: {name: x}, value: 7, globalDefault: true}",
       {"x", 7, true, "0s"}},
      {"/apis/node.k8s.io/v1/runtimeclasses", "{metadata: {name: x}, handler: runc}", {"x", "runc", "0s"}},
      {"/apis/coordination.k8s.io/v1/namespaces/default/leases",
       "{metadata: {name: x}, spec: {holderIdentity: me}}",
       {"x", "me", "0s"}},
      {"/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
       "{metadata: {name: x}, roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: u}, {kind: "
       "Group, "
       "name: g}, {kind: ServiceAccount, name: s, namespace: default}]}",
       {"x", "Role/r", "0s", "u", "g", "default/s"}},
      {"/api/v1/namespaces/default/resourcequotas",
       "{metadata: {name: x}, spec: {hard: {pods: 4}}}",
       {"x", "0s", "", ""}},
  };
  for (const Row& row : rows) {
    const Json made = make(row.path, row.object);
    EXPECT_EQ(cells(std::string(row.path) + "/" + made["metadata"]["name"].get<std::string>()), row.cells)
        << row.object;
  }
  patch("/api/v1/namespaces/default/resourcequotas/x/status",
        "{status: {hard: {pods: '4', limits.cpu: '2'}, used: {pods: '1'}}}");
  EXPECT_EQ(cells("/api/v1/namespaces/default/resourcequotas/x"),
            Json({"x", "0s", "pods: 1/4", "limits.cpu: 0/2"}));
}

TEST_F(KindsTest, MalformedQuantitiesAreRefused) {
  const Response response = send(
      "POST", "/api/v1/namespaces/default/persistentvolumeclaims",
      "{metadata: {name: a}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: lots}}}}");
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("quantities must match the regular expression"), std::string::npos);
}

}  // namespace
}  // namespace minik::apiserver
