#include "base/ip.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace minik {

Ip Ip::v4(std::uint32_t host_order) {
  Ip ip;
  for (std::size_t i = 0; i < 4; ++i) ip.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return ip;
}

Ip Ip::v6(std::span<const std::uint8_t, 16> bytes) {
  Ip ip;
  ip.family_ = Family::kV6;
  std::copy(bytes.begin(), bytes.end(), ip.bytes_.begin());
  return ip;
}

Result<Ip> Ip::parse(std::string_view text) {
  const std::string copy(text);
  Ip ip;
  // inet_pton refuses leading zeros, zones and blanks for both families.
  if (text.find('\0') == std::string_view::npos) {
    if (::inet_pton(AF_INET, copy.c_str(), ip.bytes_.data()) == 1) return ip;
    if (::inet_pton(AF_INET6, copy.c_str(), ip.bytes_.data()) == 1) {
      ip.family_ = Family::kV6;
      return ip;
    }
  }
  return Error(Code::kInvalid, fmt::format("'{}' is not a valid IP address", text));
}

std::uint32_t Ip::v4_host_order() const {
  return (std::uint32_t{bytes_[0]} << 24) | (std::uint32_t{bytes_[1]} << 16) |
         (std::uint32_t{bytes_[2]} << 8) | bytes_[3];
}

bool Ip::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15, [](auto b) { return b == 0; });
}

bool Ip::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

std::string Ip::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), out.data(), out.size());
  return out.data();
}

Ip Ip::plus(std::uint64_t n) const {
  Ip result = *this;
  for (std::size_t i = bytes().size(); i-- > 0 && n != 0;) {
    n += result.bytes_[i];
    result.bytes_[i] = static_cast<std::uint8_t>(n);
    n >>= 8;
  }
  return result;
}

Cidr::Cidr(Ip address, int prefix) : prefix_(prefix) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  MINIK_ASSERT(prefix >= 0 && prefix <= static_cast<int>(from.size()) * 8);
  for (std::size_t i = 0; i < from.size(); ++i) {
    const int kept = std::clamp(prefix - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(from[i] & (0xff << (8 - kept)));
  }
  base_ = address.is_v4() ? Ip::v4((std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
                                   (std::uint32_t{bytes[2]} << 8) | bytes[3])
                          : Ip::v6(bytes);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Error(Code::kInvalid, fmt::format("'{}' is not an address range like 10.244.0.0/16", text));
  }
  const Ip ip = TRY(Ip::parse(text.substr(0, slash)));
  const std::string_view digits = text.substr(slash + 1);
  int prefix = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const int max = ip.is_v4() ? 32 : 128;
  if (error != std::errc{} || end != digits.data() + digits.size() || prefix < 0 || prefix > max ||
      (digits.size() > 1 && digits[0] == '0')) {
    return Error(Code::kInvalid, fmt::format("'{}' has no prefix length between 0 and {}", text, max));
  }
  return Cidr(ip, prefix);
}

bool Cidr::contains(const Ip& ip) const {
  return ip.family() == family() && Cidr(ip, prefix_).base_ == base_;
}

bool Cidr::overlaps(const Cidr& other) const {
  if (family() != other.family()) return false;
  return prefix_ <= other.prefix_ ? contains(other.base_) : other.contains(base_);
}

std::uint64_t Cidr::size() const {
  const int host_bits = (base_.is_v4() ? 32 : 128) - prefix_;
  return std::uint64_t{1} << std::min(host_bits, 63);
}

std::uint64_t Cidr::index_of(const Ip& ip) const {
  std::uint64_t index = 0;
  const auto low = base_.bytes(), high = ip.bytes();
  for (std::size_t i = 0; i < low.size(); ++i) index = (index << 8) + std::uint64_t{high[i]} - low[i];
  return index;
}

std::string Cidr::text() const { return fmt::format("{}/{}", base_.text(), prefix_); }

std::string Mac::text() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3],
                     bytes[4], bytes[5]);
}

Mac mac_for(const Ip& ip) {
  const auto b = ip.bytes();
  const auto tail = b.subspan(b.size() - 4);
  return Mac{{0x0a, static_cast<std::uint8_t>(ip.is_v4() ? 0x58 : 0x59), tail[0], tail[1], tail[2], tail[3]}};
}

}  // namespace minik
