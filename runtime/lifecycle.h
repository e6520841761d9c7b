// Lifecycle: the loop that brings each pod from what it is to what is wished.
//
// One step per pod: send the signals that are due, decide one action (pod_decide.h), hand it to a worker,
// report. A worker's result, a shim's message, a probe, a timer or a new wish is the next step.  At most one
// job per pod is under way, so a pod's jobs keep their order.
//
// Threads: everything here belongs to the loop's thread; jobs get copies and post their results back.
// Ownership: the pods' states and the connections to their shims.
// Errors: part of a pod's facts, or Events; what only the operator can mend is logged.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/event_loop.h"
#include "runtime/container_maker.h"
#include "runtime/pod_decide.h"
#include "runtime/prober.h"
#include "runtime/sandbox.h"
#include "runtime/worker_pool.h"

namespace minik::runtime {

class Lifecycle {
 public:
  struct Outside {
    RuntimeConfig config;
    EventLoop& loop;
    WorkerPool& workers;
    ContainerMaker& maker;
    std::function<void(PodFact)> report;
    std::function<void(PodEvent)> event;
  };
  explicit Lifecycle(Outside outside);
  ~Lifecycle();

  // The pods that an earlier daemon left; each is reported.
  void adopt(std::vector<PodState> found);
  void want(std::vector<PodWish> wishes, api::SnapshotPtr objects);
  // Images came: what waits for one tries again now.
  void images_changed();
  // Everything is torn down; records and logs stay.  `done` is called when no pod is left.
  void tear_down(std::function<void()> done);

  // Null if it is not known.
  const PodState* find(const std::string& uid) const;
  std::set<std::string> used_images() const;

 private:
  struct Pod {
    PodState state;
    std::optional<ShimClient> shim;           // Tells of ends, takes signals.
    std::map<std::string, UniqueFd> orphans;  // By cid: pidfds of containers whose shim has died.
    std::optional<PodFact> reported;
    std::string recorded;
    EventLoop::TimerId timer = 0;
  };
  using PodPtr = std::shared_ptr<Pod>;

  // lifecycle.cc: wishes and steps.
  void attach(Pod& pod, const PodWish& wish);
  PodPtr make_pod(const PodWish& wish);
  std::string free_netns_path(const api::Object& pod) const;
  void see_deletion(Pod& pod);
  void step(Pod& pod);
  void set_timer(Pod& pod, std::optional<SteadyTime> at);
  void publish(Pod& pod);
  void save(Pod& pod);
  void emit(const Pod& pod, bool warning, const std::string& container, const std::string& reason,
            const std::string& message);

  // lifecycle_jobs.cc: actions and their results.
  void act(Pod& pod, const Action& action);
  void begin_run(Pod& pod, ContainerRun& run);
  void make_sandbox(Pod& pod);
  void create(Pod& pod, std::size_t container);
  void created(Pod& pod, ContainerRun& run, const CreateOutcome& outcome);
  void image_failed(Pod& pod, ContainerRun& run, const CreateOutcome& outcome);
  void show_pull_backoff(Pod& pod, const std::string& container, const std::string& image);
  void start(Pod& pod, std::size_t container);
  void started(Pod& pod, ContainerRun& run, const Result<shim::Entry>& result);
  void clean(Pod& pod);
  void refresh_volumes(Pod& pod);
  void tear_down_pod(Pod& pod);
  void torn_down(const std::string& uid, const Result<>& result);
  // Runs `work` on a worker and `then` with its result on the loop, if the pod is still there.
  template <class Work, class Then>
  void job(Pod& pod, Work work, Then then);

  // lifecycle_volumes.cc
  void see_objects(const api::Snapshot* before, const api::Snapshot& after);
  void plan_refresh(Pod& pod, std::optional<std::chrono::seconds> in);

  // lifecycle_runs.cc: runs that begin and end, shims, signals, probes.
  void running(Pod& pod, ContainerRun& run, WallTime since);
  void ended(Pod& pod, ContainerRun& run, int code, int signal, WallTime started, WallTime finished);
  void end_run(Pod& pod, ContainerRun& run);
  void lost(Pod& pod, ContainerRun& run);
  void watch_shim(Pod& pod);
  void shim_readable(Pod& pod);
  void shim_gone(Pod& pod);
  void see_entry(Pod& pod, const shim::Entry& entry);
  void forget_orphan(Pod& pod, const std::string& cid);
  void watch_orphan(Pod& pod, ContainerRun& run);
  void send_due_signals(Pod& pod);
  void send_signal(Pod& pod, const ContainerRun& run, int signal);
  void start_probes(Pod& pod, ContainerRun& run);
  void probed(const ProbeReport& report);
  SandboxWish sandbox_wish(const PodState& state) const;

  Outside out_;
  Paths paths_;
  BackoffRule backoff_;
  std::string boot_id_;
  Prober prober_;
  std::map<std::string, PodPtr> pods_;
  api::SnapshotPtr objects_;
  std::function<void()> when_empty_;
};

inline SteadyTime steady_now() { return std::chrono::steady_clock::now(); }
inline WallTime wall_now() { return std::chrono::system_clock::now(); }
inline WallTime from_ns(std::int64_t ns) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(ns)));
}

}  // namespace minik::runtime
