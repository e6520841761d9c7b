#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "base/files.h"
#include "base/log.h"
#include "runtime/lifecycle.h"
#include "runtime/pod_facts.h"
#include "runtime/process.h"

namespace minik::runtime {
namespace {

constexpr int kLostCode = 137;
constexpr const char* kLostMessage = "The container could not be located when the pod was terminated";

}  // namespace

void Lifecycle::running(Pod& pod, ContainerRun& run, WallTime since) {
  run.phase = Phase::kRunning;
  run.started = since;
  run.kill_at.reset();
  run.term_sent = run.kill_sent = false;
  run.started_ok = run.ready = false;
  emit(pod, false, run.name, "Started", "Started container " + run.name);
  start_probes(pod, run);
}

void Lifecycle::ended(Pod& pod, ContainerRun& run, int code, int signal, WallTime started,
                      WallTime finished) {
  if (run.phase == Phase::kStarting) running(pod, run, started);
  if (run.phase != Phase::kRunning) return;
  run.phase = Phase::kEnded;
  run.exit_code = code;
  run.signal = signal;
  run.finished = finished;
  run.end_reason = code == 0 ? "Completed" : "Error";
  run.end_message = out_.maker.termination_message(run.cid);
  run.waiting_reason.clear();
  run.waiting_message.clear();
  pod.state.garbage.push_back(run.cid);
  end_run(pod, run);
}

// The run is over, however it ended: what follows by the restart policy.
void Lifecycle::end_run(Pod& pod, ContainerRun& run) {
  prober_.unwatch(run.cid);
  forget_orphan(pod, run.cid);
  run.ready = run.started_ok = false;
  run.kill_at.reset();
  if (pod.state.stopping() || !pod.state.wanted) return;
  if (!should_restart(pod.state.restart_policy, run)) {
    run.waiting_reason.clear();
    return;
  }
  const Millis went_well =
      run.started == WallTime{} ? Millis(0) : std::chrono::duration_cast<Millis>(run.finished - run.started);
  const Millis delay = next_delay(run.backoff, went_well, backoff_);
  run.backoff = delay;
  run.not_before = steady_now() + delay;
  if (delay == Millis(0)) return;
  run.waiting_reason = "CrashLoopBackOff";
  run.waiting_message = crash_loop_message(pod.state, run, delay);
  emit(pod, true, run.name, "BackOff",
       fmt::format("Back-off restarting failed container {} in pod {}_{}({})", run.name, pod.state.name,
                   pod.state.ns, pod.state.uid));
}

// Nobody knows how it ended.
void Lifecycle::lost(Pod& pod, ContainerRun& run) {
  if (const auto text = read_file(paths_.bundle(run.cid) + "/exit"); text.ok()) {
    if (const auto record = parse_json(*text); record.ok()) {
      return ended(pod, run, static_cast<int>(int_at(*record, "code")),
                   static_cast<int>(int_at(*record, "signal")), from_ns(int_at(*record, "startedNs")),
                   from_ns(int_at(*record, "finishedNs")));
    }
  }
  ended(pod, run, kLostCode, 0, run.started, wall_now());
  if (run.phase != Phase::kEnded) return;
  run.end_reason = "ContainerStatusUnknown";
  run.end_message = kLostMessage;
}

void Lifecycle::watch_shim(Pod& pod) {
  if (pod.state.built_in) return;
  if (!pod.shim) {
    auto shim = ShimClient::connect(paths_.run_pod(pod.state.uid));
    if (!shim.ok()) return;
    pod.shim = *std::move(shim);
    const auto added = out_.loop.add(pod.shim->fd(), EPOLLIN, [this, uid = pod.state.uid](std::uint32_t) {
      const auto it = pods_.find(uid);
      if (it != pods_.end()) shim_readable(*PodPtr(it->second));
    });
    if (!added.ok()) log_warn("runtime", "watch a shim: {}", added.error().message());
  }
  if (!pod.shim->send_watch().ok()) shim_gone(pod);
}

void Lifecycle::shim_readable(Pod& pod) {
  while (pod.shim) {
    auto reply = pod.shim->receive();
    if (!reply.ok()) {
      shim_gone(pod);
      break;
    }
    if (!*reply) break;
    if ((*reply)->verb != shim::kWatch && (*reply)->verb != shim::kExited) continue;
    for (const auto& entry : (*reply)->entries) see_entry(pod, entry);
  }
  step(pod);
}

// The containers may live on; only their logs have ended.
void Lifecycle::shim_gone(Pod& pod) {
  if (pod.shim) out_.loop.remove(pod.shim->fd());
  pod.shim.reset();
  if (!pod.state.wanted) return;
  for (auto& run : pod.state.containers) {
    if (!is_live(run.phase)) continue;
    if (run.phase == Phase::kCreated) {
      pod.state.garbage.push_back(run.cid);
      run.phase = Phase::kNone;
      run.cid.clear();
    } else if (is_alive(run.pid, run.start_ticks)) {
      watch_orphan(pod, run);
    } else {
      lost(pod, run);
    }
  }
}

void Lifecycle::forget_orphan(Pod& pod, const std::string& cid) {
  const auto orphan = pod.orphans.find(cid);
  if (orphan == pod.orphans.end()) return;
  out_.loop.remove(orphan->second.get());
  pod.orphans.erase(orphan);
}

void Lifecycle::watch_orphan(Pod& pod, ContainerRun& run) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, run.pid, 0)));
  if (!fd.valid()) return lost(pod, run);
  const auto added =
      out_.loop.add(fd.get(), EPOLLIN, [this, uid = pod.state.uid, cid = run.cid](std::uint32_t) {
        const auto it = pods_.find(uid);
        if (it == pods_.end()) return;
        const PodPtr kept = it->second;
        if (const auto orphan = kept->orphans.find(cid); orphan != kept->orphans.end()) {
          out_.loop.remove(orphan->second.get());
          kept->orphans.erase(orphan);
        }
        if (ContainerRun* gone = kept->state.find_cid(cid)) lost(*kept, *gone);
        step(*kept);
      });
  if (added.ok()) pod.orphans[run.cid] = std::move(fd);
}

void Lifecycle::see_entry(Pod& pod, const shim::Entry& entry) {
  ContainerRun* run = pod.state.find_cid(entry.cid);
  if (run == nullptr || entry.state != shim::kStopped) return;
  if (run->phase == Phase::kCreated) {  // Ended from outside before it was started.
    pod.state.garbage.push_back(run->cid);
    run->phase = Phase::kNone;
    run->cid.clear();
    return;
  }
  ended(pod, *run, entry.exit_code, entry.exit_signal, from_ns(entry.started_ns), from_ns(entry.finished_ns));
}

void Lifecycle::send_due_signals(Pod& pod) {
  for (const auto& wish : due_signals(pod.state, steady_now())) {
    ContainerRun& run = pod.state.containers[wish.container];
    (wish.signal == SIGKILL ? run.kill_sent : run.term_sent) = true;
    send_signal(pod, run, wish.signal);
  }
}

void Lifecycle::send_signal(Pod& pod, const ContainerRun& run, int signal) {
  if (pod.shim && pod.shim->send_signal(run.cid, signal).ok()) return;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, run.pid, 0)));
  if (process.valid() && is_alive(run.pid, run.start_ticks)) {
    ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
  }
}

void Lifecycle::start_probes(Pod& pod, ContainerRun& run) {
  if (pod.state.object == nullptr) return;
  const auto& spec = pod.state.object->view<api::Pod>();
  const auto index = static_cast<std::size_t>(&run - pod.state.containers.data());
  const api::Container& container = container_at(spec, index);
  if (!container.startup) run.started_ok = true;
  if (!container.readiness && run.started_ok) run.ready = true;
  if (!container.startup && !container.readiness && !container.liveness) return;
  const PodPlace place = pod_place(*pod.state.object, out_.config);
  const std::string ip = place.pod_ips.empty() ? "" : place.pod_ips[0];
  prober_.watch({pod.state.uid, run.cid, pod.state.object, container, ip, run.started, run.started_ok});
  if (pod.state.stopping()) prober_.stop_liveness(run.cid);
}

void Lifecycle::probed(const ProbeReport& report) {
  const auto it = pods_.find(report.uid);
  if (it == pods_.end()) return;
  const PodPtr kept = it->second;
  ContainerRun* run = kept->state.find_cid(report.cid);
  if (run == nullptr || run->phase != Phase::kRunning || kept->state.object == nullptr) return;
  if (!report.good) emit(*kept, true, run->name, "Unhealthy", report.text);
  if (!report.verdict) return;
  const auto& spec = kept->state.object->view<api::Pod>();
  const auto& container = container_at(spec, static_cast<std::size_t>(run - kept->state.containers.data()));
  if (report.kind == ProbeKind::kReadiness) {
    run->ready = *report.verdict;
  } else if (*report.verdict && report.kind == ProbeKind::kStartup) {
    run->started_ok = true;
    if (!container.readiness) run->ready = true;
  } else if (!*report.verdict && !run->kill_at) {
    const bool startup = report.kind == ProbeKind::kStartup;
    emit(*kept, false, run->name, "Killing",
         fmt::format("Container {} failed {} probe, will be restarted", run->name,
                     startup ? "startup" : "liveness"));
    prober_.stop_liveness(report.cid);
    run->kill_at = steady_now() + std::chrono::seconds(spec.grace_seconds);
  }
  step(*kept);
}

}  // namespace minik::runtime
