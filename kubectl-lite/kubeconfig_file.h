// Kubeconfig: which server a command talks to, and as whom.
//
// Reads what `minik up`, kind and others write: --kubeconfig, else each file of $KUBECONFIG, else
// ~/.kube/config. Pure but for `load_kubeconfig`. Errors: finished texts (failure.h).
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace minik::kubectl {

// One cluster, one user, one namespace: everything a connection needs.
struct ClusterAccess {
  std::string host;
  int port = 443;
  std::string ca, client_cert, client_key;  // PEM; `ca` empty: the system's.
  std::string token;
  bool verify = true;
  std::string ns = "default";
  std::string context;
  std::string address() const;  // host:port
};

// The files merged, as kubectl merges them: the first that names an entry wins.
Result<Json> load_kubeconfig(const std::string& flag);

// The context that the flags choose: --context, else --name (minik, minik-NAME), else current-context.
Result<std::string> choose_context(const Json& config, const std::string& context_flag,
                                   const std::string& name_flag);
// Reads the files that the entries refer to.
Result<ClusterAccess> access_of(const Json& config, const std::string& context);
// The context alone with its cluster and user: a kubeconfig of its own.
Result<Json> minify(const Json& config, const std::string& context);

}  // namespace minik::kubectl
