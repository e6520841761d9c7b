// in_netns: runs a piece of code in another network namespace.
//
// Sockets and netlink handles keep the namespace they were opened in, so whoever needs one in a node's or
// pod's namespace opens it through here and uses it from any thread afterwards (design.md section 2).
//
// Threads: any.  The caller's own namespace never changes: the work runs on a helper thread that ends with
// it.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace minik {

// Runs `work` in the namespace that the file `path` names (/run/netns/..., /proc/PID/ns/net) and returns its
// result; an empty path means the caller's namespace.  Waits until the work is done. Errors: kNotFound (no
// such file), kKernel (setns refused), or what `work` says.
Result<> in_netns(const std::string& path, const std::function<Result<>()>& work);

}  // namespace minik
