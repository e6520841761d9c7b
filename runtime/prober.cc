#include "runtime/prober.h"

#include <algorithm>

namespace minik::runtime {
namespace {

const char* title(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::kStartup:
      return "Startup";
    case ProbeKind::kReadiness:
      return "Readiness";
    case ProbeKind::kLiveness:
      return "Liveness";
  }
  return "";
}

class Unsupported final : public ProbeAttempt {
 public:
  Unsupported(EventLoop& loop, std::string text, Done done) : loop_(loop), done_(std::move(done)) {
    timer_ = loop_.after(Millis(0), [this, why = std::move(text)] { done_({false, why}); });
  }
  ~Unsupported() override { loop_.cancel(timer_); }

 private:
  EventLoop& loop_;
  Done done_;
  EventLoop::TimerId timer_;
};

}  // namespace

struct Prober::Worker {
  std::shared_ptr<ProbeTarget> target;
  ProbeKind kind;
  api::Probe probe;
  ProbeTally tally;
  EventLoop::TimerId timer = 0;
  std::unique_ptr<ProbeAttempt> attempt;
};

const std::optional<api::Probe>& probe_of(const api::Container& container, ProbeKind kind) {
  if (kind == ProbeKind::kStartup) return container.startup;
  return kind == ProbeKind::kReadiness ? container.readiness : container.liveness;
}

Prober::Prober(EventLoop& loop, const RuntimeConfig& config, std::string crun, Report report)
    : loop_(loop), config_(config), paths_(config), crun_(std::move(crun)), report_(std::move(report)) {}

Prober::~Prober() = default;

void Prober::watch(const ProbeTarget& wished) {
  const auto target = std::make_shared<ProbeTarget>(wished);
  if (target->container.startup && !target->started_ok) return begin(target, ProbeKind::kStartup);
  begin_after_startup(target);
}

void Prober::begin_after_startup(const std::shared_ptr<ProbeTarget>& target) {
  begin(target, ProbeKind::kReadiness);
  begin(target, ProbeKind::kLiveness);
}

void Prober::begin(const std::shared_ptr<ProbeTarget>& target, ProbeKind kind) {
  const auto& probe = probe_of(target->container, kind);
  if (!probe) return;
  const Key key{target->cid, kind};
  auto& worker = workers_[key];
  if (worker != nullptr) return;
  worker = std::make_unique<Worker>(Worker{
      target, kind, *probe, ProbeTally(probe->success_threshold, probe->failure_threshold), 0, nullptr});
  const auto running = std::chrono::duration_cast<Millis>(std::chrono::system_clock::now() - target->started);
  const Millis delay = std::max(Millis(0), Millis(probe->initial_delay * 1000) - running);
  worker->timer = loop_.after(delay, [this, raw = worker.get()] { attempt(*raw); });
}

std::unique_ptr<ProbeAttempt> Prober::make_attempt(const Worker& worker, ProbeAttempt::Done done) {
  const api::Probe& probe = worker.probe;
  const ProbeTarget& target = *worker.target;
  const Millis timeout(std::max(1, probe.timeout) * 1000);
  if (probe.kind == api::Probe::Kind::kExec) {
    return probe_exec(loop_, paths_, {crun_, target.uid, target.cid, probe.command, false, true}, timeout,
                      std::move(done));
  }
  if (probe.kind == api::Probe::Kind::kGrpc) {
    return std::make_unique<Unsupported>(loop_, "gRPC probes are not supported by this release",
                                         std::move(done));
  }
  SocketProbe socket{
      probe.host.empty() ? target.ip : probe.host, config_.node_netns, 0, timeout, std::nullopt, false};
  socket.port = api::resolve_port(target.pod->view<api::Pod>(), probe.port, "TCP");
  if (probe.kind == api::Probe::Kind::kHttp) {
    socket.http = http_target(probe, target.ip, socket.port, config_.version);
    socket.tls = probe.scheme == "HTTPS";
  }
  return probe_socket(loop_, socket, std::move(done));
}

void Prober::attempt(Worker& worker) {
  finished_.clear();
  const Key key{worker.target->cid, worker.kind};
  worker.timer =
      loop_.after(Millis(std::max(1, worker.probe.period) * 1000), [this, raw = &worker] { attempt(*raw); });
  if (worker.attempt != nullptr) return;  // A timeout longer than the period.
  worker.attempt = make_attempt(worker, [this, key](const ProbeResult& result) { done(key, result); });
}

void Prober::done(const Key& key, const ProbeResult& result) {
  const auto it = workers_.find(key);
  if (it == workers_.end()) return;
  Worker& worker = *it->second;
  finished_.push_back(std::move(worker.attempt));
  const auto target = worker.target;
  ProbeReport report{target->uid, target->cid, key.second, worker.tally.add(result.good), result.good, ""};
  if (!result.good) report.text = std::string(title(key.second)) + " probe failed: " + result.text;
  if (key.second == ProbeKind::kStartup && report.verdict == true) {
    loop_.cancel(worker.timer);
    workers_.erase(it);
    begin_after_startup(target);
  }
  report_(report);
}

void Prober::drop(const std::string& cid, ProbeKind kind) {
  const auto it = workers_.find({cid, kind});
  if (it == workers_.end()) return;
  loop_.cancel(it->second->timer);
  workers_.erase(it);
}

void Prober::unwatch(const std::string& cid) {
  drop(cid, ProbeKind::kReadiness);
  stop_liveness(cid);
}

void Prober::stop_liveness(const std::string& cid) {
  drop(cid, ProbeKind::kStartup);
  drop(cid, ProbeKind::kLiveness);
}

}  // namespace minik::runtime
