#include "runtime/adoption.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "base/log.h"
#include "runtime/exec.h"
#include "runtime/lifecycle.h"
#include "runtime/pod_record.h"
#include "runtime/process.h"
#include "runtime/rootfs.h"

namespace minik::runtime {
namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

void log_failure(const std::string& what, const Result<>& result) {
  if (!result.ok()) log_warn("runtime", "{}: {}", what, result.error().message());
}

Result<PodState> read_record(const Paths& paths, const std::string& uid) {
  const Json json = TRY(parse_json(TRY(read_file(paths.record(uid)))));
  ReadRecord record = TRY(from_record(json, {wall_now(), steady_now()}));
  if (record.pod.uid != uid) return Error(Code::kInvalid, "the record of another pod");
  return std::move(record.pod);
}

// Without its namespaces a pod's processes are of no use; after a reboot there are none.
void lose_sandbox(PodState& pod, const Paths& paths) {
  if (auto shim = ShimClient::connect(paths.run_pod(pod.uid)); shim.ok())
    log_failure("stop a shim", shim->quit());
  pod.sandbox_ready = false;
  for (auto& run : pod.containers) run.pid = 0;
}

std::optional<std::vector<shim::Entry>> ask_shim(const Paths& paths, const std::string& uid) {
  auto shim = ShimClient::connect(paths.run_pod(uid));
  if (!shim.ok()) return std::nullopt;
  auto entries = shim->status();
  return entries.ok() ? std::optional(*std::move(entries)) : std::nullopt;
}

void remove_stray_pod(const Paths& paths, const ContainerMaker& maker, const std::string& uid) {
  if (auto shim = ShimClient::connect(paths.run_pod(uid)); shim.ok())
    log_failure("stop a shim", shim->quit());
  const auto netns = read_file(paths.run_pod(uid) + "/netns");
  SandboxWish wish{uid, "", netns.ok() ? *netns : "", false};
  log_failure("remove a stray sandbox", remove_sandbox(paths, wish));
  log_failure("remove stray volumes", maker.remove_volumes(uid));
  log_failure("remove a stray pod", remove_tree(paths.run_pod(uid)));
}

void take_back(ContainerRun& run, PodState& pod) {
  pod.garbage.push_back(run.cid);
  run.phase = Phase::kNone;
  run.cid.clear();
  run.pid = 0;
}

void reconcile_run(PodState& pod, ContainerRun& run, const shim::Entry* entry) {
  if (entry != nullptr && entry->started_ns != 0 && entry->state >= shim::kCreated) {
    // It ran or runs; that it has ended is told when the shim is watched.
    run.phase = Phase::kRunning;
    run.pid = entry->pid;
    run.start_ticks = entry->start_ticks;
    run.started = from_ns(entry->started_ns);
  } else if (entry != nullptr && entry->state == shim::kCreated) {
    run.phase = Phase::kCreated;
    run.pid = entry->pid;
    run.start_ticks = entry->start_ticks;
  } else if (run.phase == Phase::kCreating || run.phase == Phase::kCreated) {
    take_back(run, pod);
  } else {
    run.phase = Phase::kRunning;  // The loop looks for its process, and else for its exit record.
    if (entry == nullptr) run.pid = 0;
  }
}

}  // namespace

void reconcile(PodState& pod, const std::optional<std::vector<shim::Entry>>& entries) {
  const auto find_entry = [&](const std::string& cid) -> const shim::Entry* {
    for (const auto& entry : *entries) {
      if (cid == entry.cid) return &entry;
    }
    return nullptr;
  };
  for (auto& run : pod.containers) {
    if (run.phase == Phase::kNone || run.phase == Phase::kEnded) continue;
    if (entries) {
      reconcile_run(pod, run, find_entry(run.cid));
    } else if (run.phase == Phase::kCreating || run.phase == Phase::kCreated) {
      take_back(run, pod);
    } else {
      run.phase = Phase::kRunning;
    }
  }
  if (!entries) return;
  for (const auto& entry : *entries) {
    const bool known = std::find(pod.garbage.begin(), pod.garbage.end(), entry.cid) != pod.garbage.end();
    if (!known && pod.find_cid(entry.cid) == nullptr) pod.garbage.emplace_back(entry.cid);
  }
}

std::vector<PodState> find_survivors(const Paths& paths, const ContainerMaker& maker) {
  std::vector<PodState> pods;
  std::set<std::string> known_pods, known_containers;
  for (const auto& uid : names_in(paths.state_pods())) {
    auto pod = read_record(paths, uid);
    if (!pod.ok()) {
      log_warn("runtime", "record of pod {}: {}", uid, pod.error().message());
      log_failure("remove a broken record", remove_tree(paths.state_pod(uid)));
      continue;
    }
    if (pod->sandbox_ready && sandbox_exists(paths, uid)) {
      kill_leftover_execs(paths.exec_dir(uid), paths.namespace_file(uid, "net"));
      reconcile(*pod, ask_shim(paths, uid));
    } else {
      lose_sandbox(*pod, paths);
      reconcile(*pod, std::nullopt);
    }
    known_pods.insert(uid);
    for (const auto& run : pod->containers) known_containers.insert(run.cid);
    known_containers.insert(pod->garbage.begin(), pod->garbage.end());
    pods.push_back(*std::move(pod));
  }
  for (const auto& uid : names_in(paths.run_pods())) {
    if (!known_pods.contains(uid)) remove_stray_pod(paths, maker, uid);
  }
  for (const auto& directory : {paths.state_containers(), paths.run_containers()}) {
    for (const auto& cid : names_in(directory)) {
      if (!known_containers.contains(cid)) log_failure("remove a stray container", maker.remove("", cid));
    }
  }
  return pods;
}

}  // namespace minik::runtime
