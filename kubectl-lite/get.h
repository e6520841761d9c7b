// get: shows objects, and what becomes of them with --watch.
#pragma once

#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct GetOptions {
  std::vector<std::string> args, files, label_columns;
  std::string output, labels, fields;
  bool all_namespaces = false, watch = false, watch_only = false, show_labels = false, no_headers = false;
  bool ignore_not_found = false, show_managed_fields = false, show_kind = false;
};

// The answer is the exit code; errors that concern single objects are printed on the way.
Result<int> get(Session& session, const GetOptions& options);

}  // namespace minik::kubectl
