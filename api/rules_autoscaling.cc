// HorizontalPodAutoscaler.
#include <fmt/format.h>

#include <map>

#include "api/quantity.h"
#include "api/rules.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr int kWindowMax = 3600, kPeriodMax = 1800;  // Seconds.

Json policy(const char* type, int value, int seconds) {
  return {{"type", type}, {"value", value}, {"periodSeconds", seconds}};
}

void default_scaling(Json& rules, bool up) {
  if (!rules.is_object()) rules = Json::object();
  if (up && !rules.contains("stabilizationWindowSeconds")) rules["stabilizationWindowSeconds"] = 0;
  if (!rules.contains("selectPolicy")) rules["selectPolicy"] = "Max";
  if (rules.contains("policies")) return;
  rules["policies"] = Json::array();
  if (up) rules["policies"].push_back(policy("Pods", 4, 15));
  rules["policies"].push_back(policy("Percent", 100, 15));
}

void check_target(Causes& causes, const Json& target, const std::string& path) {
  const std::string type = string_at(target, "type");
  if (type.empty())
    cause_required(causes, path + ".type", "must specify a metric target type");
  else if (type != "Utilization" && type != "Value" && type != "AverageValue")
    cause_invalid(causes, path + ".type", type, "must be either Utilization, Value, or AverageValue");
  for (const char* member : {"value", "averageValue"}) {
    const Json* amount = find(target, member);
    if (amount != nullptr && Quantity::of(*amount) <= Quantity())
      cause_invalid(causes, fmt::format("{}.{}", path, member), *amount, "must be positive");
  }
  if (const Json* use = find(target, "averageUtilization"); use != nullptr && *use < 1)
    cause_invalid(causes, path + ".averageUtilization", *use, "must be greater than 0");
}

// Of a resource, of the pod or of one container.
void check_resource_source(Causes& causes, const Json& source, const std::string& path, bool container) {
  if (string_at(source, "name").empty())
    cause_required(causes, path + ".name", "must specify a resource name");
  if (container && string_at(source, "container").empty())
    cause_required(causes, path + ".container", "must specify a container");
  const Json& target = object_at(source, "target");
  check_target(causes, target, path + ".target");
  const bool use = target.contains("averageUtilization"), value = target.contains("averageValue");
  if (use && value)
    cause_forbidden(causes, path + ".target.averageValue",
                    "may not set both a target raw value and a target utilization");
  if (!use && !value)
    cause_required(causes, path + ".target.averageUtilization",
                   "must set either a target raw value or a target utilization");
}

void check_metric_source(Causes& causes, const Json& source, const std::string& path,
                         const std::string& name) {
  const Json& target = object_at(source, "target");
  if (name == "object") {
    for (const char* member : {"kind", "name"}) {
      if (string_at(object_at(source, "describedObject"), member).empty())
        cause_required(causes, fmt::format("{}.describedObject.{}", path, member));
    }
  }
  const std::string metric = string_at(object_at(source, "metric"), "name");
  if (metric.empty())
    cause_required(causes, path + ".metric.name", "must specify a metric name");
  else if (const std::string error = path_segment_error(metric); !error.empty())
    cause_invalid(causes, path + ".metric.name", metric, error);
  check_target(causes, target, path + ".target");
  if (name == "pods" && !target.contains("averageValue"))
    cause_required(causes, path + ".target.averageValue", "must specify a positive target averageValue");
  if (name != "pods" && !target.contains("averageValue") && !target.contains("value"))
    cause_required(causes, path + ".target.averageValue", "must set either a target value or averageValue");
}

void check_metric(Causes& causes, const Json& metric, const std::string& path) {
  static const std::map<std::string, std::string> kSources = {{"ContainerResource", "containerResource"},
                                                              {"External", "external"},
                                                              {"Object", "object"},
                                                              {"Pods", "pods"},
                                                              {"Resource", "resource"}};
  const std::string type = string_at(metric, "type");
  const auto source = kSources.find(type);
  if (type.empty()) cause_required(causes, path + ".type", "must specify a metric source type");
  if (source == kSources.end()) {
    cause_unsupported(causes, path + ".type", type,
                      {"ContainerResource", "External", "Object", "Pods", "Resource"});
    return;
  }
  if (!metric.contains(source->second))
    cause_required(causes, path + "." + source->second,
                   "must populate information for the given metric source");
  for (const auto& [word, name] : kSources) {
    if (!metric.contains(name)) continue;
    const std::string here = path + "." + name;
    if (name != source->second)
      cause_forbidden(causes, here, "must populate the given metric source only");
    else if (name == "resource" || name == "containerResource")
      check_resource_source(causes, metric[name], here, name == "containerResource");
    else
      check_metric_source(causes, metric[name], here, name);
  }
}

void check_seconds(Causes& causes, const Json& object, const char* member, const std::string& path, int least,
                   int most) {
  const Json* value = find(object, member);
  if (value == nullptr) return;
  const std::string here = fmt::format("{}.{}", path, member);
  if (*value < least)
    cause_invalid(causes, here, *value,
                  least == 0 ? "must be greater than or equal to zero" : "must be greater than zero");
  if (*value > most)
    cause_invalid(causes, here, *value, fmt::format("must be less than or equal to {}", most));
}

void check_scaling(Causes& causes, const Json& rules, const std::string& path) {
  check_seconds(causes, rules, "stabilizationWindowSeconds", path, 0, kWindowMax);
  const std::string choice = string_at(rules, "selectPolicy", "Max");
  if (choice != "Max" && choice != "Min" && choice != "Disabled")
    cause_unsupported(causes, path + ".selectPolicy", choice, {"Disabled", "Max", "Min"});
  const Json& policies = array_at(rules, "policies");
  if (policies.empty()) cause_required(causes, path + ".policies", "must specify at least one Policy");
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const std::string here = fmt::format("{}.policies[{}]", path, i);
    const std::string type = string_at(policies[i], "type");
    if (type != "Pods" && type != "Percent")
      cause_unsupported(causes, here + ".type", type, {"Percent", "Pods"});
    if (int_at(policies[i], "value") <= 0)
      cause_invalid(causes, here + ".value", int_at(policies[i], "value"), "must be greater than zero");
    check_seconds(causes, policies[i], "periodSeconds", here, 1, kPeriodMax);
  }
}

}  // namespace

void default_autoscaler(Json& scaler) {
  if (!scaler.contains("spec") || !scaler["spec"].is_object()) return;
  Json& spec = scaler["spec"];
  if (array_at(spec, "metrics").empty()) {
    const Json target = {{"type", "Utilization"}, {"averageUtilization", 80}};
    spec["metrics"] = {{{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"target", target}}}}};
  }
  if (!spec.contains("behavior")) return;
  default_scaling(spec["behavior"]["scaleUp"], true);
  default_scaling(spec["behavior"]["scaleDown"], false);
}

void validate_autoscaler(Causes& causes, const Json& scaler) {
  const Json& spec = object_at(scaler, "spec");
  const auto least = int_at(spec, "minReplicas", 1), most = int_at(spec, "maxReplicas");
  if (least < 1) cause_invalid(causes, "spec.minReplicas", least, "must be greater than or equal to 1");
  if (most < 1) cause_invalid(causes, "spec.maxReplicas", most, "must be greater than 0");
  if (most < least)
    cause_invalid(causes, "spec.maxReplicas", most, "must be greater than or equal to `minReplicas`");
  const Json& to = object_at(spec, "scaleTargetRef");
  for (const char* member : {"kind", "name"}) {
    const std::string path = fmt::format("spec.scaleTargetRef.{}", member), text = string_at(to, member);
    if (text.empty())
      cause_required(causes, path);
    else if (const std::string error = path_segment_error(text); !error.empty())
      cause_invalid(causes, path, text, error);
  }
  const Json& metrics = array_at(spec, "metrics");
  for (std::size_t i = 0; i < metrics.size(); ++i)
    check_metric(causes, metrics[i], fmt::format("spec.metrics[{}]", i));
  for (const char* member : {"scaleUp", "scaleDown"}) {
    const Json* rules = find(object_at(spec, "behavior"), member);
    if (rules != nullptr) check_scaling(causes, *rules, fmt::format("spec.behavior.{}", member));
  }
}

}  // namespace minik::api
