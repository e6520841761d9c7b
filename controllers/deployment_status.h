// The status of a Deployment: sums over its ReplicaSets, and the conditions that `kubectl rollout status`
// reads: Available, Progressing.
//
// Pure.
#pragma once

#include <vector>

#include "controllers/controller.h"

namespace minik::controllers {

// `fresh` is the newest ReplicaSet, null if there is none; `made` is the name of one that is being created.
Json deployment_status(const api::Object& deployment, const std::vector<api::ObjectPtr>& all,
                       const api::Object* fresh, const std::string& made, WallTime now, Steps& steps);

}  // namespace minik::controllers
