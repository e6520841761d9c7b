// events, api-resources, version: what the cluster says of itself.
#pragma once

#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct EventsOptions {
  std::string for_object;          // --for TYPE/NAME
  std::vector<std::string> types;  // --types Normal,Warning
  std::string output;
  bool all_namespaces = false, watch = false, no_headers = false;
};
Result<int> events(Session& session, const EventsOptions& options);

struct ApiResourcesOptions {
  std::string group, output;  // -o wide, name
  std::optional<bool> namespaced;
  bool no_headers = false;
};
Result<int> api_resources(Session& session, const ApiResourcesOptions& options);

// Of the server; `output` json or yaml, else two lines.
Result<int> version(Session& session, const std::string& output);

}  // namespace minik::kubectl
