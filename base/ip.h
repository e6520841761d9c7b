// Ip and Cidr: IPv4 and IPv6 addresses as values.
//
// Bytes are in network order.  Text forms follow RFC 5952 (IPv6) and dotted decimal without leading zeros.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minik {

enum class Family : std::uint8_t { kV4 = 4, kV6 = 6 };

class Ip {
 public:
  Ip() = default;  // 0.0.0.0
  static Ip v4(std::uint32_t host_order);
  static Ip v6(std::span<const std::uint8_t, 16> bytes);
  // Errors: kInvalid.  Leading zeros, zones ("%eth0") and blanks are refused.
  static Result<Ip> parse(std::string_view text);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kV4; }
  // 4 or 16 bytes, network order.
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), is_v4() ? 4U : 16U}; }
  std::uint32_t v4_host_order() const;
  bool is_loopback() const;
  bool is_unspecified() const;
  std::string text() const;
  // This address + n, carrying over bytes; wraps around at the end of the family.
  Ip plus(std::uint64_t n) const;

  friend auto operator<=>(const Ip&, const Ip&) = default;
  friend bool operator==(const Ip&, const Ip&) = default;

 private:
  Family family_ = Family::kV4;
  std::array<std::uint8_t, 16> bytes_{};
};

class Cidr {
 public:
  Cidr() = default;
  Cidr(Ip address, int prefix);  // Host bits are cleared.
  // "10.244.0.0/16".  Errors: kInvalid; host bits set are accepted and cleared.
  static Result<Cidr> parse(std::string_view text);

  const Ip& base() const { return base_; }
  int prefix() const { return prefix_; }
  Family family() const { return base_.family(); }
  bool contains(const Ip&) const;
  bool overlaps(const Cidr&) const;
  // Number of addresses, capped at 2^63.
  std::uint64_t size() const;
  Ip at(std::uint64_t index) const { return base_.plus(index); }
  // Position of an address that the range contains.
  std::uint64_t index_of(const Ip&) const;
  std::string text() const;

  friend auto operator<=>(const Cidr&, const Cidr&) = default;
  friend bool operator==(const Cidr&, const Cidr&) = default;

 private:
  Ip base_;
  int prefix_ = 0;
};

// MAC address, 6 bytes.
struct Mac {
  std::array<std::uint8_t, 6> bytes{};
  std::string text() const;  // 0a:58:0a:f4:00:02
  friend auto operator<=>(const Mac&, const Mac&) = default;
};
// The address of a pod's eth0: locally administered, derived from its IP so that both always agree.
Mac mac_for(const Ip&);

}  // namespace minik

template <>
struct std::hash<minik::Ip> {
  std::size_t operator()(const minik::Ip& ip) const noexcept {
    const auto b = ip.bytes();
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(b.data()), b.size()});
  }
};
