// What to do next for one pod.  Pure: state and time in, one action out.
//
// Specification: pod-runtime.md 7.4 (restart and back-off), 7.6 (order of start), 7.7 (termination).
#pragma once

#include <optional>
#include <vector>

#include "runtime/pod_state.h"

namespace minik::runtime {

// Delays of a crash loop or of failing pulls: at once, then initial, doubled up to max.
struct BackoffRule {
  Millis initial{10'000}, max{300'000}, reset_after{600'000};
};
// The delay before the next try, given the one before (nothing: there was no failure yet) and how long it
// went well.
Millis next_delay(std::optional<Millis> previous, Millis went_well, const BackoffRule& rule);
// The delay before a pull is tried again: the first failure already waits.
Millis next_pull_delay(std::optional<Millis> previous, const BackoffRule& rule);

bool should_restart(std::string_view restart_policy, const ContainerRun& run);

struct Action {
  enum class Kind : std::uint8_t {
    kNone,
    kMakeSandbox,
    kBeginRun,  // The container ended and is to run again: make the next run of it.
    kCreate,
    kStart,
    kClean,    // garbage.front()
    kDiscard,  // A created container that shall never start.
    kRefreshVolumes,
    kTearDown,
  } kind = Kind::kNone;
  std::size_t container = 0;
  std::optional<SteadyTime> look_again;  // With kNone: nothing to do before, unless something happens.
};
Action decide(const PodState& pod, SteadyTime now);

struct SignalWish {
  std::size_t container;
  int signal;
};
// Signals that are due now; mark them as sent.  Also works while a job is under way.
std::vector<SignalWish> due_signals(const PodState& pod, SteadyTime now);
// When the next one is due.
std::optional<SteadyTime> next_signal_time(const PodState& pod);

// Asked to stop, and nothing is left that could run.
bool is_stopped(const PodState& pod);

}  // namespace minik::runtime
