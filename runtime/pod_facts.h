// What is reported of a pod.  Pure.  Specification: pod-runtime.md 7.3; core/v1 ContainerStatus.
#pragma once

#include "runtime/pod_state.h"

namespace minik::runtime {

PodFact pod_fact(const PodState& pod);
ContainerState container_state(const PodState& pod, const ContainerRun& run);
// How this run ended, for state or lastState.
ContainerState ended_state(const ContainerRun& run);

// `back-off 10s restarting failed container=c pod=p_ns(uid)`
std::string crash_loop_message(const PodState& pod, const ContainerRun& run, Millis delay);
// Go's time.Duration text for whole seconds: 10s, 2m40s, 5m0s.
std::string go_duration(Millis time);

}  // namespace minik::runtime
