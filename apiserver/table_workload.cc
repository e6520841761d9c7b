// Cells of DaemonSets, StatefulSets, Jobs and their like.
#include <fmt/format.h>

#include "apiserver/table_parts.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Object;

const Json& spec_of(const Object& object) { return object_at(object.body(), "spec"); }
const Json& status_of(const Object& object) { return object_at(object.body(), "status"); }
const Json& containers_of(const Json& pod_template) {
  return array_at(object_at(pod_template, "spec"), "containers");
}

void add_pod_cells(Json& cells, const Json& pod_template) {
  cells.push_back(names_of(containers_of(pod_template), "name"));
  cells.push_back(names_of(containers_of(pod_template), "image"));
}

Json daemon_set_cells(const Object& set, WallTime now) {
  const Json& status = status_of(set);
  const Json& pod_template = object_at(spec_of(set), "template");
  Json cells = {set.name(),
                int_at(status, "desiredNumberScheduled"),
                int_at(status, "currentNumberScheduled"),
                int_at(status, "numberReady"),
                int_at(status, "updatedNumberScheduled"),
                int_at(status, "numberAvailable"),
                labels_text(object_at(object_at(pod_template, "spec"), "nodeSelector")),
                age_of(set, now)};
  add_pod_cells(cells, pod_template);
  cells.push_back(selector_text(object_at(spec_of(set), "selector")));
  return cells;
}

Json stateful_set_cells(const Object& set, WallTime now) {
  Json cells = {
      set.name(),
      fmt::format("{}/{}", int_at(status_of(set), "readyReplicas"), int_at(spec_of(set), "replicas")),
      age_of(set, now)};
  add_pod_cells(cells, object_at(spec_of(set), "template"));
  return cells;
}

Json revision_cells(const Object& revision, WallTime now) {
  std::string controller = "<none>";
  for (const auto& owner : revision.meta().owners) {
    if (!owner.controller) continue;
    const auto slash = owner.api_version.find('/');
    const std::string group = slash == std::string::npos ? "" : "." + owner.api_version.substr(0, slash);
    controller = lower(owner.kind) + group + "/" + owner.name;
  }
  return {revision.name(), controller, int_at(revision.body(), "revision"), age_of(revision, now)};
}

bool has_condition(const Object& job, std::string_view type) {
  for (const Json& condition : array_at(status_of(job), "conditions")) {
    if (string_at(condition, "type") == type && string_at(condition, "status") == "True") return true;
  }
  return false;
}

std::string job_word(const Object& job) {
  if (has_condition(job, "Complete")) return "Complete";
  if (has_condition(job, "Failed")) return "Failed";
  if (job.meta().deletion) return "Terminating";
  if (has_condition(job, "Suspended")) return "Suspended";
  if (has_condition(job, "FailureTarget")) return "FailureTarget";
  return has_condition(job, "SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
}

std::string job_completions(const Object& job) {
  const std::int64_t done = int_at(status_of(job), "succeeded");
  if (spec_of(job).contains("completions"))
    return fmt::format("{}/{}", done, int_at(spec_of(job), "completions"));
  const std::int64_t parallelism = int_at(spec_of(job), "parallelism");
  return parallelism > 1 ? fmt::format("{}/1 of {}", done, parallelism) : fmt::format("{}/1", done);
}

std::string job_duration(const Object& job, WallTime now) {
  const auto start = parse_rfc3339(string_at(status_of(job), "startTime"));
  if (!start) return "";
  auto end = parse_rfc3339(string_at(status_of(job), "completionTime"));
  for (const Json& condition : array_at(status_of(job), "conditions")) {
    if (!end && string_at(condition, "type") == "Failed" && string_at(condition, "status") == "True")
      end = parse_rfc3339(string_at(condition, "lastTransitionTime"));
  }
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(end.value_or(now) - *start));
}

Json job_cells(const Object& job, WallTime now) {
  Json cells = {job.name(), job_word(job), job_completions(job), job_duration(job, now), age_of(job, now)};
  add_pod_cells(cells, object_at(spec_of(job), "template"));
  cells.push_back(selector_text(object_at(spec_of(job), "selector")));
  return cells;
}

Json cron_job_cells(const Object& job, WallTime now) {
  const std::string last = string_at(status_of(job), "lastScheduleTime");
  const Json& inner = object_at(object_at(spec_of(job), "jobTemplate"), "spec");
  Json cells = {job.name(),
                string_at(spec_of(job), "schedule"),
                or_none(string_at(spec_of(job), "timeZone")),
                bool_at(spec_of(job), "suspend") ? "True" : "False",
                array_at(status_of(job), "active").size(),
                last.empty() ? "<none>" : ago(last, now),
                age_of(job, now)};
  add_pod_cells(cells, object_at(inner, "template"));
  cells.push_back(inner.contains("selector") ? selector_text(inner["selector"]) : "<none>");
  return cells;
}

Json replication_controller_cells(const Object& controller, WallTime now) {
  const Json& status = status_of(controller);
  Json cells = {controller.name(), int_at(spec_of(controller), "replicas"), int_at(status, "replicas"),
                int_at(status, "readyReplicas"), age_of(controller, now)};
  add_pod_cells(cells, object_at(spec_of(controller), "template"));
  cells.push_back(labels_text(object_at(spec_of(controller), "selector")));
  return cells;
}

Json pod_template_cells(const Object& object) {
  const Json& pod_template = object_at(object.body(), "template");
  Json cells = {object.name()};
  add_pod_cells(cells, pod_template);
  cells.push_back(labels_text(object_at(object_at(pod_template, "metadata"), "labels")));
  return cells;
}

std::string share_text(const Json& spec, const char* member) {
  const Json* share = find(spec, member);
  if (share == nullptr) return "N/A";
  return share->is_string() ? share->get<std::string>() : to_text(*share);
}

Json budget_cells(const Object& budget, WallTime now) {
  const Json& spec = spec_of(budget);
  return {budget.name(), share_text(spec, "minAvailable"), share_text(spec, "maxUnavailable"),
          int_at(status_of(budget), "disruptionsAllowed"), age_of(budget, now)};
}

}  // namespace

Json workload_cells(const Object& object, WallTime now) {
  const std::string& resource = object.resource();
  if (resource == "daemonsets.apps") return daemon_set_cells(object, now);
  if (resource == "statefulsets.apps") return stateful_set_cells(object, now);
  if (resource == "controllerrevisions.apps") return revision_cells(object, now);
  if (resource == "jobs.batch") return job_cells(object, now);
  if (resource == "cronjobs.batch") return cron_job_cells(object, now);
  if (resource == "replicationcontrollers") return replication_controller_cells(object, now);
  if (resource == "podtemplates") return pod_template_cells(object);
  if (resource == "poddisruptionbudgets.policy") return budget_cells(object, now);
  return nullptr;
}

}  // namespace minik::apiserver
