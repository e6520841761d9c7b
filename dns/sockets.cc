#include "dns/sockets.h"

#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/netns.h"
#include "dns/sockaddr.h"

namespace minik::dns {
namespace {

constexpr int kPortTries = 16;  // A port that is free for UDP may be taken for TCP.

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

// More than net.core.rmem_max needs privilege; without it the kernel's limit has to do.
void enlarge_queue(int fd) {
  const int bytes = kUdpQueueBytes;
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
}

Result<UniqueFd> open_socket(int type, const Ip& address, std::uint16_t port, bool shared) {
  const std::string what =
      fmt::format("bind {} port {} ({})", address.text(), port, type == SOCK_DGRAM ? "UDP" : "TCP");
  UniqueFd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::from_errno(errno, what);
  if (!address.is_v4()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (shared) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (type == SOCK_STREAM) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // Accepted connections inherit it.
  } else {
    enlarge_queue(fd.get());
  }
  const SocketAddress at(address, port);
  if (::bind(fd.get(), at.get(), at.size()) != 0) return Error::from_errno(errno, what);
  if (type == SOCK_STREAM && ::listen(fd.get(), kListenBacklog) != 0) return Error::from_errno(errno, what);
  return fd;
}

std::uint16_t port_of(int fd) {
  SocketAddress at;
  ::getsockname(fd, at.get(), at.size_for_kernel());
  return at.port();
}

Result<Sockets> open_all(const std::vector<Ip>& addresses, std::uint16_t port, int workers) {
  Sockets sockets;
  sockets.port = port;
  for (int w = 0; w < workers; ++w) {
    WorkerSockets& mine = sockets.workers.emplace_back();
    for (const Ip& address : addresses) {
      mine.udp.push_back(TRY(open_socket(SOCK_DGRAM, address, sockets.port, workers > 1)));
      if (sockets.port == 0) sockets.port = port_of(mine.udp.back().get());
      mine.tcp.push_back(TRY(open_socket(SOCK_STREAM, address, sockets.port, workers > 1)));
    }
  }
  return sockets;
}

}  // namespace

Result<Sockets> open_sockets(const std::string& netns, const std::vector<Ip>& addresses, std::uint16_t port,
                             int workers) {
  if (addresses.empty() || workers < 1)
    return Error(Code::kInvalid, "a DNS server needs an address and a worker");
  Sockets sockets;
  const auto open = [&]() -> Result<> {
    for (int left = port == 0 ? kPortTries : 1;; --left) {
      auto opened = open_all(addresses, port, workers);
      if (opened.ok()) {
        sockets = std::move(opened).value();
        return {};
      }
      if (left == 1 || opened.error().sys_errno() != EADDRINUSE) return std::move(opened).error();
    }
  };
  TRY(in_netns(netns, open));
  return sockets;
}

std::uint64_t kernel_drops(int udp_fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (::getsockopt(udp_fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace minik::dns
