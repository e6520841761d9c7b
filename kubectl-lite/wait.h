// wait and rollout status: until objects are as wanted, or the time is over.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct WaitOptions {
  std::vector<std::string> args, files;
  std::string condition;  // --for: delete, create, condition=NAME[=VALUE], jsonpath=TEMPLATE[=VALUE]
  std::string timeout = "30s";
  std::string labels, fields;
  bool all = false, all_namespaces = false;
};
Result<int> wait(Session& session, const WaitOptions& options);

struct RolloutStatusOptions {
  std::vector<std::string> args;
  bool watch = true;
  std::string timeout = "0s";  // 0: no end.
};
Result<int> rollout_status(Session& session, const RolloutStatusOptions& options);

// How far a Deployment's rollout is.  Pure.  Errors: the rollout has failed.
struct RolloutState {
  std::string text;
  bool done = false;
};
Result<RolloutState> rollout_state(const Json& deployment);

}  // namespace minik::kubectl
