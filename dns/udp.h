// UdpBatch: answers what waits on UDP sockets, many datagrams with one system call.
//
// Threads: one worker.  Ownership: the sockets stay the caller's.  The buffers (about 210 KiB) are made once.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "dns/responder.h"
#include "dns/sockaddr.h"

namespace minik::dns {

inline constexpr std::size_t kBatch = 64;             // Datagrams in one call.
inline constexpr int kBatchRounds = 4;                // Calls before other sockets get their turn.
inline constexpr std::size_t kUdpRequestMax = 2'048;  // Longer requests are no queries.

class UdpBatch {
 public:
  // `own`: the addresses, and the port, that this server listens on.
  UdpBatch(Responder& responder, std::vector<Ip> own, std::uint16_t port);
  // Until nothing waits on `fd` or kBatchRounds are over.
  void serve(int fd);

 private:
  struct Slot {
    SocketAddress peer;
    std::array<std::uint8_t, kUdpRequestMax> request;
    std::array<std::uint8_t, kUdpEdnsMax> reply;
    iovec in{}, out{};
  };
  bool admits(const SocketAddress& peer) const;
  std::size_t answer_received(std::size_t count);
  void send(int fd, std::size_t count);

  Responder& responder_;
  std::vector<Ip> own_;
  std::uint16_t port_;
  std::unique_ptr<std::array<Slot, kBatch>> slots_;
  std::array<mmsghdr, kBatch> received_{}, sending_{};
};

}  // namespace minik::dns
