// exec: runs a command in a container, without a terminal, over WebSocket v5.channel.k8s.io (KEP-4006).
#pragma once

#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct ExecOptions {
  std::string pod, container;  // POD or TYPE/NAME.
  std::vector<std::string> command;
  bool stdin_open = false;
};

// The answer is the command's exit code.  Reads from descriptor 0, writes to 1 and 2.
Result<int> exec(Session& session, const ExecOptions& options);

// The exit code that a status on the error channel means; an Error when the command could not be run.  Pure.
Result<int> exit_code_of_status(const Json& status);

}  // namespace minik::kubectl
