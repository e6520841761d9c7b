#include <fmt/format.h>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/lifecycle.h"
#include "runtime/pod_facts.h"
#include "runtime/process.h"

namespace minik::runtime {
namespace {

constexpr Millis kRetry{2'000};  // Of what may heal by itself: a missing ConfigMap, a full disk.
constexpr Millis kRetryMax{60'000};
constexpr Millis kRefreshRetry{20'000};  // Of volumes that are there already.
constexpr Millis kTearDownRetry{1'000};
constexpr Millis kShowPullErrorFor{1'000};  // Then ErrImagePull becomes ImagePullBackOff.

constexpr int kStartErrorCode = 128;

}  // namespace

template <class Work, class Then>
void Lifecycle::job(Pod& pod, Work work, Then then) {
  save(pod);
  pod.state.busy = true;
  out_.workers.post([this, uid = pod.state.uid, work = std::move(work), then = std::move(then)]() mutable {
    auto result = work();
    // A shared pointer, because std::function must be copyable.
    auto held = std::make_shared<decltype(result)>(std::move(result));
    out_.loop.post([this, uid, then = std::move(then), held] {
      const auto it = pods_.find(uid);
      if (it == pods_.end()) return;
      const PodPtr kept = it->second;
      kept->state.busy = false;
      then(*kept, *held);
      if (pods_.contains(uid)) step(*kept);
    });
  });
}

void Lifecycle::act(Pod& pod, const Action& action) {
  using Kind = Action::Kind;
  PodState& state = pod.state;
  switch (action.kind) {
    case Kind::kNone:
      return;
    case Kind::kMakeSandbox:
      return make_sandbox(pod);
    case Kind::kBeginRun:
      return begin_run(pod, state.containers[action.container]);
    case Kind::kCreate:
      return create(pod, action.container);
    case Kind::kStart:
      return start(pod, action.container);
    case Kind::kClean:
      return clean(pod);
    case Kind::kDiscard: {
      ContainerRun& run = state.containers[action.container];
      state.garbage.push_back(run.cid);
      run.phase = Phase::kNone;
      run.cid.clear();
      return;
    }
    case Kind::kRefreshVolumes:
      return refresh_volumes(pod);
    case Kind::kTearDown:
      return tear_down_pod(pod);
  }
}

void Lifecycle::begin_run(Pod&, ContainerRun& run) {
  run.last = ended_state(run);
  ++run.restarts;
  run.phase = Phase::kNone;
  run.cid.clear();
  run.pid = 0;
  run.start_ticks = 0;
  run.waiting_reason.clear();
  run.waiting_message.clear();
}

SandboxWish Lifecycle::sandbox_wish(const PodState& state) const {
  SandboxWish wish{state.uid, out_.config.node_name, state.netns_path, state.host_network};
  if (state.object != nullptr && !state.host_network) wish.hostname = api::pod_hostname(*state.object);
  return wish;
}

void Lifecycle::make_sandbox(Pod& pod) {
  const bool with_shim = !pod.state.built_in;
  const auto work = [paths = paths_, wish = sandbox_wish(pod.state), with_shim,
                     &maker = out_.maker]() -> Result<> {
    TRY(runtime::make_sandbox(paths, wish));
    if (with_shim) TRY(maker.shim(wish.uid));
    return {};
  };
  job(pod, work, [this](Pod& made, const Result<>& result) {
    PodState& state = made.state;
    if (result.ok()) {
      state.sandbox_ready = true;
      state.sandbox_attempts = 0;
      return watch_shim(made);
    }
    ++state.sandbox_attempts;
    state.sandbox_not_before = steady_now() + std::min(kRetryMax, kRetry * state.sandbox_attempts);
    emit(made, true, "", "FailedCreatePodSandBox",
         "Failed to create pod sandbox: " + result.error().message());
  });
}

void Lifecycle::create(Pod& pod, std::size_t container) {
  ContainerRun& run = pod.state.containers[container];
  run.phase = Phase::kCreating;
  run.cid = random_hex(32);
  const CreateWish wish{pod.state.object, container, run.cid, run.restarts, objects_};
  job(
      pod, [wish, &maker = out_.maker] { return maker.create(wish); },
      [this, container](Pod& made, const CreateOutcome& outcome) {
        created(made, made.state.containers[container], outcome);
      });
}

void Lifecycle::created(Pod& pod, ContainerRun& run, const CreateOutcome& outcome) {
  using Kind = CreateOutcome::Kind;
  plan_refresh(pod, outcome.refresh_in);
  if (outcome.kind == Kind::kMount) {
    run.phase = Phase::kNone;
    run.cid.clear();
    run.not_before = steady_now() + kRetry;
    return emit(pod, true, "", "FailedMount", outcome.message);
  }
  if (!outcome.image_id.empty()) {
    run.image_id = outcome.image_id;
    run.image_backoff.reset();
    emit(pod, false, run.name, "Pulled", outcome.pulled_text);
  }
  if (!outcome.skipped_env.empty()) {
    emit(pod, true, run.name, "InvalidEnvironmentVariableNames",
         "Keys [" + join(outcome.skipped_env, ", ") +
             "] were skipped since they are considered invalid "
             "environment variable names.");
  }
  if (!outcome.dns_warning.empty()) emit(pod, true, "", "DNSConfigForming", outcome.dns_warning);
  if (outcome.kind == Kind::kCreated) {
    run.phase = Phase::kCreated;
    run.pid = outcome.pid;
    run.start_ticks = outcome.start_ticks;
    run.waiting_reason.clear();
    run.waiting_message.clear();
    emit(pod, false, run.name, "Created", "Created container: " + run.name);
    return watch_shim(pod);
  }
  if (outcome.kind == Kind::kImage) return image_failed(pod, run, outcome);
  pod.state.garbage.push_back(run.cid);
  emit(pod, true, run.name, "Failed", "Error: " + outcome.message);
  if (outcome.kind == Kind::kNoStart) {
    run.phase = Phase::kEnded;
    run.exit_code = kStartErrorCode;
    run.signal = 0;
    run.started = WallTime{};
    run.finished = wall_now();
    run.end_reason = "StartError";
    run.end_message = outcome.message;
    run.waiting_reason = outcome.reason;
    run.waiting_message = outcome.message;
    run.cid.clear();
    return end_run(pod, run);
  }
  run.phase = Phase::kNone;
  run.cid.clear();
  run.waiting_reason = outcome.reason;
  run.waiting_message = outcome.message;
  run.not_before = steady_now() + kRetry;
}

void Lifecycle::image_failed(Pod& pod, ContainerRun& run, const CreateOutcome& outcome) {
  run.phase = Phase::kNone;
  run.cid.clear();
  run.image_backoff = next_pull_delay(run.image_backoff, backoff_);
  run.not_before = steady_now() + *run.image_backoff;
  run.waiting_reason = outcome.reason;
  run.waiting_message = outcome.message;
  const bool pull = outcome.reason == "ErrImagePull";
  const std::string& image = run.image;
  emit(pod, true, run.name, pull ? "Failed" : outcome.reason,
       pull ? fmt::format("Failed to pull image \"{}\": {}", image, outcome.message) : outcome.message);
  emit(pod, true, run.name, "Failed", "Error: " + outcome.reason);
  if (!pull) return;
  out_.loop.after(kShowPullErrorFor, [this, uid = pod.state.uid, name = run.name, image] {
    const auto it = pods_.find(uid);
    if (it != pods_.end()) show_pull_backoff(*PodPtr(it->second), name, image);
  });
}

void Lifecycle::show_pull_backoff(Pod& pod, const std::string& container, const std::string& image) {
  ContainerRun* run = pod.state.find(container);
  if (run == nullptr || run->phase != Phase::kNone || run->waiting_reason != "ErrImagePull") return;
  run->waiting_reason = "ImagePullBackOff";
  run->waiting_message = fmt::format("Back-off pulling image \"{}\"", image);
  emit(pod, false, container, "BackOff", run->waiting_message);
  emit(pod, true, container, "Failed", "Error: ImagePullBackOff");
  publish(pod);
}

void Lifecycle::start(Pod& pod, std::size_t container) {
  ContainerRun& run = pod.state.containers[container];
  run.phase = Phase::kStarting;
  const auto work = [uid = pod.state.uid, cid = run.cid, &maker = out_.maker] {
    return maker.start(uid, cid);
  };
  job(pod, work, [this, container](Pod& made, const Result<shim::Entry>& result) {
    started(made, made.state.containers[container], result);
  });
}

void Lifecycle::started(Pod& pod, ContainerRun& run, const Result<shim::Entry>& result) {
  if (run.phase != Phase::kStarting) return;  // It has ended already.
  if (result.ok()) {
    running(pod, run, from_ns(result->started_ns));
    return see_entry(pod, *result);
  }
  pod.state.garbage.push_back(run.cid);
  run.waiting_reason = "RunContainerError";
  run.waiting_message = result.error().message();
  emit(pod, true, run.name, "Failed", "Error: " + result.error().message());
  run.phase = Phase::kNone;
  run.cid.clear();
  run.not_before = steady_now() + kRetry;
}

void Lifecycle::clean(Pod& pod) {
  const std::string cid = pod.state.garbage.front();
  const auto work = [uid = pod.state.uid, cid, &maker = out_.maker] { return maker.remove(uid, cid); };
  job(pod, work, [](Pod& cleaned, const Result<>& result) {
    auto& garbage = cleaned.state.garbage;
    if (!result.ok()) {
      log_warn("runtime", "pod {}/{}: remove a container: {}", cleaned.state.ns, cleaned.state.name,
               result.error().message());
    }
    // What could not be removed now goes with the pod.
    garbage.erase(garbage.begin());
  });
}

void Lifecycle::refresh_volumes(Pod& pod) {
  pod.state.volumes_at.reset();
  const auto work = [object = pod.state.object, objects = objects_, &maker = out_.maker] {
    return maker.refresh_volumes(*object, *objects);
  };
  job(pod, work, [this](Pod& done, const Result<std::optional<std::chrono::seconds>>& result) {
    if (result.ok()) return plan_refresh(done, *result);
    emit(done, true, "", "FailedMount", result.error().message());
    done.state.volumes_at = steady_now() + kRefreshRetry;
  });
}

void Lifecycle::tear_down_pod(Pod& pod) {
  std::vector<std::string> cids = pod.state.garbage;
  for (const auto& run : pod.state.containers) {
    if (!run.cid.empty()) cids.push_back(run.cid);
    prober_.unwatch(run.cid);
  }
  const PodState& state = pod.state;
  const auto work = [paths = paths_, wish = sandbox_wish(state), cids, &maker = out_.maker,
                     keep = state.keep_records,
                     logs = paths_.logs(state.ns, state.name, state.uid)]() -> Result<> {
    kill_leftover_execs(paths.exec_dir(wish.uid), paths.namespace_file(wish.uid, "net"));
    for (const auto& cid : cids) TRY(maker.remove(wish.uid, cid));
    if (auto shim = ShimClient::connect(paths.run_pod(wish.uid)); shim.ok()) TRY(shim->quit());
    TRY(remove_sandbox(paths, wish));
    TRY(maker.remove_volumes(wish.uid));
    TRY(remove_tree(paths.run_pod(wish.uid)));
    if (keep) return {};
    TRY(remove_tree(logs));
    return remove_tree(paths.state_pod(wish.uid));
  };
  job(pod, work, [this](Pod& gone, const Result<>& result) { torn_down(gone.state.uid, result); });
}

void Lifecycle::torn_down(const std::string& uid, const Result<>& result) {
  const PodPtr pod = pods_[uid];
  if (!result.ok()) {
    log_warn("runtime", "tear down pod {}/{}: {}", pod->state.ns, pod->state.name, result.error().message());
    pod->state.tear_down_not_before = steady_now() + kTearDownRetry;
    return;
  }
  if (pod->shim) out_.loop.remove(pod->shim->fd());
  for (const auto& [cid, fd] : pod->orphans) out_.loop.remove(fd.get());
  out_.loop.cancel(pod->timer);
  pods_.erase(uid);
  if (pods_.empty() && when_empty_) when_empty_();
}

}  // namespace minik::runtime
