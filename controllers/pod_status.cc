#include "controllers/pod_status.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pod.h"
#include "base/text.h"

namespace minik::controllers {

using api::ContainerFact;
using api::ContainerState;
using api::Object;
using api::ObjectPtr;
using api::PodFact;
using api::Write;

namespace {

using StateKind = ContainerState::Kind;

Json state_json(const ContainerState& state) {
  switch (state.kind) {
    case StateKind::kRunning:
      return {{"running", {{"startedAt", rfc3339(state.started)}}}};
    case StateKind::kWaiting: {
      Json waiting = {{"reason", state.reason}};
      if (!state.message.empty()) waiting["message"] = state.message;
      return {{"waiting", waiting}};
    }
    case StateKind::kTerminated:
      break;
  }
  Json ended = {{"exitCode", state.exit_code},
                {"reason", state.reason},
                {"startedAt", rfc3339(state.started)},
                {"finishedAt", rfc3339(state.finished)},
                {"containerID", state.container_id}};
  if (state.signal != 0) ended["signal"] = state.signal;
  if (!state.message.empty()) ended["message"] = state.message;
  return {{"terminated", ended}};
}

Json container_json(const ContainerFact& fact) {
  Json json = {{"name", fact.name},
               {"image", fact.image},
               {"imageID", fact.image_id},
               {"ready", fact.ready},
               {"restartCount", fact.restarts},
               {"started", fact.started},
               {"state", state_json(fact.state)},
               {"lastState", fact.last ? state_json(*fact.last) : Json::object()}};
  const std::string& id = !fact.state.container_id.empty() ? fact.state.container_id
                          : fact.last                      ? fact.last->container_id
                                                           : fact.state.container_id;
  if (!id.empty()) json["containerID"] = id;
  return json;
}

bool succeeded(const ContainerFact& c) {
  return c.state.kind == StateKind::kTerminated && c.state.exit_code == 0;
}

// Conditions that say what is missing: [a b].
std::string bracket(const std::vector<std::string>& names) { return "[" + join(names, " ") + "]"; }

void set_readiness(Json& conditions, const PodFact& fact, const std::string& phase, WallTime now) {
  std::vector<std::string> unready;
  bool any_started = false;
  for (const auto& c : fact.containers) {
    if (c.init) continue;
    any_started |= c.state.kind == StateKind::kRunning || c.last.has_value();
    if (!c.ready) unready.push_back(c.name);
  }
  for (const char* type : {"Ready", "ContainersReady"}) {
    if (phase == "Succeeded")
      set_condition(conditions, type, false, "PodCompleted", "", now);
    else if (phase == "Failed")
      set_condition(conditions, type, false, "PodFailed", "", now);
    else if (fact.containers.empty())
      set_condition(conditions, type, false, "UnknownContainerStatuses", "", now);
    else if (unready.empty() && !fact.stopped)
      set_condition(conditions, type, true, "", "", now);
    else
      set_condition(conditions, type, false, "ContainersNotReady",
                    "containers with unready status: " + bracket(unready), now);
  }
}

void set_initialized(Json& conditions, const PodFact& fact, const std::string& phase, WallTime now) {
  std::vector<std::string> incomplete;
  bool regular_started = false;
  for (const auto& c : fact.containers) {
    if (c.init && !succeeded(c)) incomplete.push_back(c.name);
    if (!c.init && (c.state.kind != StateKind::kWaiting || c.last)) regular_started = true;
  }
  if (phase == "Succeeded")
    set_condition(conditions, "Initialized", true, "PodCompleted", "", now);
  else if (incomplete.empty() || regular_started)
    set_condition(conditions, "Initialized", true, "", "", now);
  else
    set_condition(conditions, "Initialized", false, "ContainersNotInitialized",
                  "containers with incomplete status: " + bracket(incomplete), now);
}

void order_conditions(Json& conditions) {
  static const std::vector<std::string> kOrder = {"PodReadyToStartContainers", "Initialized", "Ready",
                                                  "ContainersReady", "PodScheduled"};
  std::vector<Json> sorted(conditions.begin(), conditions.end());
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Json& a, const Json& b) {
    const auto rank = [&](const Json& c) {  // Conditions of others come first.
      const auto it = std::find(kOrder.begin(), kOrder.end(), string_at(c, "type"));
      return it == kOrder.end() ? -1 : static_cast<int>(it - kOrder.begin());
    };
    return rank(a) < rank(b);
  });
  conditions = sorted;
}

std::string qos_class(const Object& pod) {
  bool any = false, equal = true;
  for (const Json& c : array_at(object_at(pod.body(), "spec"), "containers")) {
    const Json& resources = object_at(c, "resources");
    const Json& limits = object_at(resources, "limits");
    const Json& requests = object_at(resources, "requests");
    any |= !limits.empty() || !requests.empty();
    equal = equal && limits.contains("cpu") && limits.contains("memory") &&
            (requests.empty() || requests == limits);
  }
  return !any ? "BestEffort" : equal ? "Guaranteed" : "Burstable";
}

}  // namespace

std::string pod_phase(const Object& pod, const PodFact& fact) {
  const auto& spec = pod.view<api::Pod>();
  if (spec.finished()) return spec.phase;  // A terminal phase never changes again.
  int running = 0, stopped = 0, waiting = 0, pending_init = 0, ok = 0;
  bool any_regular_started = false;
  for (const auto& c : fact.containers) {
    if (c.init) {
      const bool failed_for_good =
          c.state.kind == StateKind::kTerminated && c.state.exit_code != 0 && spec.restart_policy == "Never";
      if (failed_for_good) return "Failed";
      if (!succeeded(c)) ++pending_init;
      continue;
    }
    if (c.state.kind == StateKind::kRunning)
      ++running;
    else if (c.state.kind == StateKind::kTerminated || c.last)
      ++stopped;
    else
      ++waiting;
    if (c.state.kind == StateKind::kTerminated && c.state.exit_code == 0) ++ok;
    any_regular_started |= c.state.kind != StateKind::kWaiting || c.last.has_value();
  }
  if (pending_init > 0 && !any_regular_started) return "Pending";
  if (waiting > 0 || (running == 0 && stopped == 0)) return "Pending";
  if (running > 0) return "Running";
  if (fact.stopped) return ok == stopped ? "Succeeded" : "Failed";
  if (spec.restart_policy == "Always") return "Running";
  if (ok == stopped) return "Succeeded";
  return spec.restart_policy == "Never" ? "Failed" : "Running";
}

Json pod_status(const Object& pod, const PodFact& fact, WallTime now) {
  Json status = object_at(pod.body(), "status");
  const std::string phase = pod_phase(pod, fact);
  status["phase"] = phase;
  status["qosClass"] = qos_class(pod);
  if (!status.contains("startTime")) status["startTime"] = rfc3339(now);
  Json containers = Json::array(), init = Json::array();
  for (const auto& c : fact.containers) (c.init ? init : containers).push_back(container_json(c));
  if (!containers.empty()) status["containerStatuses"] = std::move(containers);
  if (!init.empty()) status["initContainerStatuses"] = std::move(init);
  Json conditions = array_at(status, "conditions");
  set_condition(conditions, "PodReadyToStartContainers", fact.sandbox_ready && !fact.stopped, "", "", now);
  set_initialized(conditions, fact, phase, now);
  set_readiness(conditions, fact, phase, now);
  for (Json& condition : conditions) {
    if (!condition.contains("lastProbeTime")) condition["lastProbeTime"] = nullptr;
  }
  order_conditions(conditions);
  status["conditions"] = std::move(conditions);
  return status;
}

namespace {

// The runtime is through with a pod that was to go.
Write end_of(const Object& pod, const PodFact& fact, WallTime now) {
  Write gone = remove(pod);
  gone.op = Write::Op::kRemove;
  if (pod.meta().finalizers.empty()) return gone;
  gone.op = Write::Op::kPutAll;  // Others must still act: only the grace is over.
  gone.expected_revision = pod.revision();
  gone.body = pod.body();
  gone.body["metadata"]["deletionGracePeriodSeconds"] = 0;
  gone.body["status"] = pod_status(pod, fact, now);
  return gone;
}

}  // namespace

std::vector<Write> PodStatusController::reconcile(const World& world) {
  std::set<std::string>
      dirty;  // Uids of pods that changed and of pods of which the runtime says something new.
  api::Snapshot::diff(seen_.get(), *world.objects, "pods",
                      [&](const ObjectPtr& before, const ObjectPtr& after) {
                        if (before != nullptr && (after == nullptr || after->uid() != before->uid()))
                          names_.erase(before->uid());
                        if (after == nullptr) return;
                        names_[after->uid()] = {after->ns(), after->name()};
                        dirty.insert(after->uid());
                      });
  api::PodFacts::diff(seen_facts_, *world.facts, [&](const std::string& uid, const auto*, const auto* fact) {
    if (fact != nullptr) dirty.insert(uid);
  });
  seen_ = world.objects;
  seen_facts_ = *world.facts;
  std::vector<Write> writes;
  for (const auto& uid : dirty) {
    const auto* fact = world.facts->find(uid);
    const auto name = names_.find(uid);
    if (fact == nullptr || name == names_.end()) continue;
    const ObjectPtr pod = world.objects->find("pods", name->second.ns, name->second.name);
    if ((*fact)->stopped && pod->meta().deletion) {
      Write gone = end_of(*pod, **fact, world.now);
      if (gone.body != pod->body()) writes.push_back(std::move(gone));
      continue;
    }
    Json status = pod_status(*pod, **fact, world.now);
    if (status != object_at(pod->body(), "status")) writes.push_back(put_status(*pod, std::move(status)));
  }
  return writes;
}

}  // namespace minik::controllers
