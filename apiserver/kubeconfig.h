// Kubeconfig: what `minik up` writes so that kubectl finds the cluster, merged into a file that may hold
// others.
//
// Errors: kInvalid for a file that is no kubeconfig (it is left alone), from_errno.
#pragma once

#include <string>

#include "apiserver/pki.h"
#include "base/json.h"

namespace minik::apiserver {

// A config with one cluster, user and context, all called `name`.
Json kubeconfig_json(const std::string& name, const std::string& server, const Pki& pki);
// Adds or replaces the entries called `name` in `path` and makes its context current; mode 0600.
Result<> merge_kubeconfig(const std::string& path, const std::string& name, const Json& config);
// Takes the entries called `name` out again; a file that holds nothing else is deleted.
Result<> remove_from_kubeconfig(const std::string& path, const std::string& name);

}  // namespace minik::apiserver
