// Commands that only minik has: image add, list, remove; status.  They talk to /minik/… of the API server.
#pragma once

#include <string>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

// `directory` may be relative; `name` is the image's name in pods.
Result<int> image_add(Session& session, const std::string& name, const std::string& directory);
Result<int> image_list(Session& session, const std::string& output);
Result<int> image_remove(Session& session, const std::string& name);

// Health of every part; 1 when one is not well.
Result<int> cluster_status(Session& session, const std::string& output);
// The page that `status` prints.  Pure.
std::string status_text(const Json& status);

}  // namespace minik::kubectl
