// PodDisruptionBudget.
#include "api/rules_template.h"
#include "api/selector.h"

namespace minik::api {

void validate_disruption_budget(Causes& causes, const Json& budget) {
  const Json& spec = object_at(budget, "spec");
  if (spec.contains("minAvailable") && spec.contains("maxUnavailable"))
    cause_invalid(causes, "spec", spec, "minAvailable and maxUnavailable cannot be both set");
  check_share(causes, spec, "minAvailable", "spec");
  check_share(causes, spec, "maxUnavailable", "spec");
  const Json& selector = object_at(spec, "selector");
  check_labels(causes, object_at(selector, "matchLabels"), "spec.selector.matchLabels");
  const auto parsed = LabelSelector::from_json(selector);
  if (!parsed.ok()) cause_invalid(causes, "spec.selector", selector, parsed.error().message());
}

}  // namespace minik::api
