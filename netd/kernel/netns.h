// Named network namespaces, compatible with ip-netns(8), and what is done inside one: sockets and switches.
//
// Entering is base/netns.h's in_netns; making and pinning a namespace is here.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/netns.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::netd {

inline constexpr const char* kNetnsDir = "/run/netns";
std::string netns_path(const std::string& name);

// Makes the namespace and pins it at netns_path(name).  Fine if it is there already.
Result<> create_netns(const std::string& name);
// Unpins it; the kernel deletes it with its last user.  Fine if it is not there.
Result<> delete_netns(const std::string& name);
// Names below /run/netns that start with `prefix`, sorted.
Result<std::vector<std::string>> list_netns(const std::string& prefix);
// Runs `work` in a new namespace that ends with it.
Result<> in_new_netns(const std::function<Result<>()>& work);

// Writes switches of the calling thread's namespace: ("net.ipv4.ip_forward", "1"), in order.
// Errors: kNotFound if this kernel has no such switch, naming it.
Result<> write_sysctl(const std::string& name, const std::string& value);

}  // namespace minik::netd
