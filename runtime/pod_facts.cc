#include "runtime/pod_facts.h"

#include <fmt/format.h>

#include "runtime/pod_decide.h"

namespace minik::runtime {
namespace {

using Kind = ContainerState::Kind;

std::string display_id(const std::string& cid) { return cid.empty() ? "" : "crun://" + cid; }

ContainerState waiting(std::string reason, std::string message) {
  ContainerState state;
  state.reason = std::move(reason);
  state.message = std::move(message);
  return state;
}

bool has_init(const PodState& pod) { return !pod.containers.empty() && pod.containers.front().init; }

ContainerFact container_fact(const PodState& pod, const ContainerRun& run) {
  ContainerFact fact;
  fact.name = run.name;
  fact.image = run.image;
  fact.image_id = run.image_id;
  fact.init = run.init;
  fact.state = container_state(pod, run);
  fact.last = run.last;
  // While it waits for its next run, the ended one is the last.
  if (run.phase == Phase::kEnded && fact.state.kind == Kind::kWaiting) fact.last = ended_state(run);
  fact.restarts = run.restarts;
  fact.started = run.phase == Phase::kRunning && run.started_ok;
  fact.ready = run.phase == Phase::kRunning && run.started_ok && run.ready;
  if (run.init) {
    fact.ready = run.phase == Phase::kEnded && run.exit_code == 0;
    fact.started = run.phase == Phase::kRunning;
  }
  return fact;
}

// Of a pod that minik itself serves: its containers run while it is wired.
ContainerFact built_in_fact(const PodState& pod, const ContainerRun& run) {
  ContainerFact fact;
  fact.name = run.name;
  fact.image = run.image;
  fact.image_id = "minik://built-in";
  if (!pod.wired || !pod.sandbox_ready) {
    fact.state = waiting("ContainerCreating", "");
    return fact;
  }
  fact.state.kind = Kind::kRunning;
  fact.state.started = run.started;
  fact.state.container_id = "minik://" + pod.uid;
  fact.started = fact.ready = true;
  return fact;
}

}  // namespace

ContainerState ended_state(const ContainerRun& run) {
  ContainerState state;
  state.kind = Kind::kTerminated;
  state.reason = run.end_reason;
  state.message = run.end_message;
  state.started = run.started;
  state.finished = run.finished;
  state.exit_code = run.exit_code;
  state.signal = run.signal;
  state.container_id = display_id(run.cid);
  return state;
}

ContainerState container_state(const PodState& pod, const ContainerRun& run) {
  if (run.phase == Phase::kRunning) {
    ContainerState state;
    state.kind = Kind::kRunning;
    state.started = run.started;
    state.container_id = display_id(run.cid);
    return state;
  }
  const bool stays_ended = run.phase == Phase::kEnded && (run.waiting_reason.empty() || pod.stopping());
  if (stays_ended) return ended_state(run);
  if (!run.waiting_reason.empty()) return waiting(run.waiting_reason, run.waiting_message);
  return waiting(has_init(pod) ? "PodInitializing" : "ContainerCreating", "");
}

PodFact pod_fact(const PodState& pod) {
  PodFact fact;
  fact.uid = pod.uid;
  fact.sandbox_ready = pod.sandbox_ready;
  fact.netns_path = pod.sandbox_ready ? pod.netns_path : "";
  fact.stopped = is_stopped(pod);
  for (const ContainerRun& run : pod.containers) {
    fact.containers.push_back(pod.built_in ? built_in_fact(pod, run) : container_fact(pod, run));
  }
  return fact;
}

std::string go_duration(Millis time) {
  const auto seconds = time.count() / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string crash_loop_message(const PodState& pod, const ContainerRun& run, Millis delay) {
  return fmt::format("back-off {} restarting failed container={} pod={}_{}({})", go_duration(delay), run.name,
                     pod.name, pod.ns, pod.uid);
}

}  // namespace minik::runtime
