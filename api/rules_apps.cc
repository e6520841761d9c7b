// DaemonSet, StatefulSet, ControllerRevision, ReplicationController and PodTemplate.
#include <fmt/format.h>

#include "api/rules_template.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr const char* kTemplateGeneration = "deprecated.daemonset.template.generation";

void validate_daemon_set_strategy(Causes& causes, const Json& spec) {
  const std::string path = "spec.updateStrategy";
  const Json& strategy = object_at(spec, "updateStrategy");
  const std::string type = string_at(strategy, "type");
  if (type == "OnDelete") return;
  if (type != "RollingUpdate")
    return cause_unsupported(causes, path + ".type", Json(type), {"RollingUpdate", "OnDelete"});
  const Json& rolling = object_at(strategy, "rollingUpdate");
  check_share(causes, rolling, "maxUnavailable", path + ".rollingUpdate");
  check_share(causes, rolling, "maxSurge", path + ".rollingUpdate");
  const bool unavailable = !is_zero_share(find(rolling, "maxUnavailable"));
  const bool surge = !is_zero_share(find(rolling, "maxSurge"));
  if (unavailable && surge) {
    cause_invalid(causes, path + ".rollingUpdate.maxSurge", rolling["maxSurge"],
                  "may not be set when maxUnavailable is non-zero");
  } else if (!unavailable && !surge) {
    cause_required(causes, path + ".rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0");
  }
}

// The words that a member may be, with the text that such members get.
void check_word(Causes& causes, const Json& object, const char* member, const std::string& path,
                const char* first, const char* second) {
  const std::string word = string_at(object, member);
  if (word == first || word == second) return;
  cause_invalid(causes, path + "." + member, Json(word), fmt::format("must be '{}' or '{}'", first, second));
}

void validate_stateful_set_strategy(Causes& causes, const Json& spec) {
  const std::string path = "spec.updateStrategy";
  const Json& strategy = object_at(spec, "updateStrategy");
  check_word(causes, strategy, "type", path, "RollingUpdate", "OnDelete");
  const Json* rolling = find(strategy, "rollingUpdate");
  if (rolling == nullptr) return;
  if (string_at(strategy, "type") == "OnDelete") {
    return cause_invalid(causes, path + ".rollingUpdate", *rolling,
                         "only allowed for updateStrategy 'RollingUpdate'");
  }
  check_not_negative(causes, *rolling, path + ".rollingUpdate", {"partition"});
  check_share(causes, *rolling, "maxUnavailable", path + ".rollingUpdate");
  if (rolling->contains("maxUnavailable") && is_zero_share(find(*rolling, "maxUnavailable"))) {
    cause_invalid(causes, path + ".rollingUpdate.maxUnavailable", (*rolling)["maxUnavailable"],
                  "cannot be 0");
  }
}

// What an update of a StatefulSet may touch.
Json without_changeable(Json spec) {
  for (const char* member : {"replicas", "ordinals", "template", "updateStrategy", "minReadySeconds",
                             "persistentVolumeClaimRetentionPolicy", "revisionHistoryLimit"})
    spec.erase(member);
  return spec;
}

}  // namespace

void default_daemon_set(Json& set) {
  Json& spec = set["spec"];
  default_template(spec);
  Json& annotations = set["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  if (!annotations.contains(kTemplateGeneration)) annotations[kTemplateGeneration] = "1";
  if (!spec.is_object() || string_at(object_at(spec, "updateStrategy"), "type") != "RollingUpdate") return;
  Json& rolling = spec["updateStrategy"]["rollingUpdate"];
  if (!rolling.is_object()) rolling = Json::object();
  if (!rolling.contains("maxUnavailable")) rolling["maxUnavailable"] = 1;
  if (!rolling.contains("maxSurge")) rolling["maxSurge"] = 0;
}

void keep_template_generation(Json& set, const Json& old) {
  const auto of = [](const Json& object) {
    return parse_int(
               string_at(object_at(object_at(object, "metadata"), "annotations"), kTemplateGeneration, "1"))
        .value_or(1);
  };
  const bool same =
      object_at(object_at(set, "spec"), "template") == object_at(object_at(old, "spec"), "template");
  set["metadata"]["annotations"][kTemplateGeneration] = std::to_string(of(old) + (same ? 0 : 1));
}

void validate_daemon_set(Causes& causes, const Json& set) {
  const Json& spec = object_at(set, "spec");
  validate_selector(causes, spec, "empty selector is invalid for daemonset");
  if (spec.contains("template")) validate_template(causes, spec["template"], "spec.template");
  validate_endless(causes, spec, "DaemonSet");
  check_not_negative(causes, spec, "spec", {"minReadySeconds"});
  validate_daemon_set_strategy(causes, spec);
  check_not_negative(causes, spec, "spec", {"revisionHistoryLimit"});
}

void default_stateful_set(Json& set) {
  Json& spec = set["spec"];
  if (!spec.is_object()) return;
  default_template(spec);
  if (string_at(object_at(spec, "updateStrategy"), "type") == "RollingUpdate") {
    Json& rolling = spec["updateStrategy"]["rollingUpdate"];
    if (!rolling.is_object()) rolling = Json::object();
    if (!rolling.contains("partition")) rolling["partition"] = 0;
  }
  if (!spec.contains("volumeClaimTemplates") || !spec["volumeClaimTemplates"].is_array()) return;
  for (Json& claim : spec["volumeClaimTemplates"]) {
    if (!claim.is_object()) continue;
    claim["kind"] = "PersistentVolumeClaim";
    claim["apiVersion"] = "v1";
    claim["status"]["phase"] = "Pending";
  }
}

void validate_stateful_set(Causes& causes, const Json& set) {
  const Json& spec = object_at(set, "spec");
  check_word(causes, spec, "podManagementPolicy", "spec", "OrderedReady", "Parallel");
  validate_stateful_set_strategy(causes, spec);
  const Json& retention = object_at(spec, "persistentVolumeClaimRetentionPolicy");
  for (const char* member : {"whenDeleted", "whenScaled"}) {
    const std::string word = string_at(retention, member);
    if (word == "Retain" || word == "Delete") continue;
    cause_unsupported(causes, fmt::format("spec.persistentVolumeClaimRetentionPolicy.{}", member), Json(word),
                      {"Delete", "Retain"});
  }
  check_not_negative(causes, spec, "spec", {"replicas", "minReadySeconds", "revisionHistoryLimit"});
  check_not_negative(causes, object_at(spec, "ordinals"), "spec.ordinals", {"start"});
  validate_selector(causes, spec, "empty selector is invalid for statefulset");
  if (spec.contains("template")) validate_template(causes, spec["template"], "spec.template");
  validate_endless(causes, spec, "StatefulSet");
}

void validate_stateful_set_update(Causes& causes, const Json& set, const Json& old) {
  if (without_changeable(object_at(set, "spec")) == without_changeable(object_at(old, "spec"))) return;
  cause_forbidden(causes, "spec",
                  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                  "'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
                  "forbidden");
}

void validate_controller_revision_update(Causes& causes, const Json& revision, const Json& old) {
  if (object_at(revision, "data") == object_at(old, "data")) return;
  cause_invalid(causes, "data", object_at(revision, "data"), "field is immutable");
}

void default_replication_controller(Json& controller) {
  Json& spec = controller["spec"];
  if (!spec.is_object()) return;
  default_template(spec);
  const Json labels = object_at(object_at(object_at(spec, "template"), "metadata"), "labels");
  if (labels.empty()) return;
  if (object_at(spec, "selector").empty()) spec["selector"] = labels;
  Json& meta = controller["metadata"];
  if (object_at(meta, "labels").empty()) meta["labels"] = labels;
}

void validate_replication_controller(Causes& causes, const Json& controller) {
  const Json& spec = object_at(controller, "spec");
  check_not_negative(causes, spec, "spec", {"minReadySeconds", "replicas"});
  const Json& selector = object_at(spec, "selector");
  if (selector.empty()) cause_required(causes, "spec.selector");
  check_labels(causes, selector, "spec.selector");
  if (!spec.contains("template")) return cause_required(causes, "spec.template");
  const Labels labels = labels_of(spec["template"]);
  for (const auto& [key, value] : selector.items()) {
    const auto it = labels.find(key);
    if (it != labels.end() && value == Json(it->second)) continue;
    cause_invalid(causes, "spec.template.metadata.labels",
                  object_at(object_at(spec["template"], "metadata"), "labels"),
                  "`selector` does not match template `labels`");
    break;
  }
  validate_template(causes, spec["template"], "spec.template");
  validate_endless(causes, spec, "ReplicationController");
}

}  // namespace minik::api
