#include "controllers/jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pod.h"
#include "base/text.h"
#include "controllers/pod_template.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kIndex = "batch.kubernetes.io/job-completion-index";

const Json& spec_of(const Object& job) { return object_at(job.body(), "spec"); }

bool has_condition(const Json& status, std::string_view type) {
  const Json& conditions = array_at(status, "conditions");
  return std::any_of(conditions.begin(), conditions.end(), [&](const Json& c) {
    return string_at(c, "type") == type && string_at(c, "status") == "True";
  });
}

std::int64_t index_of(const Object& pod) {
  const auto it = pod.meta().annotations.find(kIndex);
  return it == pod.meta().annotations.end() ? -1 : parse_int(it->second).value_or(-1);
}

std::int64_t restarts_of(const Object& pod) {
  std::int64_t count = 0;
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& c : array_at(object_at(pod.body(), "status"), list)) count += int_at(c, "restartCount");
  }
  return count;
}

struct Pods {
  std::vector<ObjectPtr> active;
  std::set<std::int64_t> done, running;  // Indexes.
  std::int64_t succeeded = 0, failed = 0, ready = 0, terminating = 0, restarts = 0;
};

Pods count(const std::vector<ObjectPtr>& all) {
  Pods pods;
  for (const ObjectPtr& pod : all) {
    const auto& view = pod->view<api::Pod>();
    if (view.phase == "Succeeded") {
      ++pods.succeeded;
      pods.done.insert(index_of(*pod));
    } else if (view.phase == "Failed") {
      ++pods.failed;
    } else if (pod->meta().deletion) {
      ++pods.terminating;
    } else {
      pods.active.push_back(pod);
      pods.running.insert(index_of(*pod));
      pods.ready += view.ready ? 1 : 0;
      pods.restarts += restarts_of(*pod);
    }
  }
  return pods;
}

Json pod_of(const Object& job, std::int64_t index) {
  Json pod = pod_from_template(job, object_at(spec_of(job), "template"));
  if (index < 0) return pod;
  const std::string text = std::to_string(index), prefix = job.name() + "-" + text;
  Json& meta = pod["metadata"];
  meta["generateName"] = prefix + "-";
  meta["name"] = prefix + string_at(meta, "name").substr(string_at(meta, "name").rfind('-'));
  meta["annotations"][kIndex] = text;
  meta["labels"][kIndex] = text;
  if (!pod["spec"].contains("hostname")) pod["spec"]["hostname"] = prefix;
  for (const char* list : {"initContainers", "containers"}) {
    if (!pod["spec"].contains(list)) continue;
    for (Json& container : pod["spec"][list])
      container["env"].push_back({{"name", "JOB_COMPLETION_INDEX"}, {"value", text}});
  }
  return pod;
}

struct Verdict {
  const char* type = nullptr;  // Complete, Failed; null while the job goes on.
  std::string reason, message;
};

Verdict judge(const Object& job, const Pods& pods, const Json& status, WallTime now) {
  const Json& spec = spec_of(job);
  const std::int64_t limit = int_at(spec, "backoffLimit", 6);
  const bool restarts =
      string_at(object_at(object_at(spec, "template"), "spec"), "restartPolicy") == "OnFailure";
  if (int_at(status, "failed") > limit ||
      (restarts && pods.restarts > 0 && pods.restarts >= limit && limit > 0) ||
      (restarts && limit == 0 && pods.restarts > 0))
    return {"Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
  const auto start = parse_rfc3339(string_at(status, "startTime"));
  if (spec.contains("activeDeadlineSeconds") && start &&
      now - *start >= std::chrono::seconds(int_at(spec, "activeDeadlineSeconds")))
    return {"Failed", "DeadlineExceeded", "Job was active longer than specified deadline"};
  const std::int64_t succeeded = int_at(status, "succeeded");
  const bool enough = spec.contains("completions") ? succeeded >= int_at(spec, "completions")
                                                   : succeeded > 0 && pods.active.empty();
  if (enough) return {"Complete", "CompletionsReached", "Reached expected number of succeeded pods"};
  return {};
}

void finish(const Verdict& verdict, const Pods& pods, Json& status, WallTime now,
            std::vector<Write>& writes) {
  const bool complete = std::string_view(verdict.type) == "Complete";
  for (const char* type : {complete ? "SuccessCriteriaMet" : "FailureTarget", verdict.type})
    set_condition(status["conditions"], type, true, verdict.reason, verdict.message, now);
  for (Json& c : status["conditions"]) {
    if (!c.contains("lastProbeTime")) c["lastProbeTime"] = rfc3339(now);
  }
  if (complete) status["completionTime"] = rfc3339(now);
  for (const ObjectPtr& pod : pods.active) writes.push_back(remove(*pod));
  status.erase("active");
  status["ready"] = 0;
}

// How many more pods may start now, and for which indexes (-1: none).
std::vector<std::int64_t> to_start(const Json& spec, const Pods& pods, std::int64_t succeeded) {
  const auto parallelism = int_at(spec, "parallelism", 1);
  const auto active = static_cast<std::int64_t>(pods.active.size());
  std::int64_t room = parallelism - active;
  std::vector<std::int64_t> indexes;
  if (string_at(spec, "completionMode") == "Indexed") {
    for (std::int64_t i = 0; i < int_at(spec, "completions") && room > 0; ++i) {
      if (pods.done.contains(i) || pods.running.contains(i)) continue;
      indexes.push_back(i);
      --room;
    }
    return indexes;
  }
  if (spec.contains("completions"))
    room = std::min(room, int_at(spec, "completions") - succeeded - active);
  else if (succeeded > 0)
    room = 0;  // A queue of work: one success says that it is empty.
  if (room > 0) indexes.assign(static_cast<std::size_t>(room), -1);
  return indexes;
}

}  // namespace

std::string indexes_text(const std::set<std::int64_t>& indexes) {
  std::vector<std::string> parts;
  for (auto it = indexes.begin(); it != indexes.end();) {
    const std::int64_t first = *it;
    std::int64_t last = first;
    while (++it != indexes.end() && *it == last + 1) last = *it;
    if (first == last)
      parts.push_back(std::to_string(first));
    else
      parts.push_back(fmt::format("{}{}{}", first, last == first + 1 ? "," : "-", last));
  }
  return join(parts, ",");
}

void JobController::sync(const World& world, const Object& job, std::vector<Write>& writes) const {
  const Json& spec = spec_of(job);
  const Json& before = object_at(job.body(), "status");
  if (has_condition(before, "Complete") || has_condition(before, "Failed")) {
    if (!spec.contains("ttlSecondsAfterFinished")) return;
    WallTime end = job.meta().created;
    for (const Json& c : array_at(before, "conditions"))
      end = std::max(end, parse_rfc3339(string_at(c, "lastTransitionTime")).value_or(end));
    const WallTime due = end + std::chrono::seconds(int_at(spec, "ttlSecondsAfterFinished"));
    if (due <= world.now)
      writes.push_back(remove(job));
    else
      look_again(job, due);
    return;
  }
  const Pods pods = count(owned().owned(*world.objects, job.uid()));
  const bool suspended = bool_at(spec, "suspend");
  Json status = before;
  if (suspended)
    status.erase("startTime");
  else if (!status.contains("startTime"))
    status["startTime"] = rfc3339(world.now);
  const auto number = [&](const char* member, std::int64_t value) {
    if (value > 0 || std::string_view(member) == "ready")
      status[member] = value;
    else
      status.erase(member);
  };
  // What has ended once stays counted when its pod is deleted.
  number("succeeded", std::max(int_at(before, "succeeded"), pods.succeeded));
  number("failed", std::max(int_at(before, "failed"), pods.failed));
  number("active", static_cast<std::int64_t>(pods.active.size()));
  number("terminating", pods.terminating);
  number("ready", pods.ready);
  if (string_at(spec, "completionMode") == "Indexed" && !pods.done.empty())
    status["completedIndexes"] = indexes_text(pods.done);
  if (suspended) {
    for (const ObjectPtr& pod : pods.active) writes.push_back(remove(*pod));
    set_condition(status["conditions"], "Suspended", true, "JobSuspended", "Job suspended", world.now);
  } else {
    if (has_condition(before, "Suspended"))
      set_condition(status["conditions"], "Suspended", false, "JobResumed", "Job resumed", world.now);
    const Verdict verdict = judge(job, pods, status, world.now);
    if (verdict.type != nullptr) {
      finish(verdict, pods, status, world.now, writes);
    } else {
      for (const std::int64_t index : to_start(spec, pods, int_at(status, "succeeded")))
        writes.push_back(create("pods", pod_of(job, index)));
      if (const auto start = parse_rfc3339(string_at(status, "startTime"));
          start && spec.contains("activeDeadlineSeconds"))
        look_again(job, *start + std::chrono::seconds(int_at(spec, "activeDeadlineSeconds")));
    }
  }
  if (status != before) writes.push_back(put_status(job, std::move(status)));
}

}  // namespace minik::controllers
