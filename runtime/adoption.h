// Finding what an earlier daemon left: pods to go on with, and rubbish to remove.
//
// Threads: one, before the lifecycle loop gets the pods.  Errors: logged; a pod whose record cannot be read
// is removed. Specification: pod-runtime.md 3, "Re-adoption".
#pragma once

#include <vector>

#include "runtime/container_maker.h"
#include "runtime/pod_state.h"

namespace minik::runtime {

// Brings the record of a pod in line with what its shim says; `entries` is nothing when no shim answers.
// Pure.
void reconcile(PodState& pod, const std::optional<std::vector<shim::Entry>>& entries);

// All pods with a record; what belongs to none of them is removed.
std::vector<PodState> find_survivors(const Paths& paths, const ContainerMaker& maker);

}  // namespace minik::runtime
