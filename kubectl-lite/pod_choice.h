// Which pod and which container a person means: POD, TYPE/NAME, -c, kubectl's default-container annotation.
//
// Errors: finished texts (failure.h).
#pragma once

#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

// POD or TYPE/NAME: the pod itself, or the best pod that the object's selector matches (ready before not
// ready, then the newest).
Result<Json> choose_pod(Session& session, const std::string& word, bool announce);

// The container of `wanted`, or the default one; with several to choose from, `err` is told which.
Result<std::string> choose_container(Session& session, const Json& pod, const std::string& wanted);

// Names of a pod's containers, init containers first.  Pure.
std::vector<std::string> container_names(const Json& pod, bool with_init);
// The best of several pods first.  Pure.
void sort_pods(std::vector<Json>& pods);
// The label selector of a Deployment, ReplicaSet, Service, …; empty when it has none.  Pure.
std::string pod_selector(const Json& object);

}  // namespace minik::kubectl
