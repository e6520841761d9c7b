// The record of a pod on disk (STATE/pods/<uid>/state.json): what a daemon needs after kill -9 or a reboot.
//
// Pure.  Times of the steady clock are kept as wall-clock times, because another boot has another steady
// clock.
#pragma once

#include "base/json.h"
#include "runtime/pod_state.h"

namespace minik::runtime {

struct Moment {
  WallTime wall;
  SteadyTime steady;
};

Json to_record(const PodState& pod, const std::string& boot_id, const Moment& now);

struct ReadRecord {
  PodState pod;
  std::string boot_id;
};
// Errors: kInvalid.
Result<ReadRecord> from_record(const Json& record, const Moment& now);

}  // namespace minik::runtime
