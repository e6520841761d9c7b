// Exec over WebSocket: the v5.channel.k8s.io sub-protocol (RFC 6455, KEP-4006).
//
// Threads: runs on the connection's thread and returns when the session is over.
// Errors: refused upgrades get an HTTP answer with a Status; later failures go to the error channel.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/connection.h"
#include "apiserver/handler.h"

namespace minik::apiserver {

// `head` is a copy of everything peeked at so far: the request's head, and perhaps the first frames behind
// it.
void serve_upgrade(Handler& handler, Connection& connection, std::string head,
                   const std::optional<User>& user);

// Answers with a Status and asks the client to close.
void refuse(Connection& connection, const Error& error);

std::multimap<std::string, std::string> parse_query(std::string_view text);

}  // namespace minik::apiserver
