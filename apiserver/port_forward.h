// A port-forward session: any number of connections into one pod, over SPDY streams or WebSocket channels.
//
// One poll loop.  SPDY: each connection is an error and a data stream of one request id.  Channels: the ports
// of the query, port n on channels 2n (data) and 2n+1 (error), one connection each. Threads: the
// connection's, until the session is over. Errors: a port that refuses is told on the error stream; the
// session goes on.  Specification: wire-compat.md 6.10.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apiserver/connection.h"
#include "apiserver/wire.h"
#include "base/ip.h"
#include "base/unique_fd.h"

namespace minik::apiserver {

struct ForwardWanted {
  std::string netns;                                                  // For the texts of errors.
  std::vector<int> ports;                                             // Of channels; empty: SPDY.
  std::function<Result<UniqueFd>(const Ip& address, int port)> dial;  // Non-blocking.
};

void run_port_forward(Connection& connection, Wire& wire, std::string_view early,
                      const ForwardWanted& wanted);

}  // namespace minik::apiserver
