// DaemonSet, StatefulSet, ReplicationController.
#include <fmt/format.h>

#include "api/rules.h"
#include "api/selector.h"
#include "base/text.h"

namespace minik::api {
namespace {

void default_template(Json& spec) {
  if (spec.contains("template") && spec["template"].is_object() && spec["template"].contains("spec"))
    default_pod_spec(spec["template"]["spec"]);
}

}  // namespace

void default_daemon_set(Json& set) {
  if (!set.contains("spec") || !set["spec"].is_object()) return;
  Json& spec = set["spec"];
  default_template(spec);
  if (string_at(object_at(spec, "updateStrategy"), "type") != "RollingUpdate") return;
  Json& rolling = spec["updateStrategy"]["rollingUpdate"];
  if (!rolling.is_object()) rolling = Json::object();
  if (!rolling.contains("maxUnavailable")) rolling["maxUnavailable"] = 1;
  if (!rolling.contains("maxSurge")) rolling["maxSurge"] = 0;
}

void default_stateful_set(Json& set) {
  if (!set.contains("spec") || !set["spec"].is_object()) return;
  Json& spec = set["spec"];
  default_template(spec);
  if (spec.contains("volumeClaimTemplates")) {
    for (Json& claim : spec["volumeClaimTemplates"]) {
      claim["kind"] = "PersistentVolumeClaim";
      claim["apiVersion"] = "v1";
      claim["status"]["phase"] = "Pending";
    }
  }
  if (string_at(object_at(spec, "updateStrategy"), "type") != "RollingUpdate") return;
  Json& rolling = spec["updateStrategy"]["rollingUpdate"];
  if (!rolling.is_object()) rolling = Json::object();
  if (!rolling.contains("partition")) rolling["partition"] = 0;
}

void validate_stateful_set_update(Causes& causes, const Json& set, const Json& old) {
  Json now = object_at(set, "spec"), before = object_at(old, "spec");
  for (Json* spec : {&now, &before}) {
    for (const char* member :
         {"replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy",
          "minReadySeconds", "revisionHistoryLimit"})
      spec->erase(member);
  }
  if (now != before)
    cause_forbidden(
        causes, "spec",
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

void default_replication_controller(Json& controller) {
  if (!controller.contains("spec") || !controller["spec"].is_object()) return;
  Json& spec = controller["spec"];
  default_template(spec);
  const Json labels = object_at(object_at(object_at(spec, "template"), "metadata"), "labels");
  if (labels.empty()) return;
  if (object_at(spec, "selector").empty()) spec["selector"] = labels;
  if (object_at(object_at(controller, "metadata"), "labels").empty())
    controller["metadata"]["labels"] = labels;
}

void validate_replication_controller(Causes& causes, const Json& controller) {
  const Json& spec = object_at(controller, "spec");
  for (const char* member : {"replicas", "minReadySeconds"}) {
    if (int_at(spec, member) < 0)
      cause_invalid(causes, fmt::format("spec.{}", member), spec[member],
                    "must be greater than or equal to 0");
  }
  const Json& selector = object_at(spec, "selector");
  if (selector.empty()) cause_required(causes, "spec.selector");
  if (!spec.contains("template")) return cause_required(causes, "spec.template");
  const Json& labels = object_at(object_at(object_at(spec, "template"), "metadata"), "labels");
  for (const auto& [key, value] : selector.items()) {
    if (const Json* have = find(labels, key); have == nullptr || *have != value) {
      cause_invalid(causes, "spec.template.metadata.labels", labels,
                    "`selector` does not match template `labels`");
      break;
    }
  }
  const Json& pod = object_at(object_at(spec, "template"), "spec");
  validate_pod_spec(causes, pod, "spec.template.spec");
  if (string_at(pod, "restartPolicy", "Always") != "Always")
    cause_unsupported(causes, "spec.template.spec.restartPolicy", pod["restartPolicy"], {"Always"});
}

}  // namespace minik::api
