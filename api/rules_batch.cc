// Job and CronJob.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/cron.h"
#include "api/rules_template.h"
#include "api/selector.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr const char* kUidLabel = "batch.kubernetes.io/controller-uid";
constexpr const char* kOldUidLabel = "controller-uid";
constexpr const char* kNameLabel = "batch.kubernetes.io/job-name";
constexpr const char* kOldNameLabel = "job-name";
constexpr std::int64_t kParallelIndexedMax = 100'000;
constexpr std::size_t kCronJobNameMax = 52;  // Leaves room for the time in the names of its Jobs.

void default_job_spec(Json& spec) {
  if (!spec.is_object()) return;
  default_template(spec);
  if (!spec.contains("completions") && !spec.contains("parallelism")) spec["completions"] = 1;
  if (!spec.contains("parallelism")) spec["parallelism"] = 1;
  if (!spec.contains("backoffLimit")) {
    spec["backoffLimit"] =
        spec.contains("backoffLimitPerIndex") ? std::numeric_limits<std::int32_t>::max() : 6;
  }
  if (!spec.contains("podReplacementPolicy"))
    spec["podReplacementPolicy"] = spec.contains("podFailurePolicy") ? "Failed" : "TerminatingOrFailed";
}

bool indexed(const Json& spec) { return string_at(spec, "completionMode") == "Indexed"; }

void validate_failure_policy(Causes& causes, const Json& spec, const std::string& path) {
  const Json* policy = find(spec, "podFailurePolicy");
  if (policy == nullptr) return;
  const Json& rules = array_at(*policy, "rules");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string here = fmt::format("{}.podFailurePolicy.rules[{}]", path, i);
    const bool codes = rules[i].contains("onExitCodes");
    const bool conditions = !array_at(rules[i], "onPodConditions").empty();
    if (codes && conditions)
      cause_invalid(causes, here, rules[i],
                    "specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !conditions)
      cause_invalid(causes, here, rules[i], "specifying one of OnExitCodes and OnPodConditions is required");
    if (string_at(rules[i], "action") == "FailIndex" && !spec.contains("backoffLimitPerIndex"))
      cause_invalid(causes, here + ".action", rules[i]["action"],
                    "requires the backoffLimitPerIndex to be set");
  }
  const std::string restart = string_at(object_at(object_at(spec, "template"), "spec"), "restartPolicy");
  if (restart != "Never") {
    cause_invalid(causes, path + ".template.spec.restartPolicy", Json(restart),
                  "only \"Never\" is supported when podFailurePolicy is specified");
  }
  if (string_at(spec, "podReplacementPolicy") != "Failed")
    cause_unsupported(causes, path + ".podReplacementPolicy", Json(string_at(spec, "podReplacementPolicy")),
                      {"Failed"});
}

void validate_indexes(Causes& causes, const Json& spec, const std::string& path) {
  if (indexed(spec)) {
    if (!spec.contains("completions"))
      cause_required(causes, path + ".completions", "when completion mode is Indexed");
    if (int_at(spec, "parallelism") > kParallelIndexedMax) {
      cause_invalid(causes, path + ".parallelism", spec["parallelism"],
                    fmt::format("must be less than or equal to {} when completion mode is Indexed",
                                kParallelIndexedMax));
    }
    return;
  }
  if (spec.contains("backoffLimitPerIndex"))
    cause_invalid(causes, path + ".backoffLimitPerIndex", spec["backoffLimitPerIndex"],
                  "requires indexed completion mode");
  if (spec.contains("maxFailedIndexes"))
    cause_invalid(causes, path + ".maxFailedIndexes", spec["maxFailedIndexes"],
                  "requires indexed completion mode");
  if (spec.contains("successPolicy"))
    cause_invalid(causes, path + ".successPolicy", spec["successPolicy"], "requires indexed completion mode");
}

void validate_job_spec(Causes& causes, const Json& spec, const std::string& path) {
  check_not_negative(causes, spec, path,
                     {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                      "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"});
  validate_indexes(causes, spec, path);
  validate_failure_policy(causes, spec, path);
  if (!spec.contains("template")) return;
  validate_template(causes, spec["template"], path + ".template");
  if (string_at(object_at(spec["template"], "spec"), "restartPolicy") == "Always") {
    cause_required(causes, path + ".template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  }
}

// A generated selector must be the generated one.
void validate_generated_selector(Causes& causes, const Json& job) {
  const Json& spec = object_at(job, "spec");
  if (bool_at(spec, "manualSelector")) return;
  const std::string uid = string_at(object_at(job, "metadata"), "uid");
  const Labels labels = labels_of(object_at(spec, "template"));
  const auto is = [&](const char* label, const std::string& value) {
    const auto it = labels.find(label);
    return it != labels.end() && it->second == value;
  };
  const std::string name = string_at(object_at(job, "metadata"), "name");
  for (const auto& [label, value] :
       {std::pair(kOldUidLabel, uid), {kUidLabel, uid}, {kOldNameLabel, name}, {kNameLabel, name}}) {
    if (is(label, value)) continue;
    cause_invalid(causes, fmt::format("spec.template.metadata.labels[{}]", label),
                  object_at(object_at(object_at(spec, "template"), "metadata"), "labels"),
                  fmt::format("must be '{}'", value));
  }
  const Json& selector = object_at(spec, "selector");
  if (string_at(object_at(selector, "matchLabels"), kUidLabel) != uid &&
      string_at(object_at(selector, "matchLabels"), kOldUidLabel) != uid)
    cause_invalid(causes, "spec.selector", selector, "`selector` not auto-generated");
}

void check_same(Causes& causes, const Json& now, const Json& before, const char* member) {
  const Json* mine = find(now, member);
  const Json* old = find(before, member);
  if ((mine == nullptr) != (old == nullptr) || (mine != nullptr && *mine != *old))
    cause_invalid(causes, fmt::format("spec.{}", member), mine == nullptr ? Json() : *mine,
                  "field is immutable");
}

// The part of a template that a Job which has not begun may still change.
Json without_scheduling(Json pod_template) {
  if (pod_template.contains("metadata")) {
    pod_template["metadata"].erase("labels");
    pod_template["metadata"].erase("annotations");
  }
  for (const char* member : {"nodeSelector", "affinity", "tolerations", "schedulingGates"})
    if (pod_template.contains("spec")) pod_template["spec"].erase(member);
  return pod_template;
}

}  // namespace

void prepare_job(Json& job) {
  if (!object_at(job, "spec").contains("template")) return;
  Json& meta = job["metadata"];
  Json& spec = job["spec"];
  Json& labels = spec["template"]["metadata"]["labels"];
  if (!labels.is_object()) labels = Json::object();
  if (object_at(meta, "labels").empty() && !labels.empty()) meta["labels"] = labels;
  if (bool_at(spec, "manualSelector")) return;
  const auto give = [&labels](const char* label, const std::string& value) {
    if (!labels.contains(label)) labels[label] = value;
  };
  const std::string uid = string_at(meta, "uid"), name = string_at(meta, "name");
  give(kOldUidLabel, uid);
  give(kUidLabel, uid);
  give(kOldNameLabel, name);
  give(kNameLabel, name);
  Json& match = spec["selector"]["matchLabels"];
  if (!match.is_object()) match = Json::object();
  if (!match.contains(kUidLabel)) match[kUidLabel] = uid;
}

void default_job(Json& job) { default_job_spec(job["spec"]); }

void validate_job(Causes& causes, const Json& job) {
  const Json& spec = object_at(job, "spec");
  validate_job_spec(causes, spec, "spec");
  if (!spec.contains("selector")) return cause_required(causes, "spec.selector");
  validate_selector(causes, spec, "empty selector is invalid for job");
  validate_generated_selector(causes, job);
}

void validate_job_update(Causes& causes, const Json& job, const Json& old) {
  const Json& now = object_at(job, "spec");
  const Json& before = object_at(old, "spec");
  if (indexed(now) && int_at(now, "completions") != int_at(before, "completions")) {
    if (int_at(now, "completions") != int_at(now, "parallelism"))
      cause_invalid(causes, "spec.completions", Json(int_at(now, "completions")),
                    "can only be modified in tandem with spec.parallelism");
  } else {
    check_same(causes, now, before, "completions");
  }
  check_same(causes, now, before, "selector");
  const bool idle = bool_at(before, "suspend") && !object_at(old, "status").contains("startTime");
  const Json& mine = object_at(now, "template");
  if (idle ? without_scheduling(mine) != without_scheduling(object_at(before, "template"))
           : mine != object_at(before, "template"))
    cause_invalid(causes, "spec.template", mine, "field is immutable");
  for (const char* member :
       {"completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"})
    check_same(causes, now, before, member);
}

void default_cron_job(Json& job) {
  if (object_at(job, "spec").contains("jobTemplate") && find(job, "spec", "jobTemplate", "spec") != nullptr)
    default_job_spec(job["spec"]["jobTemplate"]["spec"]);
}

void validate_cron_job(Causes& causes, const Json& job) {
  const std::string name = string_at(object_at(job, "metadata"), "name");
  if (name.size() > kCronJobNameMax) {
    cause_invalid(causes, "metadata.name", Json(name),
                  fmt::format("must be no more than {} characters", kCronJobNameMax));
  }
  const Json& spec = object_at(job, "spec");
  const std::string schedule = string_at(spec, "schedule");
  if (schedule.find("TZ") != std::string::npos) {
    cause_invalid(causes, "spec.schedule", Json(schedule),
                  "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  } else if (const std::string error = cron_error(schedule); !schedule.empty() && !error.empty()) {
    cause_invalid(causes, "spec.schedule", Json(schedule), error);
  }
  if (const Json* zone = find(spec, "timeZone")) {
    const std::string word = zone->is_string() ? zone->get<std::string>() : "";
    if (word.empty())
      cause_invalid(causes, "spec.timeZone", *zone, "timeZone must be nil or non-empty string");
    else if (lower(word) == "local")
      cause_invalid(causes, "spec.timeZone", *zone,
                    "timeZone must be an explicit time zone as defined in "
                    "https://www.iana.org/time-zones");
    else if (word.front() == '/' || word.find("..") != std::string::npos ||
             (word != "UTC" && !path_exists("/usr/share/zoneinfo/" + word)))
      cause_invalid(causes, "spec.timeZone", *zone, fmt::format("unknown time zone {}", word));
  }
  check_not_negative(causes, spec, "spec",
                     {"startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"});
  const Json& job_spec = object_at(object_at(spec, "jobTemplate"), "spec");
  if (job_spec.contains("selector"))
    cause_invalid(causes, "spec.jobTemplate.spec.selector", job_spec["selector"],
                  "`selector` will be auto-generated");
  if (bool_at(job_spec, "manualSelector"))
    cause_unsupported(causes, "spec.jobTemplate.spec.manualSelector", Json(true), {"nil", "false"});
  validate_job_spec(causes, job_spec, "spec.jobTemplate.spec");
}

}  // namespace minik::api
