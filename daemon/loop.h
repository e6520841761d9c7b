// Loop: the one place where things happen.  A tick takes a snapshot, lets the controllers write until they
// are quiet, compiles what the kernel should hold, makes it true, publishes names, and tells the runtime its
// wishes.
//
// Order inside a tick is the contract: rules before links (Kernel::commit), the kernel before the runtime: a
// pod that is to stop hears of it only after no new connection can reach it.
//
// Threads: `run` on one thread; `wake`, `post` and `wait_applied` from any.
// Errors: logged here and nowhere else; a failed commit is repaired with a reset a moment later.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/pod_fact.h"
#include "apiserver/registry.h"
#include "base/event_loop.h"
#include "base/inbox.h"
#include "cni/addresses.h"
#include "cni/wiring.h"
#include "controllers/controller.h"
#include "daemon/event_recorder.h"
#include "dns/server.h"
#include "dns/zone_builder.h"
#include "netd/kernel/kernel.h"
#include "proxy/compiler.h"
#include "runtime/runtime.h"

namespace minik::daemon {

struct LoopParts {
  apiserver::Store& store;
  apiserver::Registry& registry;
  const Clock& clock;
  netd::Kernel& kernel;
  runtime::Runtime& runtime;
  std::vector<std::unique_ptr<controllers::Controller>>
      controllers;  // In order: earlier ones feed later ones.
  std::unique_ptr<cni::AddressController> addresses;
  std::unique_ptr<cni::Wiring> wiring;
  std::unique_ptr<proxy::Compiler> compiler;
  dns::ZoneBuilder zone_builder;
  Published<dns::Zone>& zone;
  std::string node_name;
};

class Loop {
 public:
  explicit Loop(LoopParts parts) : parts_(std::move(parts)) {}

  void run();  // Until stop().
  void stop();

  // Something in the store changed; from the store's writer.
  void wake(const std::vector<std::string>& resources);
  void post(api::PodFact fact);
  void post(runtime::PodEvent event);

  // Waits until everything up to `revision` is in the kernel and in DNS, at most `timeout`.
  void wait_applied(std::uint64_t revision, Millis timeout);

  // The last thing that went wrong and still is; "" when all is well.
  std::string trouble() const;
  bool dns_serves() const;

 private:
  struct Message {
    std::shared_ptr<const api::PodFact> fact;
    std::shared_ptr<const runtime::PodEvent> event;
  };
  void tick();
  void take_messages();
  void run_controllers();
  void tell(const std::vector<api::Write>& writes, const std::vector<Result<>>& outcomes);
  void wake_in_time();
  void make_true(const api::SnapshotPtr& objects);
  void serve_dns(const api::SnapshotPtr& objects);
  void wish(const api::SnapshotPtr& objects);
  void record_events(const api::SnapshotPtr& objects);
  void check_foreign_change();
  void set_trouble(const std::string& part, const std::string& what);
  void mark_applied(std::uint64_t revision);

  LoopParts parts_;
  Inbox<Message> inbox_;
  EventLoop events_;

  api::PodFacts facts_;
  netd::Plan known_;           // What the kernel holds, as far as we know.
  bool kernel_known_ = false;  // False: reset at the next tick.
  EventRecorder recorder_;
  std::set<std::string> told_problems_;
  std::optional<WallTime> wake_at_;  // A timer is set for then.

  std::unique_ptr<dns::Server> dns_server_;
  std::string dns_pod_uid_;

  api::SnapshotPtr wished_;
  std::set<std::string> wished_wired_;

  mutable std::mutex state_mutex_;
  std::condition_variable applied_changed_;
  std::uint64_t applied_ = 0;
  std::map<std::string, std::string> trouble_;
};

}  // namespace minik::daemon
