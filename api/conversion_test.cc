// Versions of one stored kind: what each says, and that nothing is lost on the way.
#include "api/conversion.h"

#include <gtest/gtest.h>

#include "api/schema.h"
#include "base/yaml.h"

namespace minik::api {
namespace {

Json yaml(std::string_view text) { return parse_yaml(text).value().at(0); }

TEST(Conversion, RoundTripsAndMeanings) {
  struct Trip {
    const char* api_version;
    const char* kind;
    const char* served;
    const char* stored;  // Without kind and apiVersion.
  };
  const std::vector<Trip> trips = {
      {"extensions/v1beta1", "Ingress",
       "{spec: {backend: {serviceName: a, servicePort: 80}, rules: [{http: {paths: [{pathType: "
       "ImplementationSpecific, backend: {serviceName: b, servicePort: web}}]}}]}}",
       "{spec: {defaultBackend: {service: {name: a, port: {number: 80}}}, rules: [{http: {paths: [{pathType: "
       "ImplementationSpecific, backend: {service: {name: b, port: {name: web}}}}]}}]}}"},
      {"networking.k8s.io/v1beta1", "Ingress", "{spec: {backend: {resource: {kind: K, name: nn}}}}",
       "{spec: {defaultBackend: {resource: {kind: K, name: nn}}}}"},
      {"autoscaling/v1", "HorizontalPodAutoscaler",
       "{metadata: {name: h}, spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 50}}",
       "{metadata: {name: h}, spec: {maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, "
       "target: "
       "{type: Utilization, averageUtilization: 50}}}]}}"},
      {"events.k8s.io/v1", "Event",
       "{note: nn, regarding: {name: a}, reportingController: c, deprecatedCount: 2, deprecatedSource: "
       "{component: d}}",
       "{message: nn, involvedObject: {name: a}, reportingComponent: c, count: 2, source: {component: d}}"},
      {"discovery.k8s.io/v1beta1", "EndpointSlice",
       "{endpoints: [{addresses: [10.0.0.1], nodeName: nn, topology: {kubernetes.io/hostname: nn, "
       "topology.kubernetes.io/zone: z, a: b}}]}",
       "{endpoints: [{addresses: [10.0.0.1], nodeName: nn, zone: z, deprecatedTopology: {a: b}}]}"},
      {"policy/v1beta1", "PodDisruptionBudget", "{spec: {minAvailable: 1}}", "{spec: {minAvailable: 1}}"},
      {"apps/v1beta2", "StatefulSet", "{spec: {serviceName: s}}", "{spec: {serviceName: s}}"},
      {"autoscaling/v2beta2", "HorizontalPodAutoscaler", "{spec: {maxReplicas: 3}}",
       "{spec: {maxReplicas: 3}}"},
  };
  for (const Trip& trip : trips) {
    const Kind* served = Schema::builtin().by_kind(trip.api_version, trip.kind);
    ASSERT_NE(served, nullptr) << trip.api_version << " " << trip.kind;
    ASSERT_NE(served->stored, nullptr);
    Json object = yaml(trip.served);
    EXPECT_TRUE(check_types(*served, object).ok());
    EXPECT_TRUE(take_unknown_fields(*served->type, object).empty());
    to_stored(*served, object);
    Json wanted = yaml(trip.stored);
    wanted["kind"] = trip.kind;
    wanted["apiVersion"] = served->stored->api_version();
    EXPECT_EQ(object, wanted);
    EXPECT_TRUE(take_unknown_fields(*served->stored->type, object).empty()) << object;
    Json back = from_stored(*served, object);
    Json first = yaml(trip.served);
    first["kind"] = trip.kind;
    first["apiVersion"] = trip.api_version;
    EXPECT_EQ(back, first);
  }
}

TEST(Conversion, OldVersionsFillInWhatTheyNeedNotSay) {
  Json ingress = yaml("{spec: {rules: [{http: {paths: [{backend: {serviceName: a, servicePort: 1}}]}}]}}");
  to_stored(*Schema::builtin().by_kind("extensions/v1beta1", "Ingress"), ingress);
  EXPECT_EQ(ingress["spec"]["rules"][0]["http"]["paths"][0]["pathType"], "ImplementationSpecific");
  Json set = yaml("{spec: {template: {metadata: {labels: {a: b}}}, templateGeneration: 3}}");
  to_stored(*Schema::builtin().by_kind("extensions/v1beta1", "DaemonSet"), set);
  EXPECT_EQ(set["spec"]["selector"], yaml("{matchLabels: {a: b}}"));
  // What autoscaling/v1 has no words for survives a write through it.
  const Kind& v1 = *Schema::builtin().by_kind("autoscaling/v1", "HorizontalPodAutoscaler");
  const Json metrics = yaml(
      "[{type: Pods, pods: {metric: {name: m}, target: {type: AverageValue, averageValue: 1}}}, {type: "
      "Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 9}}}]");
  Json scaler = {{"metadata", {{"name", "h"}}}, {"spec", {{"maxReplicas", 2}, {"metrics", metrics}}}};
  Json served = from_stored(v1, scaler);
  EXPECT_EQ(served["spec"]["targetCPUUtilizationPercentage"], 9);
  to_stored(v1, served);
  EXPECT_EQ(served["spec"]["metrics"], metrics);
  EXPECT_FALSE(served["metadata"].contains("annotations"));
}

TEST(Conversion, DiscoveryPrefersWhatIsStored) {
  const Schema& schema = Schema::builtin();
  EXPECT_EQ(schema.by_word("ingress")->api_version(), "networking.k8s.io/v1");
  EXPECT_EQ(schema.by_word("deploy")->api_version(), "apps/v1");
  EXPECT_EQ(schema.by_word("events")->api_version(), "v1");
  EXPECT_EQ(schema.kinds().back().group, "extensions");
  for (const Kind& served : schema.kinds()) {
    if (served.stored == nullptr) continue;
    EXPECT_TRUE(served.categories.empty()) << served.api_version() << " " << served.kind;
    EXPECT_EQ(served.group_resource(), served.stored->group_resource());
  }
}

}  // namespace
}  // namespace minik::api
