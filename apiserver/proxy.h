// The proxy subresource of pods and services: one request to a program inside the cluster, and its answer
// back.
//
// Bodies pass as bytes in both directions, as they come; an upgrade (WebSocket) becomes a plain pipe.  The
// client's connection is closed behind the answer.
// Threads: the connection's, until all has passed.  What waits is bounded by kQueuedMax per direction.
// Errors: a Status instead of an answer.  Specification: wire-compat.md 6.11.
#pragma once

#include <string_view>

#include "apiserver/connection.h"
#include "apiserver/handler.h"
#include "apiserver/http_head.h"

namespace minik::apiserver {

// `early`: bytes behind the head that were read already.
void serve_proxy(Handler& handler, Connection& connection, const Request& request, const Route& route,
                 const HttpHead& head, std::string_view early);

}  // namespace minik::apiserver
