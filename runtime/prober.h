// Prober: probes of running containers, on the lifecycle loop.
//
// Threads: the loop's.  Reports come from the loop, never from within `watch`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/event_loop.h"
#include "runtime/probe_attempt.h"
#include "runtime/runtime.h"

namespace minik::runtime {

enum class ProbeKind : std::uint8_t { kStartup, kReadiness, kLiveness };

struct ProbeTarget {
  std::string uid, cid;
  api::ObjectPtr pod;  // For ports by name.
  api::Container container;
  std::string ip;  // The pod's.
  WallTime started{};
  bool started_ok = false;  // The startup probe passed already, before this daemon.
};

struct ProbeReport {
  std::string uid, cid;
  ProbeKind kind = ProbeKind::kReadiness;
  std::optional<bool> verdict;  // A threshold was reached.
  bool good = false;
  std::string text;  // "Readiness probe failed: …"
};

class Prober {
 public:
  using Report = std::function<void(const ProbeReport&)>;
  Prober(EventLoop& loop, const RuntimeConfig& config, std::string crun, Report report);
  ~Prober();

  // All probes of one run.  Readiness and liveness begin once the startup probe has passed.
  void watch(const ProbeTarget& target);
  void unwatch(const std::string& cid);
  void stop_liveness(const std::string& cid);  // The pod is being deleted.

 private:
  struct Worker;
  using Key = std::pair<std::string, ProbeKind>;
  void begin(const std::shared_ptr<ProbeTarget>& target, ProbeKind kind);
  void begin_after_startup(const std::shared_ptr<ProbeTarget>& target);
  void drop(const std::string& cid, ProbeKind kind);
  void attempt(Worker& worker);
  void done(const Key& key, const ProbeResult& result);
  std::unique_ptr<ProbeAttempt> make_attempt(const Worker& worker, ProbeAttempt::Done done);

  EventLoop& loop_;
  RuntimeConfig config_;
  Paths paths_;
  std::string crun_;
  Report report_;
  std::map<Key, std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<ProbeAttempt>> finished_;  // Cannot be destroyed from within their own call.
};

// The probe of this kind, if the container has one.
const std::optional<api::Probe>& probe_of(const api::Container& container, ProbeKind kind);

}  // namespace minik::runtime
