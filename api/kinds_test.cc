// Kinds that are only stored: what they default to and what they refuse.
#include <gtest/gtest.h>

#include "api/generation.h"
#include "api/rules.h"
#include "api/schema.h"
#include "base/yaml.h"

namespace minik::api {
namespace {

Json yaml(std::string_view text) { return parse_yaml(text).value().at(0); }
const Kind& kind(std::string_view key) { return *Schema::builtin().by_key(key); }

// As the registry makes it: with defaults.
Json made(std::string_view key, std::string_view text) {
  Json object = yaml(text);
  object["kind"] = kind(key).kind;
  object["apiVersion"] = kind(key).api_version();
  object["metadata"]["name"] = string_at(object_at(object, "metadata"), "name", "x");
  if (kind(key).namespaced) object["metadata"]["namespace"] = "default";
  apply_defaults(*kind(key).type, object);
  default_object(kind(key), object);
  return object;
}

std::vector<std::string> texts(const Causes& causes) {
  std::vector<std::string> out;
  for (const auto& cause : causes) out.push_back(cause.field + ": " + cause.message);
  return out;
}

constexpr const char* kIngress = "ingresses.networking.k8s.io";
constexpr const char* kPolicy = "networkpolicies.networking.k8s.io";
constexpr const char* kClass = "ingressclasses.networking.k8s.io";
constexpr const char* kScaler = "horizontalpodautoscalers.autoscaling";
constexpr const char* kBinding = "rolebindings.rbac.authorization.k8s.io";
constexpr const char* kClusterBinding = "clusterrolebindings.rbac.authorization.k8s.io";
constexpr const char* kRole = "roles.rbac.authorization.k8s.io";
constexpr const char* kPriority = "priorityclasses.scheduling.k8s.io";
constexpr const char* kStorage = "storageclasses.storage.k8s.io";

struct Row {
  const char* key;
  const char* object;
  std::vector<std::string> wanted;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows)
    EXPECT_EQ(texts(validate_create(kind(row.key), made(row.key, row.object))), row.wanted) << row.object;
}

TEST(Kinds, Defaults) {
  struct Default {
    const char* key;
    const char* object;
    const char* path;
    Json wanted;
  };
  const std::vector<Default> rows = {
      {kPolicy, "{}", "/spec/podSelector", Json::object()},
      {kPolicy, "{spec: {podSelector: {}}}", "/spec/policyTypes", {"Ingress"}},
      {kPolicy, "{spec: {egress: [{}]}}", "/spec/policyTypes", {"Ingress", "Egress"}},
      {kPolicy, "{spec: {egress: [], policyTypes: [Egress]}}", "/spec/policyTypes", {"Egress"}},
      {kPolicy, "{spec: {ingress: [{ports: [{port: 80}]}]}}", "/spec/ingress/0/ports/0/protocol", "TCP"},
      {kIngress, "{spec: {}}", "/status/loadBalancer", Json::object()},
      {kClass, "{spec: {controller: a/b, parameters: {kind: K, name: nn}}}", "/spec/parameters/scope",
       "Cluster"},
      {kScaler, "{spec: {maxReplicas: 3}}", "/spec/minReplicas", 1},
      {kScaler, "{spec: {maxReplicas: 3}}", "/spec/metrics/0/resource/target/averageUtilization", 80},
      {kScaler, "{spec: {maxReplicas: 3, behavior: {}}}", "/spec/behavior/scaleUp/policies/0/value", 4},
      {kScaler, "{spec: {maxReplicas: 3, behavior: {}}}", "/spec/behavior/scaleDown/selectPolicy", "Max"},
      {kPriority, "{value: 7}", "/preemptionPolicy", "PreemptLowerPriority"},
      {kStorage, "{provisioner: a.b/c}", "/volumeBindingMode", "Immediate"},
      {kStorage, "{provisioner: a.b/c}", "/reclaimPolicy", "Delete"},
      {"persistentvolumes", "{spec: {hostPath: {path: /a}}}", "/spec/persistentVolumeReclaimPolicy",
       "Retain"},
      {"persistentvolumes", "{spec: {rbd: {monitors: [a], image: i}}}", "/spec/rbd/pool", "rbd"},
      {"persistentvolumeclaims", "{spec: {}}", "/spec/volumeMode", "Filesystem"},
      {"limitranges",
       "{spec: {limits: [{type: Container, max: {cpu: 1}, min: {memory: 1Mi}}]}}",
       "/spec/limits/0/defaultRequest",
       {{"cpu", "1"}, {"memory", "1Mi"}}},
      {kBinding, "{subjects: [{kind: User, name: u}], roleRef: {kind: Role, name: r}}",
       "/subjects/0/apiGroup", "rbac.authorization.k8s.io"},
      {kBinding, "{roleRef: {kind: Role, name: r}}", "/roleRef/apiGroup", "rbac.authorization.k8s.io"},
  };
  for (const auto& row : rows) {
    const Json object = made(row.key, row.object);
    const Json::json_pointer at(row.path);
    ASSERT_TRUE(object.contains(at)) << row.key << " " << row.path << " " << object;
    EXPECT_EQ(object.at(at), row.wanted) << row.key << " " << row.path;
  }
}

TEST(Kinds, IngressRules) {
  check({
      {kIngress, "{spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}}", {}},
      {kIngress,
       "{spec: {}}",
       {"spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"}},
      {kIngress,
       "{spec: {rules: [{host: a.b}, {host: '*.b', http: {paths: [{pathType: Prefix, path: /, "
       "backend: {service: {name: a, port: {name: web}}}}]}}]}}",
       {}},
      {kIngress,
       "{spec: {defaultBackend: {}}}",
       {"spec.defaultBackend: Invalid value: \"\": resource or service backend is required"}},
      {kIngress,
       "{spec: {defaultBackend: {resource: {kind: K, name: a/b}}}}",
       {"spec.defaultBackend.resource.name: Invalid value: \"a/b\": may not contain '/'"}},
      {kIngress,
       "{spec: {defaultBackend: {service: {name: a}}}}",
       {"spec.defaultBackend: Required value: port name or number is required"}},
      {kIngress,
       "{spec: {defaultBackend: {service: {name: a, port: {number: 70000}}}}}",
       {"spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, "
        "inclusive"}},
      {kIngress,
       "{spec: {rules: [{host: 10.0.0.1}]}}",
       {"spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address"}},
      {kIngress, "{spec: {rules: [{http: {paths: []}}]}}", {"spec.rules[0].http.paths: Required value"}},
      {kIngress,
       "{spec: {rules: [{http: {paths: [{path: a, pathType: Exact, backend: {service: {name: a, "
       "port: {number: 1}}}}]}}]}}",
       {"spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path"}},
      {kIngress,
       "{spec: {rules: [{http: {paths: [{path: /a//b, pathType: Prefix, backend: {service: {name: "
       "a, port: {number: 1}}}}]}}]}}",
       {"spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'"}},
      {kIngress,
       "{spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: a, port: {number: "
       "1}}}}]}}]}}",
       {"spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"}},
      {kIngress,
       "{spec: {rules: [{http: {paths: [{path: /, pathType: Regex, backend: {service: {name: a, "
       "port: {number: 1}}}}]}}]}}",
       {"spec.rules[0].http.paths[0].pathType: Unsupported value: \"Regex\": supported values: \"Exact\", "
        "\"ImplementationSpecific\", \"Prefix\""}},
      {kIngress,
       "{metadata: {annotations: {kubernetes.io/ingress.class: a}}, spec: {ingressClassName: b, "
       "defaultBackend: {service: {name: a, port: {number: 80}}}}}",
       {"annotations.kubernetes.io/ingress.class: Invalid value: \"a\": must match `ingressClassName` when "
        "both are specified"}},
      {kClass, "{spec: {controller: acme.io/foo}}", {}},
      {kClass,
       "{spec: {controller: foo}}",
       {"spec.controller: Invalid value: \"foo\": must be a domain-prefixed path (such as "
        "\"acme.io/foo\")"}},
      {kClass,
       "{spec: {controller: a/b, parameters: {kind: K, name: nn, scope: Namespace}}}",
       {"spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"}},
  });
}

TEST(Kinds, NetworkPolicyRules) {
  const auto rule = [](const std::string& text) { return "{spec: {ingress: [{" + text + "}]}}"; };
  struct Case {
    std::string rule;
    std::vector<std::string> wanted;
  };
  const std::vector<Case> cases = {
      {"from: [{podSelector: {}}], ports: [{port: web}, {port: 80, endPort: 90}]", {}},
      {"from: [{}]", {"spec.ingress[0].from[0]: Required value: must specify a peer"}},
      {"from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]",
       {"spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"}},
      {"from: [{ipBlock: {}}]", {"spec.ingress[0].from[0].ipBlock.cidr: Required value"}},
      {"from: [{ipBlock: {cidr: ten}}]",
       {"spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"ten\": must be a valid CIDR value, (e.g. "
        "10.9.8.0/24 or 2001:db8::/64)"}},
      {"from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16, 10.0.0.0/8]}}]",
       {"spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: \"11.0.0.0/16\": must be a strict subset "
        "of `cidr`",
        "spec.ingress[0].from[0].ipBlock.except[2]: Invalid value: \"10.0.0.0/8\": must be a strict subset "
        "of `cidr`"}},
      {"ports: [{endPort: 9}]",
       {"spec.ingress[0].ports[0].endPort: Invalid value: 9: may not be specified when `port` is not "
        "specified"}},
      {"ports: [{port: web, endPort: 9}]",
       {"spec.ingress[0].ports[0].endPort: Invalid value: 9: may not be specified when `port` is "
        "non-numeric"}},
      {"ports: [{port: 10, endPort: 9}]",
       {"spec.ingress[0].ports[0].endPort: Invalid value: 9: must be greater than or equal to `port`"}},
      {"ports: [{protocol: ICMP}]",
       {"spec.ingress[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", "
        "\"UDP\", \"SCTP\""}},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(texts(validate_create(kind(kPolicy), made(kPolicy, rule(row.rule)))), row.wanted) << row.rule;
  }
  check({{kPolicy,
          "{spec: {policyTypes: [Both]}}",
          {"spec.policyTypes[0]: Unsupported value: \"Both\": supported values: \"Egress\", \"Ingress\""}}});
}

TEST(Kinds, AutoscalerRules) {
  const std::string head = "{spec: {scaleTargetRef: {kind: Deployment, name: web}, ";
  const auto with = [&](const char* rest) { return head + rest + "}}"; };
  struct Case {
    const char* rest;
    std::vector<std::string> wanted;
  };
  const std::vector<Case> cases = {
      {"maxReplicas: 3", {}},
      {"maxReplicas: 0, minReplicas: 0",
       {"spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
        "spec.maxReplicas: Invalid value: 0: must be greater than 0"}},
      {"maxReplicas: 1, minReplicas: 2",
       {"spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`"}},
      {"maxReplicas: 1, metrics: [{type: Pods, pods: {metric: {name: m}, target: {type: AverageValue, "
       "averageValue: 10}}}]",
       {}},
      {"maxReplicas: 1, metrics: [{type: Pods}]",
       {"spec.metrics[0].pods: Required value: must populate information for the given metric source"}},
      {"maxReplicas: 1, metrics: [{type: Magic}]",
       {"spec.metrics[0].type: Unsupported value: \"Magic\": supported values: \"ContainerResource\", "
        "\"External\", \"Object\", \"Pods\", \"Resource\""}},
      {"maxReplicas: 1, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization}}}]",
       {"spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw "
        "value or a target utilization"}},
      {"maxReplicas: 1, behavior: {scaleUp: {policies: [{type: Pods, value: 0, periodSeconds: 2000}]}}",
       {"spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to "
        "1800"}},
  };
  for (const Case& row : cases)
    EXPECT_EQ(texts(validate_create(kind(kScaler), made(kScaler, with(row.rest)))), row.wanted) << row.rest;
}

TEST(Kinds, RolesAndClasses) {
  check({
      {kRole, "{rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}", {}},
      {kRole,
       "{rules: [{apiGroups: [''], resources: [pods]}]}",
       {"rules[0].verbs: Required value: verbs must contain at least one value"}},
      {kRole,
       "{rules: [{verbs: [get], nonResourceURLs: [/healthz]}]}",
       {"rules[0].nonResourceURLs: Invalid value: [\"/healthz\"]: namespaced rules cannot apply to "
        "non-resource URLs"}},
      {kBinding, "{roleRef: {kind: Role, name: r}, subjects: [{kind: ServiceAccount, name: a}]}", {}},
      {kClusterBinding,
       "{roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: a}]}",
       {"subjects[0].namespace: Required value"}},
      {kClusterBinding,
       "{roleRef: {kind: Role, name: r}}",
       {"roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\""}},
      {kBinding, "{roleRef: {kind: Role}}", {"roleRef.name: Required value"}},
      {kPriority, "{value: 1000000000}", {}},
      {kPriority,
       "{value: 1000000001}",
       {"value: Forbidden: maximum allowed value of a user defined priority is 1000000000"}},
      {kPriority,
       "{metadata: {name: system-x}, value: 1}",
       {"metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use "
        "only. error: system-x is not a known system priority class"}},
      {"runtimeclasses.node.k8s.io",
       "{handler: a_b}",
       {"handler: Invalid value: \"a_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric "
        "characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
        "'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"}},
      {"leases.coordination.k8s.io",
       "{spec: {leaseDurationSeconds: 0}}",
       {"spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"}},
      {kStorage, "{}", {"provisioner: Required value"}},
      {kStorage,
       "{provisioner: a.b/c, reclaimPolicy: Recycle}",
       {"reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\""}},
  });
}

TEST(Kinds, StorageAndQuotas) {
  constexpr const char* kClaims = "persistentvolumeclaims";
  constexpr const char* kVolumes = "persistentvolumes";
  check({
      {kClaims, "{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}", {}},
      {kClaims,
       "{spec: {}}",
       {"spec.accessModes: Required value: at least 1 access mode is required",
        "spec.resources[storage]: Required value"}},
      {kClaims,
       "{spec: {accessModes: [Sometimes], resources: {requests: {storage: 0}}}}",
       {"spec.accessModes: Unsupported value: \"Sometimes\": supported values: \"ReadOnlyMany\", "
        "\"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
        "spec.resources[storage]: Invalid value: \"0\": must be greater than zero"}},
      {kVolumes,
       "{spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /a}}}",
       {}},
      {kVolumes,
       "{spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}}}",
       {"spec: Required value: must specify a volume type"}},
      {kVolumes,
       "{spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /a}, nfs: "
       "{server: s, path: /p}}}",
       {"spec.nfs: Forbidden: may not specify more than 1 volume type"}},
      {kVolumes,
       "{spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, local: {path: /a}}}",
       {"spec.nodeAffinity: Required value: Local volume requires node affinity"}},
      {"resourcequotas", "{spec: {hard: {pods: 4, requests.cpu: 500m}}}", {}},
      {"resourcequotas",
       "{spec: {hard: {pods: -4}}}",
       {"spec.hard[pods]: Invalid value: \"-4\": must be greater than or equal to 0"}},
      {"resourcequotas",
       "{spec: {scopes: [BestEffort, NotBestEffort]}}",
       {"spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes"}},
      {"limitranges", "{spec: {limits: [{type: Container, min: {cpu: 2}, max: {cpu: 2000m}}]}}", {}},
      {"limitranges",
       "{spec: {limits: [{type: Pod, min: {cpu: 400m}, max: {cpu: 200m}}]}}",
       {"spec.limits[0].min[cpu]: Invalid value: \"400m\": min value 400m is greater than max value 200m"}},
      {"limitranges",
       "{spec: {limits: [{type: Pod}, {type: Pod}]}}",
       {"spec.limits[1].type: Duplicate value: \"Pod\""}},
  });
}

TEST(Kinds, WhatMayNotChange) {
  struct Change {
    const char* key;
    const char* before;
    const char* after;
    std::vector<std::string> wanted;
  };
  const std::vector<Change> changes = {
      {kPriority, "{value: 1}", "{value: 2}", {"value: Forbidden: may not be changed in an update."}},
      {kStorage,
       "{provisioner: a.b/c}",
       "{provisioner: a.b/d}",
       {"provisioner: Forbidden: updates to provisioner are forbidden."}},
      {kStorage, "{provisioner: a.b/c}", "{provisioner: a.b/c, allowVolumeExpansion: true}", {}},
      {kClass,
       "{spec: {controller: a/b}}",
       "{spec: {controller: a/c}}",
       {"spec.controller: Invalid value: \"a/c\": field is immutable"}},
      {"runtimeclasses.node.k8s.io",
       "{handler: a}",
       "{handler: b}",
       {"handler: Invalid value: \"b\": field is immutable"}},
      {kBinding,
       "{roleRef: {kind: Role, name: r}}",
       "{roleRef: {kind: Role, name: s}}",
       {"roleRef: Invalid value: "
        "{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"s\"}: cannot change "
        "roleRef"}},
      {"persistentvolumeclaims",
       "{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}, status: {phase: "
       "Bound}}",
       "{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}, status: {phase: "
       "Bound}}",
       {}},
      {"persistentvolumeclaims",
       "{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}",
       "{spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}}",
       {"spec: Forbidden: spec is immutable after creation except resources.requests and "
        "volumeAttributesClassName for bound claims"}},
      {"persistentvolumes",
       "{spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /a}}}",
       "{spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /b}}}",
       {"spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"}},
  };
  for (const auto& change : changes) {
    const Json before = made(change.key, change.before), after = made(change.key, change.after);
    EXPECT_EQ(texts(validate_update(kind(change.key), after, before)), change.wanted) << change.after;
  }
}

TEST(Generation, CountsWishesOfTheKindsThatHaveOne) {
  Json policy = yaml("{metadata: {name: a}, spec: {podSelector: {}}}");
  set_generation(kind(kPolicy), policy, nullptr);
  EXPECT_EQ(policy["metadata"]["generation"], 1);
  Json labelled = policy;
  labelled["metadata"]["labels"]["a"] = "b";
  set_generation(kind(kPolicy), labelled, &policy);
  EXPECT_EQ(labelled["metadata"]["generation"], 1);
  Json changed = labelled;
  changed["spec"].erase("podSelector");
  set_generation(kind(kPolicy), changed, &labelled);
  EXPECT_EQ(changed["metadata"]["generation"], 2);
  Json slice = yaml("{metadata: {name: a}, endpoints: []}"),
       more = yaml("{metadata: {name: a}, endpoints: [{}]}");
  set_generation(kind("endpointslices.discovery.k8s.io"), slice, nullptr);
  set_generation(kind("endpointslices.discovery.k8s.io"), more, &slice);
  EXPECT_EQ(more["metadata"]["generation"], 2);
  Json scaler = yaml("{metadata: {name: a}, spec: {maxReplicas: 2}}");
  set_generation(kind(kScaler), scaler, nullptr);
  EXPECT_FALSE(scaler["metadata"].contains("generation"));
}

}  // namespace
}  // namespace minik::api
