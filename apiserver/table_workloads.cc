// DaemonSet, StatefulSet, ReplicationController, ControllerRevision, PodTemplate, Job, CronJob.
#include <fmt/format.h>

#include "apiserver/table_cells.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Object;

const Json& containers_of(const Json& spec) {
  return array_at(object_at(object_at(spec, "template"), "spec"), "containers");
}

Json daemon_set_cells(const Object& set, WallTime now) {
  const Json& spec = spec_of(set);
  const Json& status = status_of(set);
  const Json& pod = object_at(object_at(spec, "template"), "spec");
  return {set.name(),
          int_at(status, "desiredNumberScheduled"),
          int_at(status, "currentNumberScheduled"),
          int_at(status, "numberReady"),
          int_at(status, "updatedNumberScheduled"),
          int_at(status, "numberAvailable"),
          labels_text(object_at(pod, "nodeSelector")),
          age_of(set, now),
          names_of(containers_of(spec), "name"),
          names_of(containers_of(spec), "image"),
          selector_text(object_at(spec, "selector"))};
}

Json stateful_set_cells(const Object& set, WallTime now) {
  const Json& spec = spec_of(set);
  return {set.name(), fmt::format("{}/{}", int_at(status_of(set), "readyReplicas"), int_at(spec, "replicas")),
          age_of(set, now), names_of(containers_of(spec), "name"), names_of(containers_of(spec), "image")};
}

Json controller_cells(const Object& controller, WallTime now) {
  const Json& spec = spec_of(controller);
  const Json& status = status_of(controller);
  return {controller.name(),
          int_at(spec, "replicas"),
          int_at(status, "replicas"),
          int_at(status, "readyReplicas"),
          age_of(controller, now),
          names_of(containers_of(spec), "name"),
          names_of(containers_of(spec), "image"),
          labels_text(object_at(spec, "selector"))};
}

Json revision_cells(const Object& revision, WallTime now) {
  std::string owner = "<none>";
  for (const auto& ref : revision.meta().owners) {
    if (ref.controller)
      owner = lower(ref.kind) + "." + ref.api_version.substr(0, ref.api_version.find('/')) + "/" + ref.name;
  }
  return {revision.name(), owner, int_at(revision.body(), "revision"), age_of(revision, now)};
}

Json template_cells(const Object& pod_template, WallTime) {
  const Json& body = pod_template.body();
  return {pod_template.name(), names_of(containers_of(body), "name"), names_of(containers_of(body), "image"),
          labels_text(object_at(object_at(object_at(body, "template"), "metadata"), "labels"))};
}

bool has_condition(const Json& status, std::string_view type) {
  for (const Json& c : array_at(status, "conditions")) {
    if (string_at(c, "type") == type && string_at(c, "status") == "True") return true;
  }
  return false;
}

std::string job_word(const Object& job) {
  const Json& status = status_of(job);
  if (has_condition(status, "Complete")) return "Complete";
  if (has_condition(status, "Failed")) return "Failed";
  if (job.meta().deletion) return "Terminating";
  if (has_condition(status, "Suspended")) return "Suspended";
  if (has_condition(status, "FailureTarget")) return "FailureTarget";
  if (has_condition(status, "SuccessCriteriaMet")) return "SuccessCriteriaMet";
  return "Running";
}

Json job_cells(const Object& job, WallTime now) {
  const Json& spec = spec_of(job);
  const Json& status = status_of(job);
  const auto succeeded = int_at(status, "succeeded"), parallelism = int_at(spec, "parallelism");
  std::string completions;
  if (spec.contains("completions"))
    completions = fmt::format("{}/{}", succeeded, int_at(spec, "completions"));
  else if (parallelism > 1)
    completions = fmt::format("{}/1 of {}", succeeded, parallelism);
  else
    completions = fmt::format("{}/1", succeeded);
  std::string duration;
  if (const auto start = parse_rfc3339(string_at(status, "startTime"))) {
    const auto end = parse_rfc3339(string_at(status, "completionTime"));
    duration = human_duration(std::chrono::duration_cast<std::chrono::seconds>(end.value_or(now) - *start));
  }
  return {job.name(),
          job_word(job),
          completions,
          duration,
          age_of(job, now),
          names_of(containers_of(spec), "name"),
          names_of(containers_of(spec), "image"),
          selector_text(object_at(spec, "selector"))};
}

Json cron_job_cells(const Object& cron, WallTime now) {
  const Json& spec = spec_of(cron);
  const Json& job = object_at(object_at(spec, "jobTemplate"), "spec");
  const std::string last = string_at(status_of(cron), "lastScheduleTime");
  return {cron.name(),
          string_at(spec, "schedule"),
          or_none(string_at(spec, "timeZone")),
          bool_at(spec, "suspend") ? "True" : "False",
          array_at(status_of(cron), "active").size(),
          last.empty() ? "<none>" : ago(last, now),
          age_of(cron, now),
          names_of(containers_of(job), "name"),
          names_of(containers_of(job), "image"),
          job.contains("selector") ? selector_text(job["selector"]) : "<none>"};
}

std::string or_absent(const Json& spec, const char* member) {
  const Json* value = find(spec, member);
  if (value == nullptr) return "N/A";
  return value->is_string() ? value->get<std::string>() : to_text(*value);
}

Json budget_cells(const Object& budget, WallTime now) {
  const Json& spec = spec_of(budget);
  return {budget.name(), or_absent(spec, "minAvailable"), or_absent(spec, "maxUnavailable"),
          int_at(status_of(budget), "disruptionsAllowed"), age_of(budget, now)};
}

}  // namespace

std::map<std::string, CellsOf> workload_cells() {
  return {{"daemonsets.apps", daemon_set_cells},
          {"statefulsets.apps", stateful_set_cells},
          {"replicationcontrollers", controller_cells},
          {"controllerrevisions.apps", revision_cells},
          {"podtemplates", template_cells},
          {"jobs.batch", job_cells},
          {"cronjobs.batch", cron_job_cells},
          {"poddisruptionbudgets.policy", budget_cells}};
}

}  // namespace minik::apiserver
