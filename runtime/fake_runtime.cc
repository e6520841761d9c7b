#include "runtime/fake_runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pod.h"
#include "base/files.h"
#include "runtime/image_name.h"

namespace minik::runtime {
namespace {

using Kind = ContainerState::Kind;
using Lock = std::lock_guard<std::recursive_mutex>;

WallTime now() { return std::chrono::system_clock::now(); }

}  // namespace

FakeRuntime::FakeRuntime(std::string cluster, std::function<void(PodFact)> report,
                         std::function<void(PodEvent)> event)
    : cluster_(std::move(cluster)), report_(std::move(report)), event_(std::move(event)) {}

Result<> FakeRuntime::adopt() {
  const Lock lock(mutex_);
  MINIK_ASSERT(!adopted_);
  adopted_ = true;
  for (const auto& [uid, pod] : pods_) report(pod);
  return {};
}

void FakeRuntime::want(std::vector<PodWish> wishes, api::SnapshotPtr objects) {
  const Lock lock(mutex_);
  MINIK_ASSERT(adopted_ && !torn_down_ && objects != nullptr);
  std::set<std::string> uids;
  for (auto& wish : wishes) {
    const std::string uid = wish.pod->uid();
    MINIK_ASSERT(!uid.empty() && uids.insert(uid).second);
    auto it = pods_.find(uid);
    if (it == pods_.end()) it = pods_.emplace(uid, make_pod(wish)).first;
    it->second.wish = std::move(wish);
    it->second.wished = true;
    if (by_itself_) advance(it->second);
  }
  std::erase_if(pods_, [&](const auto& pod) { return !uids.contains(pod.first); });
}

FakeRuntime::Pod FakeRuntime::make_pod(const PodWish& wish) const {
  const auto& spec = wish.pod->view<api::Pod>();
  Pod pod;
  pod.fact.uid = wish.pod->uid();
  const auto add = [&](const std::vector<api::Container>& containers, bool init) {
    for (const auto& container : containers) {
      ContainerFact fact;
      fact.name = container.name;
      fact.image = container.image;
      fact.init = init;
      fact.state.reason = spec.init_containers.empty() ? "ContainerCreating" : "PodInitializing";
      pod.fact.containers.push_back(std::move(fact));
    }
  };
  add(spec.init_containers, true);
  add(spec.containers, false);
  return pod;
}

void FakeRuntime::advance(Pod& pod) {
  const std::string uid = pod.fact.uid;
  if (pod.wish.pod->meta().deletion) {
    for (const auto& container : std::vector(pod.fact.containers)) {
      if (container.state.kind == Kind::kRunning) end(uid, container.name, 0);
    }
    pod.fact.stopped = true;
    return report(pod);
  }
  if (!pod.fact.sandbox_ready) make_sandbox(uid);
  if (!pod.wish.wired) return;
  const auto waits = [](const ContainerFact& c) { return c.state.kind == Kind::kWaiting; };
  if (!std::any_of(pod.fact.containers.begin(), pod.fact.containers.end(), waits)) return;
  run(uid);
  for (const auto& container : std::vector(pod.fact.containers)) {
    if (container.init)
      end(uid, container.name, 0);
    else
      set_ready(uid, container.name, true);
  }
}

void FakeRuntime::run_by_itself() {
  const Lock lock(mutex_);
  by_itself_ = true;
}

FakeRuntime::Pod& FakeRuntime::at(const std::string& uid) {
  const auto it = pods_.find(uid);
  MINIK_ASSERT(it != pods_.end() && it->second.wished);
  return it->second;
}

ContainerFact& FakeRuntime::container_at(Pod& pod, const std::string& container) {
  const auto it = std::find_if(pod.fact.containers.begin(), pod.fact.containers.end(),
                               [&](const ContainerFact& c) { return c.name == container; });
  MINIK_ASSERT(it != pod.fact.containers.end());
  return *it;
}

void FakeRuntime::report(const Pod& pod) { report_(pod.fact); }

void FakeRuntime::make_sandbox(const std::string& uid) {
  const Lock lock(mutex_);
  Pod& pod = at(uid);
  MINIK_ASSERT(!pod.fact.sandbox_ready && !pod.wish.pod->meta().deletion);
  pod.fact.sandbox_ready = true;
  pod.fact.netns_path =
      fmt::format("/run/netns/minik-{}-{}-{}", cluster_, pod.wish.pod->ns(), pod.wish.pod->name());
  report(pod);
}

void FakeRuntime::run(const std::string& uid) {
  const Lock lock(mutex_);
  Pod& pod = at(uid);
  MINIK_ASSERT(pod.fact.sandbox_ready && pod.wish.wired && !pod.wish.pod->meta().deletion);
  for (auto& container : pod.fact.containers) {
    if (container.state.kind != Kind::kWaiting) continue;
    container.state = {};
    container.state.kind = Kind::kRunning;
    container.state.started = now();
    container.state.container_id = "crun://" + sha256_hex(std::to_string(next_container_++));
    container.image_id = "minik://host@sha256:" + sha256_hex(container.image);
    container.started = true;
  }
  report(pod);
}

void FakeRuntime::set_ready(const std::string& uid, const std::string& container, bool ready) {
  const Lock lock(mutex_);
  Pod& pod = at(uid);
  ContainerFact& fact = container_at(pod, container);
  MINIK_ASSERT(fact.state.kind == Kind::kRunning);
  fact.ready = ready;
  report(pod);
}

void FakeRuntime::end(const std::string& uid, const std::string& container, int exit_code) {
  const Lock lock(mutex_);
  Pod& pod = at(uid);
  ContainerFact& fact = container_at(pod, container);
  MINIK_ASSERT(fact.state.kind == Kind::kRunning);
  fact.state.kind = Kind::kTerminated;
  fact.state.exit_code = exit_code;
  fact.state.reason = exit_code == 0 ? "Completed" : "Error";
  fact.state.finished = now();
  fact.started = false;
  fact.ready = fact.init && exit_code == 0;
  report(pod);
}

void FakeRuntime::restart(const std::string& uid, const std::string& container) {
  const Lock lock(mutex_);
  Pod& pod = at(uid);
  ContainerFact& fact = container_at(pod, container);
  MINIK_ASSERT(fact.state.kind == Kind::kTerminated && pod.wish.wired && !pod.wish.pod->meta().deletion);
  fact.last = fact.state;
  ++fact.restarts;
  fact.state = {};
  fact.state.reason = "ContainerCreating";
  run(uid);
}

void FakeRuntime::say(const std::string& uid, const std::string& container, const std::string& text) {
  const Lock lock(mutex_);
  Pod& pod = at(uid);
  container_at(pod, container);
  pod.logs[container] += text;
}

void FakeRuntime::tell(const std::string& uid, bool warning, const std::string& reason,
                       const std::string& message) {
  const Lock lock(mutex_);
  event_({at(uid).wish.pod, warning, "", reason, message});
}

std::vector<std::string> FakeRuntime::wished() const {
  const Lock lock(mutex_);
  std::vector<std::string> uids;
  for (const auto& [uid, pod] : pods_) {
    if (pod.wished) uids.push_back(uid);
  }
  return uids;
}

const PodFact* FakeRuntime::find(const std::string& uid) const {
  const Lock lock(mutex_);
  const auto it = pods_.find(uid);
  return it == pods_.end() ? nullptr : &it->second.fact;
}

void FakeRuntime::forget_wishes() {
  const Lock lock(mutex_);
  adopted_ = false;
  for (auto& [uid, pod] : pods_) pod.wished = false;
}

Result<> FakeRuntime::logs(const LogRequest& request, const std::function<bool(std::string_view)>& sink) {
  std::string text;
  {
    const Lock lock(mutex_);
    const auto it = pods_.find(request.uid);
    if (it == pods_.end()) return Error(Code::kInvalid, "pod " + request.pod + " is not here");
    const ContainerFact& fact = container_at(it->second, request.container);
    if (fact.state.kind == Kind::kWaiting) {
      return Error(Code::kInvalid, fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}",
                                               request.container, request.pod, fact.state.reason));
    }
    text = it->second.logs[request.container];
  }
  sink(text);
  return {};
}

Result<ExecSession> FakeRuntime::exec(const ExecRequest& request) {
  return Error(Code::kNotFound, "container not found (\"" + request.container + "\")");
}

Result<ExecSession> FakeRuntime::attach(const AttachRequest& request) {
  return Error(Code::kNotFound, "container not found (\"" + request.container + "\")");
}

Result<std::string> FakeRuntime::network_of(const std::string& uid) {
  return Error(Code::kNotFound, "no network of pod " + uid);
}

Result<ImageInfo> FakeRuntime::add_image(const std::string& name, const std::string& directory) {
  const std::string normalised = TRY(normalise_image(name));
  const Lock lock(mutex_);
  ImageInfo info{normalised, "sha256:" + sha256_hex(directory), "directory " + directory, 0, now()};
  images_[normalised] = info;
  return info;
}

Result<std::vector<ImageInfo>> FakeRuntime::images() {
  const Lock lock(mutex_);
  std::vector<ImageInfo> list;
  for (const auto& [name, info] : images_) list.push_back(info);
  return list;
}

Result<> FakeRuntime::remove_image(const std::string& name) {
  const std::string normalised = TRY(normalise_image(name));
  const Lock lock(mutex_);
  if (images_.erase(normalised) == 0) return Error(Code::kNotFound, "no image \"" + name + "\"");
  return {};
}

void FakeRuntime::tear_down() {
  const Lock lock(mutex_);
  torn_down_ = true;
  pods_.clear();
}

}  // namespace minik::runtime
