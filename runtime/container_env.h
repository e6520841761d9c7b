// The environment, command and arguments of a container.
//
// Pure: reads Services, ConfigMaps and Secrets from a snapshot.  Specification: pod-runtime.md 7.8.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/pod.h"
#include "api/snapshot.h"
#include "base/result.h"
#include "runtime/aliases.h"

namespace minik::runtime {

using Env = std::vector<std::pair<std::string, std::string>>;  // In order; names are unique.

// Where the values of status.podIP and its like come from.
struct PodPlace {
  std::vector<std::string> pod_ips;
  std::string host_ip, node_name;
};

// "$(NAME)" from `known`, "$$" is "$", unknown names stay as they are.
std::string expand(std::string_view text, const std::map<std::string, std::string>& known);

// The variables of the Services of `ns` and of default/kubernetes, oldest Service first.
Env service_env(const api::Snapshot& objects, const std::string& ns, bool all_services);

// All variables: services, envFrom, env; then HOSTNAME, PATH, HOME and TERM as the runtime adds them.
// Invalid names from envFrom go to `skipped`.
// Errors: kInvalid with the text of CreateContainerConfigError.
Result<Env> container_env(const api::Object& pod, const api::Container& container,
                          const api::Snapshot& objects, const PodPlace& place, const ImageDefaults& image,
                          std::vector<std::string>& skipped);

// The field of the pod that a fieldPath names.  Errors: kInvalid for paths that there are not.
Result<std::string> field_value(const api::Object& pod, const std::string& path, const PodPlace& place);

// What is run: `command` replaces the image's entrypoint and command, `args` only its command.
std::vector<std::string> container_argv(const api::Container& container, const ImageDefaults& image,
                                        const Env& env);

}  // namespace minik::runtime
