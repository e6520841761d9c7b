// Descriptors that came with a message of a unix socket (SCM_RIGHTS), and sending some.
//
// Threads: any.  Ownership: what came is the caller's.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "base/unique_fd.h"

namespace minik::runtime {

struct Received {
  ssize_t bytes = -1;  // As recv says; errno is set when negative.
  std::vector<UniqueFd> fds;
};
Received receive_with_fds(int socket, void* into, std::size_t size, int flags);

// As send() says.  At most eight descriptors.
ssize_t send_with_fds(int socket, const void* from, std::size_t size, const std::vector<int>& fds, int flags);

}  // namespace minik::runtime
