// Daemon: wires every room into one process and runs it until it is told to stop.
//
// Stopping leaves pods, links and rules as they are: a new daemon finds them again.  Taking a cluster apart
// is `down` (lifecycle.h).
//
// Threads: `run` on the main thread, with SIGTERM and SIGINT blocked; it waits for them.
// Errors: what kept it from starting, as one line.
#pragma once

#include <functional>

#include "base/result.h"
#include "daemon/options.h"

namespace minik::daemon {

// `ready` is called once, with the port of the API, when pods can start and names resolve.
Result<> run_daemon(const Cluster& cluster, const std::function<void(int api_port)>& ready);

}  // namespace minik::daemon
