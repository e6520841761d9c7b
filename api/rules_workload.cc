// Deployment, ReplicaSet and what DaemonSet and StatefulSet share with them.
#include <fmt/format.h>

#include "api/rules.h"
#include "api/selector.h"
#include "base/text.h"

namespace minik::api {
namespace {

void validate_step(Causes& causes, const Json& rolling, const char* member) {
  const Json* value = find(rolling, member);
  if (value == nullptr) return;
  const std::string field = fmt::format("spec.strategy.rollingUpdate.{}", member);
  if (value->is_string() && !is_percent(value->get<std::string>())) {
    cause_invalid(causes, field, *value,
                  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
                  "'93%', regex used for validation is '[0-9]+%')");
  } else if (value->is_number() && value->get<std::int64_t>() < 0) {
    cause_invalid(causes, field, *value, "must be greater than or equal to 0");
  }
}

bool is_zero(const Json* value) { return value != nullptr && (*value == Json(0) || *value == Json("0%")); }

}  // namespace

void default_deployment(Json& workload) {
  Json& spec = workload["spec"];
  if (!spec.is_object()) return;
  if (spec.contains("template") && find(spec, "template", "spec") != nullptr)
    default_pod_spec(spec["template"]["spec"]);
  if (string_at(workload, "kind") != "Deployment") return;
  if (string_at(object_at(spec, "strategy"), "type") == "RollingUpdate") {
    Json& rolling = spec["strategy"]["rollingUpdate"];
    if (!rolling.is_object()) rolling = Json::object();
    if (!rolling.contains("maxUnavailable")) rolling["maxUnavailable"] = "25%";
    if (!rolling.contains("maxSurge")) rolling["maxSurge"] = "25%";
  }
}

void validate_workload(Causes& causes, const Json& workload) {
  const Json& spec = object_at(workload, "spec");
  for (const char* member : {"replicas", "minReadySeconds", "revisionHistoryLimit"}) {
    if (int_at(spec, member) < 0)
      cause_invalid(causes, fmt::format("spec.{}", member), spec[member],
                    "must be greater than or equal to 0");
  }
  const Json& selector = object_at(spec, "selector");
  check_label_selector(causes, selector, "spec.selector");
  const auto parsed = LabelSelector::from_json(selector);
  if (parsed.ok() && parsed->empty() && spec.contains("selector")) {
    cause_invalid(causes, "spec.selector", selector,
                  "empty selector is invalid for " + lower(string_at(workload, "kind")));
  }
  if (!spec.contains("template")) return;
  const Json& meta = object_at(object_at(spec, "template"), "metadata");
  Labels labels;
  for (const auto& [key, value] : object_at(meta, "labels").items()) {
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  }
  check_labels(causes, object_at(meta, "labels"), "spec.template.metadata.labels");
  if (parsed.ok() && !parsed->empty() && !parsed->matches(labels)) {
    cause_invalid(causes, "spec.template.metadata.labels", object_at(meta, "labels"),
                  "`selector` does not match template `labels`");
  }
  const Json& pod = object_at(object_at(spec, "template"), "spec");
  if (pod.empty())
    cause_required(causes, "spec.template.spec.containers");
  else
    validate_pod_spec(causes, pod, "spec.template.spec");
  if (string_at(pod, "restartPolicy", "Always") != "Always") {
    cause_unsupported(causes, "spec.template.spec.restartPolicy", pod["restartPolicy"], {"Always"});
  }
  const Json& strategy = object_at(spec, "strategy");
  const Json& rolling = object_at(strategy, "rollingUpdate");
  if (string_at(strategy, "type") == "Recreate" && strategy.contains("rollingUpdate")) {
    cause_forbidden(causes, "spec.strategy.rollingUpdate",
                    "may not be specified when strategy `type` is 'Recreate'");
  }
  validate_step(causes, rolling, "maxUnavailable");
  validate_step(causes, rolling, "maxSurge");
  if (is_zero(find(rolling, "maxUnavailable")) && is_zero(find(rolling, "maxSurge"))) {
    cause_invalid(causes, "spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"],
                  "may not be 0 when `maxSurge` is 0");
  }
}

}  // namespace minik::api
