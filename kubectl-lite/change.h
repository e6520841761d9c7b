// Small changes of objects: scale, label, annotate, rollout restart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct ScaleOptions {
  std::vector<std::string> args, files;
  std::int64_t replicas = -1;
  std::int64_t current_replicas = -1;  // -1: whatever there is.
};
Result<int> scale(Session& session, const ScaleOptions& options);

struct LabelOptions {
  std::vector<std::string> args;  // TYPE NAME… | TYPE/NAME…, then KEY=VALUE and KEY-.
  std::vector<std::string> files;
  std::string labels;        // -l
  bool annotations = false;  // annotate instead of label.
  bool overwrite = false, all = false, all_namespaces = false, list = false;
};
Result<int> label(Session& session, const LabelOptions& options);

// KEY=VALUE sets, KEY- removes.  Pure; finished texts.
struct LabelChanges {
  std::vector<std::string> resources;  // The arguments before them.
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
};
Result<LabelChanges> parse_label_args(const std::vector<std::string>& args, bool annotations);

Result<int> rollout_restart(Session& session, const std::vector<std::string>& args);

}  // namespace minik::kubectl
