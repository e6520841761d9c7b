// Which rules are whose, for kinds that run pods through a controller or count them.
#include <array>

#include "api/rules_template.h"

namespace minik::api {
namespace {

struct Rules {
  const char* group;
  const char* kind;
  void (*fill)(Json&);
  void (*check)(Causes&, const Json&);
  void (*check_update)(Causes&, const Json&, const Json&);
};

void no_rules(Causes&, const Json&) {}
void no_change_rules(Causes&, const Json&, const Json&) {}
void fill_nothing(Json&) {}

void check_pod_template(Causes& causes, const Json& object) {
  if (!object.contains("template")) return cause_required(causes, "template");
  validate_template(causes, object["template"], "template");
}

const Rules* rules_of(const Kind& kind) {
  static const std::array<Rules, 8> kRules = {
      Rules{"apps", "DaemonSet", default_daemon_set, validate_daemon_set, no_change_rules},
      Rules{"apps", "StatefulSet", default_stateful_set, validate_stateful_set, validate_stateful_set_update},
      Rules{"apps", "ControllerRevision", fill_nothing, no_rules, validate_controller_revision_update},
      Rules{"", "ReplicationController", default_replication_controller, validate_replication_controller,
            no_change_rules},
      Rules{"", "PodTemplate", default_template, check_pod_template, no_change_rules},
      Rules{"batch", "Job", default_job, validate_job, validate_job_update},
      Rules{"batch", "CronJob", default_cron_job, validate_cron_job, no_change_rules},
      Rules{"policy", "PodDisruptionBudget", fill_nothing, validate_disruption_budget, no_change_rules}};
  for (const Rules& rules : kRules) {
    if (kind.group == rules.group && kind.kind == rules.kind) return &rules;
  }
  return nullptr;
}

}  // namespace

void prepare_create(const Kind& kind, Json& object) {
  if (kind.group == "batch" && kind.kind == "Job") prepare_job(object);
}

void prepare_update(const Kind& kind, Json& object, const Json& old) {
  if (kind.group == "apps" && kind.kind == "DaemonSet") keep_template_generation(object, old);
}

void default_controlled(const Kind& kind, Json& object) {
  if (const Rules* rules = rules_of(kind)) rules->fill(object);
}
void validate_controlled(Causes& causes, const Kind& kind, const Json& object) {
  if (const Rules* rules = rules_of(kind)) rules->check(causes, object);
}
void validate_controlled_update(Causes& causes, const Kind& kind, const Json& object, const Json& old) {
  if (const Rules* rules = rules_of(kind)) rules->check_update(causes, object, old);
}

}  // namespace minik::api
