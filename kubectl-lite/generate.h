// Objects made from flags: create namespace, create deployment, create configmap, expose.
//
// The builders are pure; finished texts as errors.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "kubectl-lite/apply.h"
#include "kubectl-lite/session.h"

namespace minik::kubectl {

Json namespace_object(const std::string& name);

struct DeploymentFlags {
  std::string name;
  std::vector<std::string> images, command;
  std::int64_t replicas = 1;
  int port = -1;
};
Result<Json> deployment_object(const DeploymentFlags& flags, const std::string& ns);

struct ConfigMapFlags {
  std::string name;
  std::vector<std::string> literals, files;  // KEY=VALUE; [KEY=]PATH
};
// Reads the files.
Result<Json> config_map_object(const ConfigMapFlags& flags, const std::string& ns);

struct ExposeFlags {
  std::vector<std::string> args;
  std::string name, port, target_port, protocol, type, cluster_ip, selector;
};
// The Service for `target`: its selector and, unless given, its ports.
Result<Json> service_for(const ExposeFlags& flags, const api::Kind& kind, const Json& target);
Result<int> expose(Session& session, const ExposeFlags& flags, const WriteOptions& options);

}  // namespace minik::kubectl
