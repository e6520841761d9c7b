#include "controllers/jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "controllers/job_pods.h"
#include "controllers/pods_of.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

// Why a Job ends, for its conditions and its Event.
struct Outcome {
  bool failed = false;
  std::string reason, message;
};

bool has_condition(const Json& status, std::string_view type) {
  for (const Json& condition : array_at(status, "conditions")) {
    if (string_at(condition, "type") == type && string_at(condition, "status") == "True") return true;
  }
  return false;
}

std::int64_t restarts_of(const Object& pod) {
  std::int64_t count = 0;
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& c : array_at(status_of(pod), list)) count += int_at(c, "restartCount");
  }
  return count;
}

// One Job in one round.
class Round {
 public:
  Round(const World& world, ObjectPtr job, std::vector<ObjectPtr> pods, Steps& steps)
      : world_(world),
        job_(std::move(job)),
        pods_(std::move(pods)),
        steps_(steps),
        writer_(job_, "job-controller", steps, world.now),
        status_(status_of(*job_)) {
    indexed_ = string_at(spec_of(*job_), "completionMode") == "Indexed";
    done_ = parse_indexes(string_at(status_, "completedIndexes"));
    broken_ = parse_indexes(string_at(status_, "failedIndexes"));
  }

  void run() {
    if (has_condition(status_, "Complete") || has_condition(status_, "Failed")) return finished();
    if (string_at(status_, "startTime").empty() && !suspended()) status_["startTime"] = rfc3339(world_.now);
    count_ended();
    sort_pods();
    if (const auto outcome = outcome_now()) {
      end_with(*outcome);
    } else {
      suspend_or_resume();
      if (suspended())
        drop_active();
      else
        fill();
    }
    write_numbers();
    if (status_ != status_of(*job_)) steps_.writes.push_back(put_status(*job_, std::move(status_)));
  }

 private:
  const Json& spec() const { return spec_of(*job_); }
  bool suspended() const { return bool_at(spec(), "suspend"); }
  std::int64_t number(const char* member) const { return int_at(status_, member); }
  void add(const char* member, std::int64_t count) {
    if (count != 0) status_[member] = number(member) + count;
  }

  // uid → counted numbers, as the header says.
  void count_ended() {
    std::map<std::string, ObjectPtr> held;
    for (const ObjectPtr& pod : pods_) {
      if (has_finalizer(*pod)) held[pod->uid()] = pod;
    }
    Json next = Json::object();
    std::set<std::string> known;
    for (const char* list : {"succeeded", "failed"}) {
      for (const Json& uid : array_at(object_at(status_, "uncountedTerminatedPods"), list)) {
        const std::string word = uid.is_string() ? uid.get<std::string>() : "";
        known.insert(word);
        const auto it = held.find(word);
        if (it == held.end()) {
          add(list, 1);
          continue;
        }
        next[list].push_back(word);
        steps_.writes.push_back(without_finalizer(*it->second));
      }
    }
    for (const auto& [uid, pod] : held) {
      if (known.contains(uid)) continue;
      if (has_succeeded(pod))
        note_success(pod, next);
      else if (has_failed(*job_, pod))
        note_failure(pod, next);
    }
    if (next.empty())
      status_.erase("uncountedTerminatedPods");
    else
      status_["uncountedTerminatedPods"] = std::move(next);
    uncounted_ = object_at(status_, "uncountedTerminatedPods");
  }
  void note_success(const ObjectPtr& pod, Json& next) {
    if (indexed_) {
      const auto index = index_of(*pod);
      if (!index || !done_.insert(*index).second) return steps_.writes.push_back(without_finalizer(*pod));
    }
    next["succeeded"].push_back(pod->uid());
  }
  void note_failure(const ObjectPtr& pod, Json& next) {
    const FailureVerdict verdict = verdict_of(*job_, *pod);
    if (verdict.action == FailureVerdict::Action::kIgnore)
      return steps_.writes.push_back(without_finalizer(*pod));
    if (verdict.action == FailureVerdict::Action::kFailJob) policy_message_ = verdict.message;
    if (indexed_ && spec().contains("backoffLimitPerIndex")) {
      const auto index = index_of(*pod);
      const bool fatal = verdict.action == FailureVerdict::Action::kFailIndex ||
                         (index && failures_of(*index) > int_at(spec(), "backoffLimitPerIndex"));
      if (index && fatal && !done_.contains(*index)) broken_.insert(*index);
    }
    next["failed"].push_back(pod->uid());
  }
  // Failed pods of an index that are still there: they stay until the Job goes.
  std::int64_t failures_of(std::int64_t index) const {
    return std::count_if(pods_.begin(), pods_.end(), [&](const ObjectPtr& pod) {
      return index_of(*pod) == index && has_failed(*job_, pod);
    });
  }

  void sort_pods() {
    for (const ObjectPtr& pod : pods_) {
      if (is_active(pod))
        active_.push_back(pod);
      else if (pod->meta().deletion && !pod->view<api::Pod>().finished())
        ++terminating_;
    }
  }
  std::int64_t succeeded() const {
    return indexed_
               ? static_cast<std::int64_t>(done_.size())
               : number("succeeded") + static_cast<std::int64_t>(array_at(uncounted_, "succeeded").size());
  }
  std::int64_t failed() const {
    return number("failed") + static_cast<std::int64_t>(array_at(uncounted_, "failed").size());
  }

  // Whether the Job ends now.
  std::optional<Outcome> outcome_now() {
    for (const Json& condition : array_at(status_, "conditions")) {
      if (string_at(condition, "status") != "True") continue;
      if (string_at(condition, "type") == "FailureTarget")
        return Outcome{true, string_at(condition, "reason"), string_at(condition, "message")};
      if (string_at(condition, "type") == "SuccessCriteriaMet")
        return Outcome{false, string_at(condition, "reason"), string_at(condition, "message")};
    }
    if (!policy_message_.empty()) return Outcome{true, "PodFailurePolicy", policy_message_};
    if (over_limit())
      return Outcome{true, "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
    if (over_deadline())
      return Outcome{true, "DeadlineExceeded", "Job was active longer than specified deadline"};
    if (auto outcome = outcome_of_indexes()) return outcome;
    if (!enough()) return std::nullopt;
    return Outcome{false, "CompletionsReached", "Reached expected number of succeeded pods"};
  }
  bool over_limit() const {
    const std::int64_t limit = int_at(spec(), "backoffLimit", 6);
    if (failed() > limit) return true;
    if (string_at(object_at(template_of(*job_), "spec"), "restartPolicy") != "OnFailure") return false;
    std::int64_t restarts = 0;
    for (const ObjectPtr& pod : active_) restarts += restarts_of(*pod);
    return limit == 0 ? restarts > 0 : restarts >= limit;
  }
  bool over_deadline() {
    const auto start = parse_rfc3339(string_at(status_, "startTime"));
    if (!spec().contains("activeDeadlineSeconds") || !start || suspended()) return false;
    const WallTime end = *start + std::chrono::seconds(int_at(spec(), "activeDeadlineSeconds"));
    if (end <= world_.now) return true;
    steps_.later(end);
    return false;
  }
  std::optional<Outcome> outcome_of_indexes() const {
    if (broken_.empty()) return std::nullopt;
    const auto broken = static_cast<std::int64_t>(broken_.size());
    if (spec().contains("maxFailedIndexes") && broken > int_at(spec(), "maxFailedIndexes"))
      return Outcome{true, "MaxFailedIndexesExceeded",
                     "Job has exceeded the specified maximal number of failed indexes"};
    if (broken + succeeded() >= int_at(spec(), "completions"))
      return Outcome{true, "FailedIndexes", "Job has failed indexes"};
    return std::nullopt;
  }
  bool enough() const {
    if (spec().contains("completions")) return succeeded() >= int_at(spec(), "completions");
    return succeeded() > 0 && active_.empty();
  }

  void end_with(const Outcome& outcome) {
    Json conditions = array_at(status_, "conditions");
    const auto set = [&](const char* type) {
      set_condition(conditions, type, true, outcome.reason, outcome.message, world_.now);
      for (Json& condition : conditions) {
        if (!condition.contains("lastProbeTime")) condition["lastProbeTime"] = rfc3339(world_.now);
      }
    };
    set(outcome.failed ? "FailureTarget" : "SuccessCriteriaMet");
    const bool quiet = active_.empty() && terminating_ == 0 && uncounted_.empty();
    drop_active();
    if (quiet) {
      set(outcome.failed ? "Failed" : "Complete");
      if (!outcome.failed) status_["completionTime"] = rfc3339(world_.now);
      writer_.tell(outcome.failed, outcome.failed ? outcome.reason : "Completed",
                   outcome.failed ? outcome.message : "Job completed");
      steps_.later(world_.now);
    }
    status_["conditions"] = std::move(conditions);
  }

  void suspend_or_resume() {
    const bool was = has_condition(status_, "Suspended");
    if (was == suspended()) return;
    Json conditions = array_at(status_, "conditions");
    const std::string word = suspended() ? "suspended" : "resumed";
    set_condition(conditions, "Suspended", suspended(), suspended() ? "JobSuspended" : "JobResumed",
                  "Job " + word, world_.now);
    status_["conditions"] = std::move(conditions);
    writer_.tell(false, suspended() ? "Suspended" : "Resumed", "Job " + word);
    if (suspended())
      status_.erase("startTime");
    else
      status_["startTime"] = rfc3339(world_.now);
  }

  void drop_active() {
    for (const ObjectPtr& pod : active_) writer_.drop(*pod);
    terminating_ += static_cast<std::int64_t>(active_.size());
    active_.clear();
  }

  // As many active pods as may be.
  void fill() {
    std::int64_t wanted = int_at(spec(), "parallelism", 1);
    if (spec().contains("completions")) {
      const std::int64_t lost = static_cast<std::int64_t>(broken_.size());
      wanted = std::min(wanted, int_at(spec(), "completions") - succeeded() - lost);
    } else if (succeeded() > 0) {
      wanted = std::min(wanted, static_cast<std::int64_t>(active_.size()));
    }
    wanted = std::max<std::int64_t>(0, wanted);
    const auto there = static_cast<std::int64_t>(active_.size());
    if (there > wanted) {
      std::stable_sort(active_.begin(), active_.end(), [](const ObjectPtr& a, const ObjectPtr& b) {
        return std::pair(is_ready(a), b->meta().created) < std::pair(is_ready(b), a->meta().created);
      });
      for (std::int64_t i = 0; i < there - wanted; ++i) writer_.drop(*active_[static_cast<std::size_t>(i)]);
      active_.erase(active_.begin(), active_.begin() + (there - wanted));
      return;
    }
    const bool replace_ended_only = string_at(spec(), "podReplacementPolicy") == "Failed";
    const std::int64_t room = wanted - there - (replace_ended_only ? terminating_ : 0);
    if (room > 0 && !backing_off()) make(room);
  }
  bool backing_off() {
    WallTime last{}, success{};
    for (const ObjectPtr& pod : pods_) {
      if (has_succeeded(pod)) success = std::max(success, end_of(*pod, world_.now));
      if (has_failed(*job_, pod)) last = std::max(last, end_of(*pod, world_.now));
    }
    const auto failures = std::count_if(pods_.begin(), pods_.end(), [&](const ObjectPtr& pod) {
      return has_failed(*job_, pod) && end_of(*pod, world_.now) >= success;
    });
    if (failures == 0) return false;
    const WallTime ready = last + backoff_of(failures);
    if (ready <= world_.now) return false;
    steps_.later(ready);
    return true;
  }
  void make(std::int64_t room) {
    if (!indexed_) {
      for (std::int64_t i = 0; i < room; ++i) writer_.make(job_pod(*job_, std::nullopt));
      return;
    }
    std::set<std::int64_t> busy = done_;
    busy.insert(broken_.begin(), broken_.end());
    for (const ObjectPtr& pod : active_) {
      if (const auto index = index_of(*pod)) busy.insert(*index);
    }
    for (std::int64_t index = 0; index < int_at(spec(), "completions") && room > 0; ++index) {
      if (busy.contains(index)) continue;
      writer_.make(job_pod(*job_, index));
      --room;
    }
  }

  void write_numbers() {
    const auto ready =
        std::count_if(active_.begin(), active_.end(), [](const auto& p) { return is_ready(p); });
    status_["ready"] = ready;
    status_["terminating"] = terminating_;
    if (active_.empty())
      status_.erase("active");
    else
      status_["active"] = active_.size();
    if (indexed_) {
      if (!done_.empty()) status_["completedIndexes"] = indexes_text(done_);
      if (spec().contains("backoffLimitPerIndex")) status_["failedIndexes"] = indexes_text(broken_);
    }
  }

  // Frees what is left, and deletes the Job when its time after the end is over.
  void finished() {
    for (const ObjectPtr& pod : pods_) {
      if (has_finalizer(*pod)) steps_.writes.push_back(without_finalizer(*pod));
    }
    if (!spec().contains("ttlSecondsAfterFinished")) return;
    WallTime end = world_.now;
    for (const Json& condition : array_at(status_, "conditions")) {
      const std::string type = string_at(condition, "type");
      if (type == "Complete" || type == "Failed")
        end = parse_rfc3339(string_at(condition, "lastTransitionTime")).value_or(world_.now);
    }
    end += std::chrono::seconds(int_at(spec(), "ttlSecondsAfterFinished"));
    if (end > world_.now)
      steps_.later(end);
    else
      steps_.writes.push_back(remove(*job_));
  }

  const World& world_;
  ObjectPtr job_;
  std::vector<ObjectPtr> pods_, active_;
  Steps& steps_;
  PodWriter writer_;
  Json status_;
  Json uncounted_ = Json::object();
  std::string policy_message_;
  std::set<std::int64_t> done_, broken_;
  std::int64_t terminating_ = 0;
  bool indexed_ = false;
};

}  // namespace

std::chrono::seconds backoff_of(std::int64_t failures) {
  constexpr std::int64_t kFirst = 10, kMost = 600;
  if (failures <= 0) return std::chrono::seconds(0);
  return std::chrono::seconds(failures > 6 ? kMost : std::min(kMost, kFirst << (failures - 1)));
}

void JobController::sync(const World& world, const ObjectPtr& job, std::vector<ObjectPtr> pods,
                         Steps& steps) const {
  Round(world, job, std::move(pods), steps).run();
}

// Nobody counts these pods any more: nothing may hold them.
void JobController::gone(const World& world, const api::NsName& name, Steps& steps) const {
  world.objects->for_each("pods", name.ns, [&](const ObjectPtr& pod) {
    const api::OwnerRef* owner = controller_of(*pod);
    if (owner != nullptr && owner->kind == "Job" && owner->name == name.name && has_finalizer(*pod))
      steps.writes.push_back(without_finalizer(*pod));
  });
}

}  // namespace minik::controllers
