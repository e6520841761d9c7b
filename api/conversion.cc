#include "api/conversion.h"

#include <map>
#include <string>

namespace minik::api {
namespace {

void rename(Json& object, const char* from, const char* to) {
  const auto it = object.find(from);
  if (it == object.end()) return;
  Json value = std::move(*it);
  object.erase(it);
  object[to] = std::move(value);
}

// Calls visit with each backend of an Ingress; the default one has another name in each version.
template <class Visit>
void each_backend(Json& ingress, const char* default_name, Visit&& visit) {
  if (!ingress.contains("spec") || !ingress["spec"].is_object()) return;
  Json& spec = ingress["spec"];
  if (spec.contains(default_name)) visit(spec[default_name]);
  if (!spec.contains("rules")) return;
  for (Json& rule : spec["rules"]) {
    if (!rule.contains("http") || !rule["http"].contains("paths")) continue;
    for (Json& path : rule["http"]["paths"]) {
      if (path.contains("backend")) visit(path["backend"]);
    }
  }
}

// Paths of the old versions need no type.
void fill_path_types(Json& ingress) {
  if (object_at(ingress, "spec").empty() || !ingress["spec"].contains("rules")) return;
  for (Json& rule : ingress["spec"]["rules"]) {
    if (!rule.is_object() || array_at(object_at(rule, "http"), "paths").empty()) continue;
    for (Json& path : rule["http"]["paths"]) {
      if (path.is_object() && string_at(path, "pathType").empty())
        path["pathType"] = "ImplementationSpecific";
    }
  }
}

void ingress_to(Json& ingress) {
  fill_path_types(ingress);
  each_backend(ingress, "backend", [](Json& backend) {
    if (!backend.is_object()) return;
    if (backend.contains("serviceName")) {
      backend["service"]["name"] = backend["serviceName"];
      backend.erase("serviceName");
    }
    if (!backend.contains("servicePort")) return;
    const Json port = backend["servicePort"];
    backend.erase("servicePort");
    backend["service"]["port"][port.is_number() ? "number" : "name"] = port;
  });
  if (ingress.contains("spec") && ingress["spec"].is_object())
    rename(ingress["spec"], "backend", "defaultBackend");
}

void ingress_from(Json& ingress) {
  if (ingress.contains("spec")) rename(ingress["spec"], "defaultBackend", "backend");
  each_backend(ingress, "backend", [](Json& backend) {
    if (!backend.contains("service")) return;
    const Json service = backend["service"];
    backend.erase("service");
    backend["serviceName"] = string_at(service, "name");
    const Json& port = object_at(service, "port");
    if (const Json* number = find(port, "number"))
      backend["servicePort"] = *number;
    else if (const Json* name = find(port, "name"))
      backend["servicePort"] = *name;
  });
}

bool is_cpu_use(const Json& metric) {
  const Json& resource = object_at(metric, "resource");
  return string_at(metric, "type") == "Resource" && string_at(resource, "name") == "cpu" &&
         string_at(object_at(resource, "target"), "type") == "Utilization";
}

constexpr const char* kMetricsNote = "autoscaling.alpha.kubernetes.io/metrics";

// What the old version has no words for travels in an annotation, as upstream does it.
void autoscaler_to(Json& scaler) {
  Json metrics = Json::array();
  if (Json* notes = scaler["metadata"].contains("annotations") ? &scaler["metadata"]["annotations"] : nullptr;
      notes != nullptr && notes->contains(kMetricsNote)) {
    if (auto kept = parse_json(string_at(*notes, kMetricsNote)); kept.ok() && kept->is_array())
      metrics = *kept;
    notes->erase(kMetricsNote);
    if (notes->empty()) scaler["metadata"].erase("annotations");
  }
  Json& spec = scaler["spec"];
  if (spec.contains("targetCPUUtilizationPercentage")) {
    const Json target = {{"type", "Utilization"},
                         {"averageUtilization", spec["targetCPUUtilizationPercentage"]}};
    metrics.push_back({{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"target", target}}}});
    spec.erase("targetCPUUtilizationPercentage");
  }
  if (!metrics.empty()) spec["metrics"] = std::move(metrics);
  if (!scaler.contains("status") || !scaler["status"].contains("currentCPUUtilizationPercentage")) return;
  Json& status = scaler["status"];
  const Json current = {{"averageUtilization", status["currentCPUUtilizationPercentage"]}};
  status["currentMetrics"] = {{{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"current", current}}}}};
  status.erase("currentCPUUtilizationPercentage");
}

void autoscaler_from(Json& scaler) {
  Json& spec = scaler["spec"];
  Json rest = Json::array();
  for (const Json& metric : array_at(spec, "metrics")) {
    if (is_cpu_use(metric) && !spec.contains("targetCPUUtilizationPercentage"))
      spec["targetCPUUtilizationPercentage"] =
          int_at(object_at(object_at(metric, "resource"), "target"), "averageUtilization");
    else
      rest.push_back(metric);
  }
  if (!rest.empty()) scaler["metadata"]["annotations"][kMetricsNote] = to_text(rest);
  spec.erase("metrics");
  spec.erase("behavior");
  if (!scaler.contains("status")) return;
  Json& status = scaler["status"];
  for (const Json& metric : array_at(status, "currentMetrics")) {
    const Json& resource = object_at(metric, "resource");
    if (string_at(resource, "name") == "cpu" && object_at(resource, "current").contains("averageUtilization"))
      status["currentCPUUtilizationPercentage"] =
          int_at(object_at(resource, "current"), "averageUtilization");
  }
  status.erase("currentMetrics");
  status.erase("conditions");
}

constexpr std::pair<const char*, const char*> kEventNames[] = {{"note", "message"},
                                                               {"regarding", "involvedObject"},
                                                               {"reportingController", "reportingComponent"},
                                                               {"deprecatedSource", "source"},
                                                               {"deprecatedFirstTimestamp", "firstTimestamp"},
                                                               {"deprecatedLastTimestamp", "lastTimestamp"},
                                                               {"deprecatedCount", "count"}};

void event_to(Json& event) {
  for (const auto& [events, core] : kEventNames) rename(event, events, core);
}
void event_from(Json& event) {
  for (const auto& [events, core] : kEventNames) rename(event, core, events);
}

constexpr const char* kHostLabel = "kubernetes.io/hostname";
constexpr const char* kZoneLabel = "topology.kubernetes.io/zone";

// Calls visit with each endpoint of a slice.
template <class Visit>
void each_endpoint(Json& slice, Visit&& visit) {
  if (array_at(slice, "endpoints").empty()) return;
  for (Json& endpoint : slice["endpoints"]) {
    if (endpoint.is_object()) visit(endpoint);
  }
}

// The old version has one map for node and zone and what else there is to say.
void slice_to(Json& slice) {
  each_endpoint(slice, [](Json& endpoint) {
    Json rest = object_at(endpoint, "topology");
    endpoint.erase("topology");
    if (rest.contains(kZoneLabel)) endpoint["zone"] = rest[kZoneLabel];
    if (rest.contains(kHostLabel) && !endpoint.contains("nodeName")) endpoint["nodeName"] = rest[kHostLabel];
    rest.erase(kZoneLabel);
    rest.erase(kHostLabel);
    if (!rest.empty()) endpoint["deprecatedTopology"] = std::move(rest);
  });
}
void slice_from(Json& slice) {
  each_endpoint(slice, [](Json& endpoint) {
    rename(endpoint, "deprecatedTopology", "topology");
    if (endpoint.contains("zone")) endpoint["topology"][kZoneLabel] = endpoint["zone"];
    if (endpoint.contains("nodeName")) endpoint["topology"][kHostLabel] = endpoint["nodeName"];
    endpoint.erase("zone");
  });
}

// Workloads that need not say which pods are theirs: those with all labels of the template.
void selector_to(Json& workload) {
  if (!workload.contains("spec") || !workload["spec"].is_object()) return;
  Json& spec = workload["spec"];
  spec.erase("rollbackTo");
  spec.erase("templateGeneration");
  const Json& labels = object_at(object_at(object_at(spec, "template"), "metadata"), "labels");
  if (object_at(spec, "selector").empty() && !labels.empty()) spec["selector"] = {{"matchLabels", labels}};
}

struct Pair {
  void (*to)(Json&);
  void (*from)(Json&);
};

const Pair* pair_of(const std::string& name) {
  static const std::map<std::string, Pair> kPairs = {{"ingress", {ingress_to, ingress_from}},
                                                     {"autoscaler", {autoscaler_to, autoscaler_from}},
                                                     {"event", {event_to, event_from}},
                                                     {"slice", {slice_to, slice_from}},
                                                     {"selector", {selector_to, [](Json&) {}}}};
  const auto it = kPairs.find(name);
  return it == kPairs.end() ? nullptr : &it->second;
}

void set_version(Json& object, const Kind& kind) {
  object["kind"] = kind.kind;
  object["apiVersion"] = kind.api_version();
}

}  // namespace

bool has_conversion(const std::string& name) { return pair_of(name) != nullptr; }

void to_stored(const Kind& served, Json& object) {
  if (served.stored == nullptr || !object.is_object()) return;
  if (const Pair* pair = pair_of(served.conversion)) pair->to(object);
  set_version(object, *served.stored);
}

Json from_stored(const Kind& served, Json object) {
  if (served.stored == nullptr && served.custom == nullptr) return object;
  if (const Pair* pair = pair_of(served.conversion)) pair->from(object);
  set_version(object, served);
  return object;
}

}  // namespace minik::api
