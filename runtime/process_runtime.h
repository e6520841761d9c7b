// ProcessRuntime: the Runtime that runs real containers, by crun and one minik-shim per pod.
//
// Threads: one loop for all pods (lifecycle.h), four workers for slow system work; no thread per pod.
// Ownership: RuntimeConfig's run_dir and, of state_dir, images/, ctr/, pods/ and logs/.
// Destroying it without tear_down leaves the containers running, for the next daemon to adopt.
// Errors of start: kNotFound (no shim program), kKernel (directories, mounts).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/event_loop.h"
#include "runtime/container_maker.h"
#include "runtime/image_store.h"
#include "runtime/lifecycle.h"
#include "runtime/runtime.h"
#include "runtime/worker_pool.h"

namespace minik::runtime {

class ProcessRuntime final : public Runtime {
 public:
  static Result<std::unique_ptr<ProcessRuntime>> start(RuntimeConfig config,
                                                       std::function<void(PodFact)> report,
                                                       std::function<void(PodEvent)> event);
  ~ProcessRuntime() override;

  Result<> adopt() override;
  void want(std::vector<PodWish> wishes, api::SnapshotPtr objects) override;
  Result<> logs(const LogRequest& request, const std::function<bool(std::string_view)>& sink) override;
  Result<ExecSession> exec(const ExecRequest& request) override;
  Result<ExecSession> attach(const AttachRequest& request) override;
  Result<std::string> network_of(const std::string& uid) override;
  Result<ImageInfo> add_image(const std::string& name, const std::string& directory) override;
  Result<std::vector<ImageInfo>> images() override;
  Result<> remove_image(const std::string& name) override;
  void tear_down() override;

 private:
  ProcessRuntime(RuntimeConfig config, std::unique_ptr<ImageStore> store, std::function<void(PodFact)> report,
                 std::function<void(PodEvent)> event);
  // Runs `question` on the loop and waits for its answer; nothing once the loop has stopped.
  template <class Question>
  auto ask(Question question) -> std::optional<decltype(question())>;
  std::optional<ContainerRun> find_run(const std::string& uid, const std::string& container);
  void stop_threads();

  RuntimeConfig config_;
  Paths paths_;
  std::unique_ptr<ImageStore> store_;
  ContainerMaker maker_;
  EventLoop loop_;
  WorkerPool workers_;
  std::unique_ptr<Lifecycle> lifecycle_;
  std::thread thread_;
  std::atomic<bool> running_{true};
};

}  // namespace minik::runtime
