// Key: the bytes of a set element as nftables stores them, and the types they are made of.
//
// Each field of a concatenation is padded to 4 bytes.  Addresses and ports are in network order, slots
// (numgen) in host order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/ip.h"

namespace minik::netd {

// What a field of a key holds; the value is nftables' own number of the type.
enum class Type : std::uint8_t { kSlot = 4, kIp4 = 7, kIp6 = 8, kEther = 9, kProto = 12, kPort = 13 };

// Bytes of a value, and of a value padded to a multiple of 4.
std::size_t size_of(Type type);
std::size_t padded_size(Type type);
std::size_t padded_size(const std::vector<Type>& types);

// A short string of bytes without an allocation: the longest concatenation we use has 44.
class Bytes {
 public:
  static constexpr std::size_t kMax = 47;
  Bytes() = default;
  explicit Bytes(std::span<const std::uint8_t> bytes);

  std::span<const std::uint8_t> span() const { return {data_.data(), size_}; }
  const std::uint8_t* data() const { return data_.data(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Appends one field, padded.
  Bytes& add(std::span<const std::uint8_t> field);
  Bytes& add(const Ip& ip) { return add(ip.bytes()); }
  Bytes& add(const Mac& mac) { return add(std::span<const std::uint8_t>(mac.bytes)); }
  Bytes& add_proto(std::uint8_t proto) { return add(std::span<const std::uint8_t>(&proto, 1)); }
  Bytes& add_port(std::uint16_t port);
  Bytes& add_host32(std::uint32_t value);

  friend bool operator==(const Bytes& a, const Bytes& b) {
    return a.size_ == b.size_ && std::memcmp(a.data_.data(), b.data_.data(), a.size_) == 0;
  }
  friend std::strong_ordering operator<=>(const Bytes& a, const Bytes& b) {
    const int order = std::memcmp(a.data_.data(), b.data_.data(), std::min(a.size_, b.size_));
    return order != 0 ? order <=> 0 : a.size_ <=> b.size_;
  }

 private:
  std::uint8_t size_ = 0;
  std::array<std::uint8_t, kMax> data_{};
};

// "10.96.0.1 . tcp . 80", as nft(8) reads and prints it.
std::string text(const std::vector<Type>& types, const Bytes& key);

inline constexpr std::uint8_t kTcp = 6, kUdp = 17, kIcmp6 = 58, kSctp = 132;
// "tcp", "udp", "sctp"; the number for others.
std::string proto_text(std::uint8_t proto);

}  // namespace minik::netd
