// FakeRuntime: the strict in-memory twin of the Runtime, which tests drive.
//
// It never acts by itself unless told to (`run_by_itself`): a test says when a sandbox is ready, when
// containers run, turn ready or end.  What the real one could not do (running a container before its pod is
// wired, ending one that does not run, a wish before `adopt`) is our own mistake and asserts.
//
// Threads: any (locked inside).  Reports come on the caller's thread, from within the driving call.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace minik::runtime {

class FakeRuntime final : public Runtime {
 public:
  FakeRuntime(std::string cluster, std::function<void(PodFact)> report, std::function<void(PodEvent)> event);

  Result<> adopt() override;
  void want(std::vector<PodWish> wishes, api::SnapshotPtr objects) override;
  Result<> logs(const LogRequest& request, const std::function<bool(std::string_view)>& sink) override;
  Result<ExecSession> exec(
      const ExecRequest& request) override;  // Answers kNotFound: there is nothing to run.
  Result<ExecSession> attach(const AttachRequest& request) override;  // As exec.
  Result<std::string> network_of(const std::string& uid) override;    // As exec.
  Result<ImageInfo> add_image(const std::string& name, const std::string& directory) override;
  Result<std::vector<ImageInfo>> images() override;
  Result<> remove_image(const std::string& name) override;
  void tear_down() override;

  // Sandboxes come, containers run once wired and turn ready, and end when their pod is deleted.
  void run_by_itself();
  // Driving one pod; `uid` must be wished for.
  void make_sandbox(const std::string& uid);
  void run(const std::string& uid);  // Every container that waits.
  void set_ready(const std::string& uid, const std::string& container, bool ready);
  void end(const std::string& uid, const std::string& container, int exit_code);
  void restart(const std::string& uid, const std::string& container);
  void say(const std::string& uid, const std::string& container, const std::string& text);  // Into its log.
  void tell(const std::string& uid, bool warning, const std::string& reason, const std::string& message);

  std::vector<std::string> wished() const;  // uids, sorted.
  const PodFact* find(const std::string& uid) const;
  // A daemon that was killed: facts stay, the next `adopt` reports them.
  void forget_wishes();

 private:
  struct Pod {
    PodWish wish;
    bool wished = true;
    PodFact fact;
    std::map<std::string, std::string> logs;
  };
  Pod& at(const std::string& uid);
  ContainerFact& container_at(Pod& pod, const std::string& container);
  Pod make_pod(const PodWish& wish) const;
  void advance(Pod& pod);
  void report(const Pod& pod);

  mutable std::recursive_mutex mutex_;
  std::string cluster_;
  std::function<void(PodFact)> report_;
  std::function<void(PodEvent)> event_;
  std::map<std::string, Pod> pods_;
  std::map<std::string, ImageInfo> images_;
  bool adopted_ = false, by_itself_ = false, torn_down_ = false;
  int next_container_ = 1;
};

}  // namespace minik::runtime
