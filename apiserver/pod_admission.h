// What admission does to every new pod: its service account.
//
// Pure.  Errors: kForbidden when the account is not there.
#pragma once

#include <string>

#include "api/snapshot.h"
#include "base/json.h"
#include "base/result.h"

namespace minik::apiserver {

// Where clients in a pod look for their token, ca.crt and namespace.
inline constexpr const char* kAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

// Names the account (default: "default"), copies its imagePullSecrets, and, unless the pod or its account
// does not want it, mounts a projected token, the cluster's certificate and the namespace's name into every
// container that mounts nothing there.
Result<> admit_service_account(const api::Snapshot& objects, const std::string& ns, Json& pod);

}  // namespace minik::apiserver
