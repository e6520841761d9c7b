// logs: what a pod's containers wrote.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct LogsOptions {
  std::vector<std::string> args;  // POD | TYPE/NAME, and as kubectl allows, the container.
  std::string container, labels, since, since_time;
  std::optional<std::int64_t> tail, limit_bytes;
  bool follow = false, previous = false, timestamps = false, all_containers = false, prefix = false;
};

Result<int> logs(Session& session, const LogsOptions& options);

}  // namespace minik::kubectl
