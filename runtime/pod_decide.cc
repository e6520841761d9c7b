#include "runtime/pod_decide.h"

#include <algorithm>
#include <csignal>

#include "api/pod.h"

namespace minik::runtime {
namespace {

using Kind = Action::Kind;

void earlier(std::optional<SteadyTime>& time, SteadyTime candidate) {
  if (!time || candidate < *time) time = candidate;
}

Action when(Kind kind, std::size_t container, SteadyTime not_before, SteadyTime now) {
  if (now >= not_before) return {kind, container, std::nullopt};
  return {Kind::kNone, 0, not_before};
}

bool addresses_known(const PodState& pod) {
  return pod.host_network || pod.object->view<api::Pod>().ip.has_value();
}

Action for_container(const PodState& pod, std::size_t i, SteadyTime now) {
  const ContainerRun& run = pod.containers[i];
  switch (run.phase) {
    case Phase::kNone:
      return when(Kind::kCreate, i, run.not_before, now);
    case Phase::kCreated:
      return pod.wired ? Action{Kind::kStart, i, std::nullopt} : Action{};
    case Phase::kEnded:
      return should_restart(pod.restart_policy, run) ? when(Kind::kBeginRun, i, run.not_before, now)
                                                     : Action{};
    default:
      return {};
  }
}

// The init container whose turn it is, or nothing when all are done.
std::optional<std::size_t> current_init(const PodState& pod) {
  for (std::size_t i = 0; i < pod.containers.size() && pod.containers[i].init; ++i) {
    const ContainerRun& run = pod.containers[i];
    if (run.phase != Phase::kEnded || run.exit_code != 0) return i;
  }
  return std::nullopt;
}

Action run_containers(const PodState& pod, SteadyTime now) {
  if (const auto init = current_init(pod)) return for_container(pod, *init, now);
  Action nothing;
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    if (pod.containers[i].init) continue;
    const Action action = for_container(pod, i, now);
    if (action.kind != Kind::kNone) return action;
    if (action.look_again) earlier(nothing.look_again, *action.look_again);
  }
  return nothing;
}

Action stop_containers(const PodState& pod) {
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    if (pod.containers[i].phase == Phase::kCreated) return {Kind::kDiscard, i, std::nullopt};
  }
  return {};
}

}  // namespace

Millis next_delay(std::optional<Millis> previous, Millis went_well, const BackoffRule& rule) {
  if (!previous || went_well >= rule.reset_after) return Millis(0);
  return next_pull_delay(*previous == Millis(0) ? std::nullopt : previous, rule);
}

Millis next_pull_delay(std::optional<Millis> previous, const BackoffRule& rule) {
  return previous ? std::min(*previous * 2, rule.max) : rule.initial;
}

bool should_restart(std::string_view policy, const ContainerRun& run) {
  if (run.init) return run.exit_code != 0 && policy != "Never";
  return policy == "Always" || (policy == "OnFailure" && run.exit_code != 0);
}

Action decide(const PodState& pod, SteadyTime now) {
  if (pod.busy) return {};
  if (!pod.wanted) return when(Kind::kTearDown, 0, pod.tear_down_not_before, now);
  if (!pod.garbage.empty()) return {Kind::kClean, 0, std::nullopt};
  if (pod.object == nullptr) return {};
  if (pod.stopping()) return stop_containers(pod);
  if (!pod.sandbox_ready) return when(Kind::kMakeSandbox, 0, pod.sandbox_not_before, now);
  if (pod.built_in || !addresses_known(pod)) return {};
  if (pod.volumes_at && now >= *pod.volumes_at) return {Kind::kRefreshVolumes, 0, std::nullopt};
  Action action = run_containers(pod, now);
  if (action.kind == Kind::kNone && pod.volumes_at) earlier(action.look_again, *pod.volumes_at);
  return action;
}

std::vector<SignalWish> due_signals(const PodState& pod, SteadyTime now) {
  std::vector<SignalWish> due;
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    const ContainerRun& run = pod.containers[i];
    if (run.phase != Phase::kRunning) continue;
    const bool at_once = !pod.wanted;
    const auto kill_at = run.kill_at ? run.kill_at : pod.kill_at;
    if (!kill_at && !at_once) continue;
    if (at_once || now >= *kill_at) {
      if (!run.kill_sent) due.push_back({i, SIGKILL});
    } else if (!run.term_sent) {
      due.push_back({i, SIGTERM});
    }
  }
  return due;
}

std::optional<SteadyTime> next_signal_time(const PodState& pod) {
  std::optional<SteadyTime> time;
  for (const ContainerRun& run : pod.containers) {
    if (run.phase != Phase::kRunning || run.kill_sent) continue;
    if (const auto kill_at = run.kill_at ? run.kill_at : pod.kill_at) earlier(time, *kill_at);
  }
  return time;
}

bool is_stopped(const PodState& pod) {
  if (!pod.stopping()) return false;
  return std::none_of(pod.containers.begin(), pod.containers.end(), [](const ContainerRun& run) {
    return run.phase == Phase::kCreating || is_live(run.phase);
  });
}

}  // namespace minik::runtime
