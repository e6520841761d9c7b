// SocketAddress: an Ip and a port as the kernel wants them.  A value.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "base/ip.h"

namespace minik::dns {

class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const Ip& ip, std::uint16_t port) {
    if (ip.is_v4()) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage_);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      std::memcpy(&v4->sin_addr, ip.bytes().data(), sizeof v4->sin_addr);
      size_ = sizeof *v4;
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage_);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      std::memcpy(&v6->sin6_addr, ip.bytes().data(), sizeof v6->sin6_addr);
      size_ = sizeof *v6;
    }
  }

  Ip ip() const {
    if (storage_.ss_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
      return Ip::v6(std::span<const std::uint8_t, 16>(v6->sin6_addr.s6_addr, 16));
    }
    return Ip::v4(ntohl(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr.s_addr));
  }
  // Both families keep the port at the same place.
  std::uint16_t port() const { return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port); }

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage_); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  socklen_t* size_for_kernel() {
    size_ = sizeof storage_;
    return &size_;
  }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace minik::dns
