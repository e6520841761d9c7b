// What admission does to every new pod: its service account, its priority, the taints that it bears for a
// while.
//
// Pure.  Errors: kForbidden when the account or the priority class is not there.
#pragma once

#include <string>

#include "api/snapshot.h"
#include "base/json.h"
#include "base/result.h"

namespace minik::apiserver {

// Where clients in a pod look for their token, ca.crt and namespace.
inline constexpr const char* kAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

// The number behind priorityClassName, or of the class that is everybody's, or 0.
Result<> admit_priority(const api::Snapshot& objects, Json& pod);
// Five minutes on a node that is not ready or not to be reached.
void admit_tolerations(Json& pod);

// Names the account (default: "default"), copies its imagePullSecrets, and, unless the pod or its account
// does not want it, mounts a projected token, the cluster's certificate and the namespace's name into every
// container that mounts nothing there.
Result<> admit_service_account(const api::Snapshot& objects, const std::string& ns, Json& pod);

}  // namespace minik::apiserver
