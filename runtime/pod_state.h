// PodState: all that the runtime knows of one pod, as a value.
//
// The lifecycle loop owns one per pod; decisions (pod_decide.h), reports (pod_facts.h) and the record on disk
// (pod_record.h) are pure functions of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace minik::runtime {

// Where one run of a container stands.  A run begins as kNone; a restart is a new run.
enum class Phase : std::uint8_t {
  kNone,      // Nothing there; waiting_reason says why if it is more than a matter of time.
  kCreating,  // A job prepares it.
  kCreated,   // crun has made it; it waits for start.
  kStarting,
  kRunning,
  kEnded,
};

struct ContainerRun {
  std::string name, image, image_id;
  bool init = false;
  Phase phase = Phase::kNone;
  std::string cid;  // 64 hex digits; of this run.
  int pid = 0;
  std::uint64_t start_ticks = 0;
  int restarts = 0;                // Also the number of this run's log.
  WallTime started{}, finished{};  // Of this run.
  int exit_code = 0, signal = 0;
  std::string end_reason, end_message;          // Of kEnded.
  std::string waiting_reason, waiting_message;  // Wins over what the phase says, while not running.
  std::optional<ContainerState> last;           // How the run before ended.
  std::optional<Millis> backoff;                // The latest delay of the crash loop.
  std::optional<Millis> image_backoff;          // The latest delay of failing pulls.
  SteadyTime not_before{};                      // Of the next attempt.
  bool started_ok = false, ready = false;       // As the probes see it.
  std::optional<SteadyTime> kill_at;            // Set: it is being stopped.
  bool term_sent = false, kill_sent = false;
};

struct PodState {
  std::string uid, ns, name;
  std::string restart_policy = "Always";
  api::ObjectPtr object;  // Null after adoption, until it is wished for.
  bool wanted = true, wired = false, built_in = false, host_network = false;
  bool busy = false;  // A job works on it.
  bool sandbox_ready = false;
  bool keep_records = false;  // Tear down, but the records and logs stay for the next daemon.
  std::string netns_path;
  SteadyTime sandbox_not_before{};
  SteadyTime tear_down_not_before{};
  int sandbox_attempts = 0;
  std::optional<SteadyTime> kill_at;     // The pod is being deleted: the end of its grace time.
  std::optional<SteadyTime> volumes_at;  // When the volumes are to be brought up to date.
  std::vector<ContainerRun> containers;  // Init containers first, in the order of the spec.
  std::vector<std::string> garbage;      // Container ids whose mounts and files can go.

  bool stopping() const { return kill_at.has_value(); }
  ContainerRun* find(const std::string& container) {
    for (auto& run : containers) {
      if (run.name == container) return &run;
    }
    return nullptr;
  }
  ContainerRun* find_cid(const std::string& cid) {
    for (auto& run : containers) {
      if (run.cid == cid) return &run;
    }
    return nullptr;
  }
};

// Whether a process of this run may exist.
inline bool is_live(Phase phase) {
  return phase == Phase::kCreated || phase == Phase::kStarting || phase == Phase::kRunning;
}

}  // namespace minik::runtime
