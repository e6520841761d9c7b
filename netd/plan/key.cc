#include "netd/plan/key.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/result.h"

namespace minik::netd {

std::size_t size_of(Type type) {
  switch (type) {
    case Type::kSlot:
      return 4;
    case Type::kIp4:
      return 4;
    case Type::kIp6:
      return 16;
    case Type::kEther:
      return 6;
    case Type::kProto:
      return 1;
    case Type::kPort:
      return 2;
  }
  return 0;
}

std::size_t padded_size(Type type) { return (size_of(type) + 3) / 4 * 4; }

std::size_t padded_size(const std::vector<Type>& types) {
  std::size_t sum = 0;
  for (const Type type : types) sum += padded_size(type);
  return sum;
}

Bytes::Bytes(std::span<const std::uint8_t> bytes) {
  MINIK_ASSERT(bytes.size() <= kMax);
  size_ = static_cast<std::uint8_t>(bytes.size());
  std::memcpy(data_.data(), bytes.data(), bytes.size());
}

Bytes& Bytes::add(std::span<const std::uint8_t> field) {
  const std::size_t padded = (field.size() + 3) / 4 * 4;
  MINIK_ASSERT(size_ + padded <= kMax);
  std::memcpy(data_.data() + size_, field.data(), field.size());
  size_ = static_cast<std::uint8_t>(size_ + padded);
  return *this;
}

Bytes& Bytes::add_port(std::uint16_t port) {
  const std::array<std::uint8_t, 2> field{static_cast<std::uint8_t>(port >> 8),
                                          static_cast<std::uint8_t>(port)};
  return add(field);
}

Bytes& Bytes::add_host32(std::uint32_t value) {
  std::array<std::uint8_t, 4> field;
  std::memcpy(field.data(), &value, sizeof value);
  return add(field);
}

std::string proto_text(std::uint8_t proto) {
  switch (proto) {
    case kTcp:
      return "tcp";
    case kUdp:
      return "udp";
    case kSctp:
      return "sctp";
    case kIcmp6:
      return "ipv6-icmp";
    default:
      return std::to_string(proto);
  }
}

namespace {

std::string field_text(Type type, const std::uint8_t* at) {
  switch (type) {
    case Type::kSlot: {
      std::uint32_t value = 0;
      std::memcpy(&value, at, sizeof value);
      return std::to_string(value);
    }
    case Type::kIp4:
      return fmt::format("{}.{}.{}.{}", at[0], at[1], at[2], at[3]);
    case Type::kIp6:
      return Ip::v6(std::span<const std::uint8_t, 16>(at, 16)).text();
    case Type::kEther: {
      Mac mac;
      std::memcpy(mac.bytes.data(), at, mac.bytes.size());
      return mac.text();
    }
    case Type::kProto:
      return proto_text(at[0]);
    case Type::kPort:
      return std::to_string(at[0] << 8 | at[1]);
  }
  return "";
}

}  // namespace

std::string text(const std::vector<Type>& types, const Bytes& key) {
  std::string out;
  std::size_t at = 0;
  for (const Type type : types) {
    if (at + size_of(type) > key.size()) break;
    if (!out.empty()) out += " . ";
    out += field_text(type, key.data() + at);
    at += padded_size(type);
  }
  return out;
}

}  // namespace minik::netd
