// The server's sockets: opened once, in the right network namespace, bound to the very addresses that are
// asked, so that the kernel answers from them.
//
// Threads: any; the sockets may then be used from every thread.
// Errors: kInvalid (no address), kKernel (bind: the address is not there, or the port is taken), and
// in_netns's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::dns {

inline constexpr int kUdpQueueBytes = 4 * 1024 * 1024;  // About ten thousand small requests.
inline constexpr int kListenBacklog = 256;

// One worker's sockets, in the order of the addresses.
struct WorkerSockets {
  std::vector<UniqueFd> udp, tcp;
};

struct Sockets {
  std::uint16_t port = 0;
  std::vector<WorkerSockets> workers;
};

// `port` 0 picks a free one, the same for UDP and TCP and all addresses.  `netns`: see in_netns.
Result<Sockets> open_sockets(const std::string& netns, const std::vector<Ip>& addresses, std::uint16_t port,
                             int workers);

// Requests that the socket's full queue has cost so far.
std::uint64_t kernel_drops(int udp_fd);

}  // namespace minik::dns
