#include "runtime/lifecycle.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "runtime/pod_facts.h"
#include "runtime/pod_record.h"
#include "runtime/process.h"

namespace minik::runtime {
namespace {

std::vector<ContainerRun> runs_of(const api::Pod& pod) {
  std::vector<ContainerRun> runs;
  const auto add = [&](const std::vector<api::Container>& containers, bool init) {
    for (const auto& container : containers) {
      ContainerRun run;
      run.name = container.name;
      run.image = container.image;
      run.init = init;
      runs.push_back(std::move(run));
    }
  };
  add(pod.init_containers, true);
  add(pod.containers, false);
  return runs;
}

bool same_names(const std::vector<ContainerRun>& a, const std::vector<ContainerRun>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.init == y.init; });
}

}  // namespace

Lifecycle::Lifecycle(Outside outside)
    : out_(std::move(outside)),
      paths_(out_.config),
      boot_id_(boot_id()),
      prober_(out_.loop, out_.config, out_.maker.crun(),
              [this](const ProbeReport& report) { probed(report); }) {}

Lifecycle::~Lifecycle() = default;

void Lifecycle::adopt(std::vector<PodState> found) {
  for (auto& state : found) {
    const std::string uid = state.uid;
    auto pod = std::make_shared<Pod>();
    pod->state = std::move(state);
    pods_[uid] = pod;
    watch_shim(*pod);
    if (!pod->shim) shim_gone(*pod);
    publish(*pod);
  }
}

void Lifecycle::want(std::vector<PodWish> wishes, api::SnapshotPtr objects) {
  const api::SnapshotPtr before = std::exchange(objects_, std::move(objects));
  std::set<std::string> wished;
  for (const auto& wish : wishes) {
    wished.insert(wish.pod->uid());
    auto& pod = pods_[wish.pod->uid()];
    if (pod == nullptr) pod = make_pod(wish);
    const bool news = pod->state.object != wish.pod || pod->state.wired != wish.wired;
    if (!news || !pod->state.wanted) continue;
    attach(*pod, wish);
    step(*pod);
  }
  see_objects(before.get(), *objects_);
  std::vector<PodPtr> gone;
  for (const auto& [uid, pod] : pods_) {
    if (!wished.contains(uid) && pod->state.wanted) gone.push_back(pod);
  }
  for (const auto& pod : gone) {
    pod->state.wanted = false;
    step(*pod);
  }
}

Lifecycle::PodPtr Lifecycle::make_pod(const PodWish& wish) {
  auto pod = std::make_shared<Pod>();
  PodState& state = pod->state;
  state.uid = wish.pod->uid();
  state.ns = wish.pod->ns();
  state.name = wish.pod->name();
  state.restart_policy = wish.pod->view<api::Pod>().restart_policy;
  state.built_in = wish.built_in;
  state.host_network = wish.pod->view<api::Pod>().host_network;
  state.netns_path = state.host_network ? out_.config.node_netns : free_netns_path(*wish.pod);
  state.containers = runs_of(wish.pod->view<api::Pod>());
  return pod;
}

// Two pods may lead to one name (a/b-c and a-b/c), and a pod's successor may come before it is gone.
std::string Lifecycle::free_netns_path(const api::Object& object) const {
  const std::string path =
      std::string(kNetnsDir) + "/" + netns_name(out_.config.cluster, object.ns(), object.name());
  const bool taken = std::any_of(pods_.begin(), pods_.end(), [&](const auto& entry) {
    return entry.second != nullptr && entry.second->state.netns_path == path;
  });
  return taken ? std::string(kNetnsDir) + "/" +
                     netns_name(out_.config.cluster, object.ns(),
                                object.uid().substr(0, 8) + "-" + object.name())
               : path;
}

void Lifecycle::attach(Pod& pod, const PodWish& wish) {
  PodState& state = pod.state;
  const bool adopted = state.object == nullptr && pod.reported;
  const bool same_meta = state.object != nullptr && state.object->meta().labels == wish.pod->meta().labels &&
                         state.object->meta().annotations == wish.pod->meta().annotations;
  if (adopted || (state.object != nullptr && !same_meta)) state.volumes_at = steady_now();
  state.object = wish.pod;
  if (state.built_in && wish.wired && !state.wired && !state.containers.empty()) {
    for (auto& run : state.containers) {
      if (run.started == WallTime{}) run.started = wall_now();
    }
  }
  state.wired = wish.wired;
  auto runs = runs_of(wish.pod->view<api::Pod>());
  if (!same_names(runs, state.containers)) {
    log_warn("runtime", "pod {}/{}: its record has other containers than its spec", state.ns, state.name);
    for (const auto& run : state.containers) {
      if (!run.cid.empty()) state.garbage.push_back(run.cid);
    }
    state.containers = std::move(runs);
  }
  if (adopted && !state.sandbox_ready && !state.built_in) {
    emit(pod, false, "", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
  }
  for (std::size_t i = 0; adopted && i < state.containers.size(); ++i) {
    if (state.containers[i].phase == Phase::kRunning) start_probes(pod, state.containers[i]);
  }
  if (wish.pod->meta().deletion) see_deletion(pod);
}

void Lifecycle::see_deletion(Pod& pod) {
  PodState& state = pod.state;
  const auto grace =
      std::chrono::seconds(std::max<std::int64_t>(0, state.object->meta().deletion_grace_seconds));
  const SteadyTime end = steady_now() + grace;
  const bool first = !state.kill_at;
  state.kill_at = first ? end : std::min(*state.kill_at, end);
  for (const auto& run : state.containers) {
    if (run.phase != Phase::kRunning) continue;
    prober_.stop_liveness(run.cid);
    if (first) emit(pod, false, run.name, "Killing", "Stopping container " + run.name);
  }
}

void Lifecycle::step(Pod& pod) {
  for (;;) {
    send_due_signals(pod);
    const Action action = decide(pod.state, steady_now());
    if (action.kind == Action::Kind::kNone) {
      auto at = next_signal_time(pod.state);
      if (action.look_again && (!at || *action.look_again < *at)) at = action.look_again;
      set_timer(pod, at);
      break;
    }
    act(pod, action);
    if (pod.state.busy) {
      set_timer(pod, next_signal_time(pod.state));
      break;
    }
  }
  publish(pod);
}

void Lifecycle::set_timer(Pod& pod, std::optional<SteadyTime> at) {
  if (pod.timer != 0) out_.loop.cancel(pod.timer);
  pod.timer = 0;
  if (!at) return;
  const auto delay = std::max(Millis(0), std::chrono::ceil<Millis>(*at - steady_now()));
  pod.timer = out_.loop.after(delay, [this, uid = pod.state.uid] {
    const auto it = pods_.find(uid);
    if (it != pods_.end()) step(*PodPtr(it->second));
  });
}

void Lifecycle::publish(Pod& pod) {
  if (!pod.state.busy) save(pod);
  PodFact fact = pod_fact(pod.state);
  if (pod.reported == fact) return;
  pod.reported = fact;
  out_.report(std::move(fact));
}

void Lifecycle::save(Pod& pod) {
  const std::string text = to_text(to_record(pod.state, boot_id_, {wall_now(), steady_now()}));
  if (text == pod.recorded) return;
  auto made = make_dirs(paths_.state_pod(pod.state.uid));
  if (made.ok()) made = write_file(paths_.record(pod.state.uid), text, 0600);
  if (!made.ok())
    return log_warn("runtime", "record of pod {}/{}: {}", pod.state.ns, pod.state.name,
                    made.error().message());
  pod.recorded = text;
}

void Lifecycle::emit(const Pod& pod, bool warning, const std::string& container, const std::string& reason,
                     const std::string& message) {
  if (pod.state.object != nullptr) out_.event({pod.state.object, warning, container, reason, message});
}

void Lifecycle::images_changed() {
  std::vector<PodPtr> waiting;
  for (const auto& [uid, pod] : pods_) {
    for (auto& run : pod->state.containers) {
      if (!run.image_backoff || run.phase != Phase::kNone) continue;
      run.not_before = steady_now();
      waiting.push_back(pod);
    }
  }
  for (const auto& pod : waiting) step(*pod);
}

void Lifecycle::tear_down(std::function<void()> done) {
  when_empty_ = std::move(done);
  if (pods_.empty()) return when_empty_();
  std::vector<PodPtr> all;
  for (const auto& [uid, pod] : pods_) all.push_back(pod);
  for (const auto& pod : all) {
    pod->state.wanted = false;
    pod->state.keep_records = true;
    step(*pod);
  }
}

const PodState* Lifecycle::find(const std::string& uid) const {
  const auto it = pods_.find(uid);
  return it == pods_.end() ? nullptr : &it->second->state;
}

std::set<std::string> Lifecycle::used_images() const {
  std::set<std::string> used;
  for (const auto& [uid, pod] : pods_) {
    for (const auto& run : pod->state.containers) {
      if (run.phase != Phase::kNone && run.phase != Phase::kEnded) used.insert(digest_of(run.image_id));
    }
  }
  return used;
}

}  // namespace minik::runtime
