// Named network namespaces, compatible with ip-netns(8).  The only place with setns() in this room.
//
// Threads: a thread that enters a namespace comes back before the function returns; if it cannot come back
// the process aborts, because nothing it does afterwards could be trusted.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::netd {

inline constexpr const char* kNetnsDir = "/run/netns";
std::string netns_path(const std::string& name);

// Makes the namespace and pins it at netns_path(name), with lo up.  Fine if it is there already.
Result<> create_netns(const std::string& name);
// Unpins it; the kernel deletes it with its last user.  Fine if it is not there.
Result<> delete_netns(const std::string& name);
// Names below /run/netns that start with `prefix`.
Result<std::vector<std::string>> list_netns(const std::string& prefix);

// The namespace at a path, e.g. /run/netns/minik-default-node-1 or /proc/7/ns/net.
Result<UniqueFd> open_netns(const std::string& path);
// Runs `work` inside: open descriptors there and return quickly.
Result<> in_netns(const UniqueFd& netns, const std::function<Result<>()>& work);
// A socket made inside the namespace; it keeps it.
Result<UniqueFd> socket_in(const UniqueFd& netns, int domain, int type, int protocol);
// Writes a switch of the namespace: "net.ipv4.ip_forward" = "1".  kNotFound if this kernel has no such
// switch.
Result<> write_sysctl(const UniqueFd& netns, const std::string& name, const std::string& value);

}  // namespace minik::netd
