// The sandbox of a pod: network, IPC and UTS namespaces pinned by bind mounts, and its shared memory.
//
// Threads: any.  A namespace is made on a thread of its own that ends with it.
// Ownership: RUN/pods/<uid>/ns/*, RUN/pods/<uid>/shm and one name in /run/netns, which RUN/pods/<uid>/netns
// holds. Errors: kKernel.  Specification: pod-runtime.md 5; the names are those that `ip netns` lists.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "runtime/paths.h"

namespace minik::runtime {

struct SandboxWish {
  std::string uid, hostname;
  std::string netns_path;  // /run/netns/…; with host_network the node's, empty for the caller's own.
  bool host_network = false;
};

// Makes it anew; what a broken attempt left is removed first.
Result<> make_sandbox(const Paths& paths, const SandboxWish& wish);
// Removing what is not there is fine.
Result<> remove_sandbox(const Paths& paths, const SandboxWish& wish);
// Whether its namespaces are still pinned.
bool sandbox_exists(const Paths& paths, const std::string& uid);

// "minik-<cluster>-<namespace>-<pod>", with a hash at its end where it would be no valid file name.
std::string netns_name(const std::string& cluster, const std::string& ns, const std::string& pod);

inline constexpr const char* kNetnsDir = "/run/netns";

}  // namespace minik::runtime
