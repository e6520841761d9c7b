// TLS: the client's side of a connection to the API server, by OpenSSL.
//
// Threads: one.  Errors: finished texts (failure.h).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "kubectl-lite/client.h"
#include "kubectl-lite/kubeconfig_file.h"

struct ssl_ctx_st;

namespace minik::kubectl {

// Puts certificate, key, CA and the name to verify into `ctx`.  When the server's certificate is refused
// later, the reason is written to `*refused`, which must outlive the context.
Result<> configure_tls(ssl_ctx_st* ctx, const ClusterAccess& access, std::string* refused);

// "Unable to connect to the server: tls: failed to verify certificate: …"
Error certificate_refused(const std::string& reason);
// "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
Error connection_refused(const ClusterAccess& access);

// A TLS connection of its own whose bytes the caller reads and writes.
Result<std::unique_ptr<Duplex>> open_tls(const ClusterAccess& access, std::chrono::milliseconds timeout);

}  // namespace minik::kubectl
