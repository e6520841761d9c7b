// Requests that take over their connection: exec, attach, port-forward (WebSocket or SPDY/3.1) and proxy.
//
// Nothing starts before the sub-protocol is agreed; what cannot be agreed is answered with a Status, on which
// clients fall back to another transport.
// Threads: runs on the connection's thread and returns when the session is over; the connection is closed
// then. Errors: refusals get an HTTP answer with a Status; later failures go to the session's error stream.
// Specification: wire-compat.md 6.3, 6.4, 6.7.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/connection.h"
#include "apiserver/handler.h"

namespace minik::apiserver {

// Whether a request with this head is one of those.
bool asks_for_stream(const std::string& head);
// Most bytes that its body may have.
std::size_t body_limit(const std::string& head);

// `head` is a copy of everything peeked at so far: the request's head, and perhaps the first bytes behind it.
void serve_stream(Handler& handler, Connection& connection, std::string head,
                  const std::optional<User>& user);

// Answers with a Status and asks the client to close.
void refuse(Connection& connection, const Error& error);

std::multimap<std::string, std::string> parse_query(std::string_view text);

// How exec and attach, or port-forward, are to be spoken: pure, for tests.
struct Agreement {
  enum class How : std::uint8_t { kSpdy, kChannels, kTunnel } how = How::kSpdy;
  std::string protocol;  // As the client wrote it; empty: none was named.
  int version = 1;       // Of the remote command protocol.
};
// Errors: kInvalid, kForbidden, with what the client may offer.
Result<Agreement> agree(const std::string& subresource,
                        const std::multimap<std::string, std::string>& headers);

}  // namespace minik::apiserver
