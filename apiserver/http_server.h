// HttpServer: TLS and HTTP/1.1 in front of the Handler, on any number of sockets.
//
// cpp-httplib parses requests and writes answers; the per-connection hook is ours, so that a connection that
// asks for an upgrade (WebSocket) is handed to the stream code with its first bytes, and so that threads grow
// with the connections up to kConnectionsMax.
//
// Threads: `start` makes one thread per socket and one per connection; `stop` joins them all.
// Errors: kUnavailable for a busy port, with the port; kInternal for certificates that OpenSSL refuses.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/handler.h"
#include "apiserver/pki.h"
#include "base/unique_fd.h"

namespace minik::apiserver {

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // Serves on a bound and listening socket.  May be called again for further sockets.
  virtual Result<> serve(UniqueFd listener) = 0;
  virtual void stop() = 0;

  static Result<std::unique_ptr<HttpServer>> make(Handler& handler, const Pki& pki);
};

// A listening TCP socket in the caller's network namespace; port 0 picks a free one.
Result<UniqueFd> listen_on(const std::string& address, int port);
Result<int> port_of(int fd);

}  // namespace minik::apiserver
