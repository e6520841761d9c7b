// describe: everything about an object on one page, as kubectl 1.30 lays it out.
//
// The pages are pure functions of the objects they show.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct DescribeOptions {
  std::vector<std::string> args, files;
  std::string labels;
  bool all_namespaces = false, show_events = true;
};

Result<int> describe(Session& session, const DescribeOptions& options);

// The pages; `events` may be null: then the page has no such part.
std::string describe_pod(const Json& pod, const Json* events, WallTime now);
std::string describe_service(const Json& service, const Json& endpoints, const Json* events, WallTime now);
std::string describe_endpoints(const Json& endpoints, const Json* events, WallTime now);
// `replica_sets`: the items of the ReplicaSets that the selector matches.
std::string describe_deployment(const Json& deployment, const Json& replica_sets, const Json* events,
                                WallTime now);
// `pods`: the items of the pods that the selector matches.
std::string describe_replica_set(const Json& replica_set, const Json& pods, const Json* events, WallTime now);
// Any other kind: its fields, one by one.
std::string describe_generic(const Json& object, const Json* events, WallTime now);

}  // namespace minik::kubectl
