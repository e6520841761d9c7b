// answer: one request in, one reply out.  Pure: no clock, no I/O, no allocation.
//
// Protocol rules: reference dns.md sections 1 and 4 (RFC 1034/1035, 2308, 6604, 6891, 8020, 8482).  Names
// outside the cluster domain and our reverse zones are REFUSED.
//
// Threads: any.  Errors: none; every outcome is a reply or silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dns/zone.h"

namespace minik::dns {

enum class Transport : std::uint8_t { kUdp, kTcp };
inline constexpr std::size_t kTransports = 2;

struct ClientInfo {
  Transport transport = Transport::kUdp;
  // Where lists of addresses start: any number, a new one for each query.
  std::uint32_t rotation = 0;
  // The request was longer than the buffer it was received into.
  bool cut = false;
};

// The size of the reply, at most what the transport and the client's EDNS size allow; 0: send nothing.
// `request` is without TCP's length prefix.  `reply` needs kUdpEdnsMax bytes for UDP and kTcpMax for TCP.
std::size_t answer(const Zone& zone, std::span<const std::uint8_t> request, const ClientInfo& client,
                   std::span<std::uint8_t> reply);

}  // namespace minik::dns
