#include "daemon/loop.h"

#include <sys/epoll.h>

#include "api/pod.h"
#include "base/limits.h"
#include "base/log.h"
#include "controllers/system.h"
#include "daemon/reports.h"

namespace minik::daemon {

using api::ObjectPtr;
using api::SnapshotPtr;

namespace {

constexpr Millis kRetry{1'000};  // After a commit that failed.

// Changes of these concern no controller and no packet.
bool concerns_nobody(const std::string& resource) {
  return resource == "events" || resource == "leases.coordination.k8s.io";
}

Happening happening_of(const runtime::PodEvent& event) {
  Happening h;
  h.api_version = "v1";
  h.kind = "Pod";
  h.about = event.pod->key();
  h.uid = event.pod->uid();
  if (!event.container.empty()) h.field_path = "spec.containers{" + event.container + "}";
  h.component = "kubelet";
  h.warning = event.warning;
  h.reason = event.reason;
  h.message = event.message;
  return h;
}

}  // namespace

void Loop::run() {
  auto watched = events_.add(inbox_.fd(), EPOLLIN, [this](std::uint32_t) { tick(); });
  if (watched.ok() && parts_.kernel.notice_fd() >= 0) {
    watched =
        events_.add(parts_.kernel.notice_fd(), EPOLLIN, [this](std::uint32_t) { check_foreign_change(); });
  }
  if (!watched.ok()) log_error("loop", "{}", watched.error().message());
  inbox_.wake();
  events_.run();
  dns_server_.reset();
}

void Loop::stop() { events_.stop(); }

void Loop::wake(const std::vector<std::string>& resources) {
  if (!std::all_of(resources.begin(), resources.end(), concerns_nobody)) inbox_.wake();
}

void Loop::post(api::PodFact fact) {
  inbox_.post({std::make_shared<api::PodFact>(std::move(fact)), nullptr});
}
void Loop::post(runtime::PodEvent event) {
  inbox_.post({nullptr, std::make_shared<runtime::PodEvent>(std::move(event))});
}

void Loop::tick() {
  try {
    take_messages();
    run_controllers();
    const SnapshotPtr objects = parts_.store.snapshot();
    make_true(objects);
    if (auto zone = parts_.zone_builder.update(objects); zone != parts_.zone.get())
      parts_.zone.publish(std::move(zone));
    serve_dns(objects);
    mark_applied(objects->revision());
    wish(objects);
    record_events(objects);
    set_trouble("loop", "");
  } catch (const std::exception& e) {  // A bug in one room must not end the cluster: keep what is there.
    log_error("loop", "tick: {}", e.what());
    set_trouble("loop", e.what());
  }
}

void Loop::take_messages() {
  for (const Message& message : inbox_.take()) {
    if (message.fact != nullptr) facts_.set(message.fact->uid, message.fact);
    if (message.event != nullptr) recorder_.note(happening_of(*message.event));
  }
}

void Loop::run_controllers() {
  for (int round = 0; round < kTicksToQuiet; ++round) {
    const SnapshotPtr objects = parts_.store.snapshot();
    const controllers::World world{objects, &facts_, parts_.clock.now()};
    std::vector<api::Write> writes;
    for (auto& controller : parts_.controllers) {
      for (api::Write& write : controller->reconcile(world)) writes.push_back(std::move(write));
    }
    for (api::Write& write : parts_.addresses->update(objects, world.now)) writes.push_back(std::move(write));
    std::vector<Result<>> outcomes;
    for (const Error& error : parts_.registry.apply(writes, &outcomes))
      log_warn("controllers", "{}", error.message());
    tell(writes, outcomes);
    if (writes.empty()) break;
  }
  wake_in_time();
}

void Loop::tell(const std::vector<api::Write>& writes, const std::vector<Result<>>& outcomes) {
  std::vector<controllers::Report> reports;
  for (auto& controller : parts_.controllers) {
    for (auto& report : controller->take_reports()) reports.push_back(std::move(report));
  }
  for (Happening& happening : happenings_of(reports, writes, outcomes)) recorder_.note(std::move(happening));
}

// Some controllers wait for a moment, not for a change.
void Loop::wake_in_time() {
  std::optional<WallTime> first;
  for (const auto& controller : parts_.controllers) {
    if (const auto at = controller->wake_at()) first = first ? std::min(*first, *at) : *at;
  }
  const WallTime now = parts_.clock.now();
  const bool set = wake_at_ && *wake_at_ > now;
  if (!first || (set && *wake_at_ <= *first)) return;
  wake_at_ = first;
  const auto wait = std::chrono::ceil<Millis>(std::max(*first - now, WallTime::duration::zero()));
  events_.after(wait + Millis(1), [this] { inbox_.wake(); });
}

void Loop::make_true(const SnapshotPtr& objects) {
  cni::PodNets nets;
  facts_.for_each([&](const std::string& uid, const std::shared_ptr<const api::PodFact>& fact) {
    if (fact->sandbox_ready) nets[uid] = cni::PodNet{fact->netns_path};
  });
  proxy::Compiled compiled = parts_.compiler->update(objects);
  cni::Wired wired = parts_.wiring->update(objects, nets);
  netd::Plan wanted{std::move(wired.topology), {std::move(compiled.ruleset), std::move(wired.ruleset)}};
  Result<netd::Report> made = netd::Report{};
  if (!kernel_known_) {
    made = parts_.kernel.reset(wanted);
  } else {
    netd::Changes changes = netd::diff(known_, wanted);
    changes.udp = std::move(compiled.udp);
    if (!changes.empty()) made = parts_.kernel.commit(changes);
  }
  if (!made.ok()) {
    log_error("network", "{}", made.error().message());
    set_trouble("network", made.error().message());
    kernel_known_ = false;
    events_.after(kRetry, [this] { inbox_.wake(); });
    return;
  }
  set_trouble("network", "");
  kernel_known_ = true;
  known_ = std::move(wanted);
  for (const netd::PodFailure& failure : made->failed) {
    log_warn("network", "pod {}: {}", failure.uid, failure.error.message());
    known_.topology.pods.erase(failure.uid);  // Not there: the next tick makes it again.
    events_.after(kRetry, [this] { inbox_.wake(); });
  }
  for (const auto& [key, text] : compiled.problems) {
    if (!told_problems_.insert(key.text() + text).second) continue;
    const ObjectPtr object = objects->find(key);
    if (object == nullptr) continue;
    recorder_.note({string_at(object->body(), "apiVersion"), string_at(object->body(), "kind"), key,
                    object->uid(), "", "minik-proxy", true, "NotProgrammed", text});
  }
}

// The server lives in the network namespace of kube-system/kube-dns and follows it when the pod is made anew.
void Loop::serve_dns(const SnapshotPtr& objects) {
  const ObjectPtr pod = objects->find("pods", "kube-system", "kube-dns");
  if (pod == nullptr || !kernel_known_) return;
  const auto* fact = facts_.find(pod->uid());
  const auto* link = known_.topology.pods.find(pod->uid());
  if (pod->uid() == dns_pod_uid_ || fact == nullptr || link == nullptr) return;
  dns_server_.reset();
  dns::ServerConfig config;
  config.netns = (*fact)->netns_path;
  config.addresses = (*link)->addresses;
  config.addresses.insert(config.addresses.end(), (*link)->extra.begin(), (*link)->extra.end());
  auto server = dns::Server::start(config, parts_.zone);
  if (!server.ok()) {
    log_error("dns", "{}", server.error().message());
    set_trouble("dns", server.error().message());
    events_.after(kRetry, [this] { inbox_.wake(); });
    return;
  }
  set_trouble("dns", "");
  const std::lock_guard lock(state_mutex_);
  dns_server_ = *std::move(server);
  dns_pod_uid_ = pod->uid();
}

void Loop::wish(const SnapshotPtr& objects) {
  std::set<std::string> wired;
  known_.topology.pods.for_each([&](const std::string& uid, const auto&) { wired.insert(uid); });
  // Env and files of containers come from these; everything else is no news to the runtime.
  bool news = wired != wished_wired_;
  for (const char* resource : {"pods", "configmaps", "secrets", "services"}) {
    news = news || !api::Snapshot::same(wished_.get(), *objects, resource);
  }
  if (!news) return;
  std::vector<runtime::PodWish> wishes;
  std::set<std::string> uids;
  objects->for_each("pods", "", [&](const ObjectPtr& pod) {
    const auto& view = pod->view<api::Pod>();
    if (view.node_name != parts_.node_name) return;
    uids.insert(pod->uid());
    wishes.push_back({pod, view.host_network || wired.contains(pod->uid()), controllers::is_built_in(*pod)});
  });
  // What the runtime once said of pods that are gone for good.
  std::vector<std::string> gone;
  facts_.for_each([&](const std::string& uid, const auto&) {
    if (!uids.contains(uid)) gone.push_back(uid);
  });
  for (const auto& uid : gone) facts_.erase(uid);
  parts_.runtime.want(std::move(wishes), objects);
  wished_ = objects;
  wished_wired_ = std::move(wired);
}

void Loop::record_events(const SnapshotPtr& objects) {
  const auto writes = recorder_.take(objects, parts_.clock.now());
  for (const Error& error : parts_.registry.apply(writes)) log_debug("events", "{}", error.message());
}

// Repairs within a second what somebody did to our tables, and says who it was.
void Loop::check_foreign_change() {
  auto notices = parts_.kernel.take_notices();
  if (!notices.ok()) {
    log_warn("network", "{}", notices.error().message());
    return;
  }
  if (notices->empty() || !kernel_known_) return;
  const auto found = parts_.kernel.observe();
  if (!found.ok()) {
    log_warn("network", "{}", found.error().message());
    return;
  }
  const auto difference = netd::first_difference(netd::seen(known_), *found);
  if (!difference) return;
  log_warn("network", "{} (process {}) changed our part of the kernel: {}; making it right",
           notices->back().program, notices->back().pid, *difference);
  kernel_known_ = false;
  inbox_.wake();
}

void Loop::set_trouble(const std::string& part, const std::string& what) {
  const std::lock_guard lock(state_mutex_);
  if (what.empty())
    trouble_.erase(part);
  else
    trouble_[part] = what;
}

std::string Loop::trouble() const {
  const std::lock_guard lock(state_mutex_);
  std::string all;
  for (const auto& [part, what] : trouble_) all += (all.empty() ? "" : "; ") + part + ": " + what;
  return all;
}

bool Loop::dns_serves() const {
  const std::lock_guard lock(state_mutex_);
  return dns_server_ != nullptr;
}

void Loop::mark_applied(std::uint64_t revision) {
  {
    const std::lock_guard lock(state_mutex_);
    applied_ = revision;
  }
  applied_changed_.notify_all();
}

void Loop::wait_applied(std::uint64_t revision, Millis timeout) {
  std::unique_lock lock(state_mutex_);
  applied_changed_.wait_for(lock, timeout, [&] { return applied_ >= revision; });
}

}  // namespace minik::daemon
