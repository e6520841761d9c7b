// delete: asks for deletion and, unless told otherwise, waits until the objects are gone.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct DeleteOptions {
  std::vector<std::string> args, files;
  std::string labels, fields, output;
  std::string cascade = "background";  // background, foreground, orphan
  std::string timeout;                 // Empty or 0: a week.
  std::optional<int> grace_seconds;
  bool all = false, all_namespaces = false, force = false, now = false, wait = true;
  bool ignore_not_found = false, recursive = false;
};

Result<int> remove(Session& session, const DeleteOptions& options);

}  // namespace minik::kubectl
