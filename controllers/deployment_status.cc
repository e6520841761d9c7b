#include "controllers/deployment_status.h"

#include <fmt/format.h>

#include <limits>

#include "controllers/deployments.h"
#include "controllers/pods_of.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

const Json& condition_of(const Json& status, std::string_view type) {
  static const Json kNone = Json::object();
  for (const Json& condition : array_at(status, "conditions")) {
    if (string_at(condition, "type") == type) return condition;
  }
  return kNone;
}

std::int64_t unavailable_allowed(const Object& deployment) {
  const Json& strategy = object_at(spec_of(deployment), "strategy");
  const std::int64_t wanted = int_at(spec_of(deployment), "replicas", 1);
  if (string_at(strategy, "type") == "Recreate" || wanted == 0) return 0;
  const Json& rolling = object_at(strategy, "rollingUpdate");
  const auto surge = resolve_share(rolling.value("maxSurge", Json("25%")), wanted, true);
  const auto most = resolve_share(rolling.value("maxUnavailable", Json("25%")), wanted, false);
  return surge == 0 && most == 0 ? 1 : std::min(most, wanted);
}

// What Progressing says next.
struct Progress {
  std::string word, reason, message;
  bool renew = false;  // Something moved: the deadline begins anew.
};

bool has_moved(const Json& before, const Json& after) {
  const auto old_pods = [](const Json& s) { return int_at(s, "replicas") - int_at(s, "updatedReplicas"); };
  return int_at(after, "updatedReplicas") > int_at(before, "updatedReplicas") ||
         old_pods(after) < old_pods(before) ||
         int_at(after, "readyReplicas") > int_at(before, "readyReplicas") ||
         int_at(after, "availableReplicas") > int_at(before, "availableReplicas");
}

bool is_complete(const Json& status, std::int64_t wanted) {
  return int_at(status, "updatedReplicas") == wanted && int_at(status, "replicas") == wanted &&
         int_at(status, "availableReplicas") == wanted;
}

// Without a reason: stays as it is.
Progress progress_of(const Object& deployment, const Json& status, const std::string& set, WallTime now,
                     Steps& steps) {
  const Json& before = condition_of(status_of(deployment), "Progressing");
  const std::string reason = string_at(before, "reason");
  if (bool_at(spec_of(deployment), "paused"))
    return {"Unknown", "DeploymentPaused", "Deployment is paused", reason != "DeploymentPaused"};
  if (reason == "DeploymentPaused") return {"Unknown", "DeploymentResumed", "Deployment is resumed", true};
  if (int_at(status, "replicas") == int_at(status, "updatedReplicas") && reason == "NewReplicaSetAvailable")
    return {};
  const std::string name = fmt::format("ReplicaSet \"{}\"", set);
  if (is_complete(status, int_at(spec_of(deployment), "replicas", 1)))
    return {"True", "NewReplicaSetAvailable", name + " has successfully progressed.", true};
  if (has_moved(status_of(deployment), status))
    return {"True", "ReplicaSetUpdated", name + " is progressing.", true};
  const auto since = parse_rfc3339(string_at(before, "lastUpdateTime"));
  const std::int64_t seconds = int_at(spec_of(deployment), "progressDeadlineSeconds", 600);
  if (before.empty())
    return {"True", "FoundNewReplicaSet", fmt::format("Found new replica set \"{}\"", set), true};
  if (!since || reason == "ProgressDeadlineExceeded" || seconds >= std::numeric_limits<std::int32_t>::max())
    return {};
  const WallTime end = *since + std::chrono::seconds(seconds);
  if (now > end) return {"False", "ProgressDeadlineExceeded", name + " has timed out progressing.", true};
  steps.later(end + std::chrono::seconds(1));
  return {};
}

void set_progress(Json& conditions, const Progress& progress, WallTime now) {
  if (progress.reason.empty()) return;
  set_condition_word(conditions, "Progressing", progress.word, progress.reason, progress.message, now);
  for (Json& condition : conditions) {
    if (string_at(condition, "type") == "Progressing" && progress.renew)
      condition["lastUpdateTime"] = rfc3339(now);
  }
}

}  // namespace

Json deployment_status(const Object& deployment, const std::vector<ObjectPtr>& all, const Object* fresh,
                       const std::string& made, WallTime now, Steps& steps) {
  std::int64_t total = 0, ready = 0, available = 0;
  for (const ObjectPtr& set : all) {
    total += int_at(status_of(*set), "replicas");
    ready += int_at(status_of(*set), "readyReplicas");
    available += int_at(status_of(*set), "availableReplicas");
  }
  const std::int64_t wanted = int_at(spec_of(deployment), "replicas", 1);
  Json status = {{"observedGeneration", deployment.meta().generation}};
  if (status_of(deployment).contains("collisionCount"))
    status["collisionCount"] = status_of(deployment)["collisionCount"];
  const auto number = [&](const char* member, std::int64_t value) {
    if (value > 0) status[member] = value;
  };
  number("replicas", total);
  number("updatedReplicas", fresh == nullptr ? 0 : int_at(status_of(*fresh), "replicas"));
  number("readyReplicas", ready);
  number("availableReplicas", available);
  number("unavailableReplicas", std::max<std::int64_t>(0, std::max(total, wanted) - available));
  Json conditions = array_at(status_of(deployment), "conditions");
  const bool enough = available >= wanted - unavailable_allowed(deployment);
  const bool was = string_at(condition_of(status_of(deployment), "Available"), "status") == "True";
  set_condition(
      conditions, "Available", enough, enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
      now);
  if (!made.empty())
    set_progress(conditions,
                 {"True", "NewReplicaSetCreated", fmt::format("Created new replica set \"{}\"", made), true},
                 now);
  else
    set_progress(
        conditions,
        progress_of(deployment, status, fresh == nullptr ? deployment.name() : fresh->name(), now, steps),
        now);
  for (Json& condition : conditions) {
    const bool turned = string_at(condition, "type") == "Available" && was != enough;
    if (!condition.contains("lastUpdateTime") || turned) condition["lastUpdateTime"] = rfc3339(now);
  }
  status["conditions"] = std::move(conditions);
  return status;
}

}  // namespace minik::controllers
