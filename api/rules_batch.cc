// Job, CronJob, PodDisruptionBudget.
#include <fmt/format.h>

#include "api/rules.h"
#include "api/selector.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr const char* kNotNegative = "must be greater than or equal to 0";

void default_job_spec(Json& spec) {
  if (Json* pod = spec.contains("template") && spec["template"].contains("spec") ? &spec["template"]["spec"]
                                                                                 : nullptr)
    default_pod_spec(*pod);
  const bool indexed = string_at(spec, "completionMode") == "Indexed";
  if (!spec.contains("completions") && !spec.contains("parallelism") && !indexed) spec["completions"] = 1;
  if (!spec.contains("parallelism")) spec["parallelism"] = 1;
  if (!spec.contains("backoffLimit"))
    spec["backoffLimit"] = spec.contains("backoffLimitPerIndex") ? 2147483647 : 6;
  if (!spec.contains("podReplacementPolicy"))
    spec["podReplacementPolicy"] = spec.contains("podFailurePolicy") ? "Failed" : "TerminatingOrFailed";
}

void check_job_spec(Causes& causes, const Json& spec, const std::string& path) {
  for (const char* member : {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                             "backoffLimitPerIndex", "maxFailedIndexes", "ttlSecondsAfterFinished"}) {
    if (int_at(spec, member) < 0) cause_invalid(causes, path + "." + member, spec[member], kNotNegative);
  }
  if (string_at(spec, "completionMode") == "Indexed" && !spec.contains("completions"))
    cause_required(causes, path + ".completions", "when completion mode is Indexed");
  const Json& pod = object_at(object_at(spec, "template"), "spec");
  if (pod.empty())
    cause_required(causes, path + ".template.spec.containers");
  else
    validate_pod_spec(causes, pod, path + ".template.spec");
  check_labels(causes, object_at(object_at(object_at(spec, "template"), "metadata"), "labels"),
               path + ".template.metadata.labels");
  const std::string policy = string_at(pod, "restartPolicy");
  if (policy == "Always")
    cause_required(causes, path + ".template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  else if (!policy.empty() && policy != "OnFailure" && policy != "Never")
    cause_unsupported(causes, path + ".template.spec.restartPolicy", policy, {"OnFailure", "Never"});
}

bool is_number(std::string_view text, int low, int high) {
  const auto value = parse_int(text);
  return value && *value >= low && *value <= high;
}

// The index of a name such as "jan" or "sun", or the number itself.
std::string number_of(std::string_view word, int field) {
  static const std::vector<std::string> kMonths = {"",    "jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
  static const std::vector<std::string> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  const auto& names = field == 3 ? kMonths : kDays;
  if (field < 3) return std::string(word);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty() && names[i] == lower(word)) return std::to_string(i);
  }
  return std::string(word);
}

// One field of a schedule: minute, hour, day of month, month, day of week.
bool is_schedule_field(std::string_view text, int field) {
  static constexpr int kLow[] = {0, 0, 1, 1, 0};
  static constexpr int kHigh[] = {59, 23, 31, 12, 6};
  for (const auto& part : split(text, ',')) {
    const auto slash = split(part, '/');
    if (slash.size() > 2 || (slash.size() == 2 && !is_number(slash[1], 1, 1 << 20))) return false;
    if (slash[0] == "*" || slash[0] == "?") continue;
    const auto ends = split(slash[0], '-');
    if (ends.empty() || ends.size() > 2) return false;
    for (const auto& end : ends) {
      if (!is_number(number_of(end, field), kLow[field], kHigh[field])) return false;
    }
    if (ends.size() == 2 && *parse_int(number_of(ends[0], field)) > *parse_int(number_of(ends[1], field)))
      return false;
  }
  return true;
}

// Why the schedule is none; empty when it is one.
std::string schedule_error(const std::string& text) {
  if (text.starts_with("@")) {
    for (const char* known :
         {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
      if (text == known) return "";
    if (text.starts_with("@every ") && text.size() > 7) return "";
    return "unrecognized descriptor: " + text;
  }
  const auto fields = split_words(text);
  if (fields.size() != 5)
    return fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(),
                       join(std::vector<std::string>(fields.begin(), fields.end()), " "));
  for (int i = 0; i < 5; ++i) {
    if (!is_schedule_field(fields[static_cast<std::size_t>(i)], i))
      return fmt::format("failed to parse field {}: {}", i + 1, fields[static_cast<std::size_t>(i)]);
  }
  return "";
}

}  // namespace

void default_job(Json& job) {
  if (!job.contains("spec") || !job["spec"].is_object()) return;
  Json& spec = job["spec"];
  default_job_spec(spec);
  const std::string uid = string_at(object_at(job, "metadata"), "uid");
  if (spec.contains("selector") || bool_at(spec, "manualSelector") || uid.empty()) return;
  spec["selector"] = {{"matchLabels", {{"batch.kubernetes.io/controller-uid", uid}}}};
  Json& labels = spec["template"]["metadata"]["labels"];
  const std::string name = string_at(object_at(job, "metadata"), "name");
  for (const std::string prefix : {"batch.kubernetes.io/", ""}) {
    labels[prefix + "controller-uid"] = uid;
    labels[prefix + "job-name"] = name;
  }
}

void validate_job(Causes& causes, const Json& job) { check_job_spec(causes, object_at(job, "spec"), "spec"); }

void validate_job_update(Causes& causes, const Json& job, const Json& old) {
  const Json& spec = object_at(job, "spec");
  const Json& before = object_at(old, "spec");
  const bool elastic = string_at(spec, "completionMode") == "Indexed" &&
                       int_at(spec, "completions") == int_at(spec, "parallelism");
  for (const char* member : {"completions", "selector", "template", "completionMode", "podFailurePolicy",
                             "backoffLimitPerIndex", "managedBy", "successPolicy"}) {
    if (elastic && std::string_view(member) == "completions") continue;
    const Json* now = find(spec, member);
    const Json* was = find(before, member);
    const bool same = now == nullptr || was == nullptr ? now == was : *now == *was;
    if (!same)
      cause_invalid(causes, fmt::format("spec.{}", member), now == nullptr ? Json() : *now,
                    "field is immutable");
  }
}

void default_cron_job(Json& cron) {
  if (cron.contains("spec") && cron["spec"].contains("jobTemplate") &&
      cron["spec"]["jobTemplate"].contains("spec")) {
    if (Json& spec = cron["spec"]["jobTemplate"]["spec"];
        spec.contains("template") && spec["template"].contains("spec"))
      default_pod_spec(spec["template"]["spec"]);
  }
}

void validate_cron_job(Causes& causes, const Json& cron) {
  const Json& spec = object_at(cron, "spec");
  const std::string name = string_at(object_at(cron, "metadata"), "name"),
                    schedule = string_at(spec, "schedule");
  if (name.size() > 52) cause_invalid(causes, "metadata.name", name, "must be no more than 52 characters");
  if (schedule.empty())
    cause_required(causes, "spec.schedule");
  else if (schedule.find("TZ") != std::string::npos)
    cause_invalid(causes, "spec.schedule", schedule,
                  "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (const std::string why = schedule_error(schedule); !why.empty())
    cause_invalid(causes, "spec.schedule", schedule, why);
  for (const char* member :
       {"startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"}) {
    if (int_at(spec, member) < 0)
      cause_invalid(causes, fmt::format("spec.{}", member), spec[member], kNotNegative);
  }
  check_job_spec(causes, object_at(object_at(spec, "jobTemplate"), "spec"), "spec.jobTemplate.spec");
}

void validate_disruption_budget(Causes& causes, const Json& budget) {
  const Json& spec = object_at(budget, "spec");
  if (spec.contains("minAvailable") && spec.contains("maxUnavailable"))
    cause_invalid(causes, "spec", spec, "minAvailable and maxUnavailable cannot be both set");
  for (const char* member : {"minAvailable", "maxUnavailable"}) {
    const Json* value = find(spec, member);
    if (value == nullptr) continue;
    const std::string path = fmt::format("spec.{}", member);
    if (value->is_number() && value->get<std::int64_t>() < 0)
      cause_invalid(causes, path, *value, kNotNegative);
    if (!value->is_string()) continue;
    const std::string text = value->get<std::string>();
    if (!is_percent(text))
      cause_invalid(
          causes, path, *value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
          "'93%', regex used for validation is '[0-9]+%')");
    else if (*parse_int(text.substr(0, text.size() - 1)) > 100)
      cause_invalid(causes, path, *value, "must not be greater than 100%");
  }
  check_label_selector(causes, object_at(spec, "selector"), "spec.selector");
}

}  // namespace minik::api
