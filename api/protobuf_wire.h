// Wire: reads the fields of one protobuf message, one after the other, from bytes that it does not own.
//
// Errors: kInvalid for what no message can be: cut off, numbers of more than 64 bits, field numbers out of
// range, and groups, which nobody of Kubernetes writes. Specification: protobuf.dev, "Encoding".
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace minik::api {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::kBytes;
  std::uint64_t value = 0;  // Of numbers.
  std::string_view bytes;   // Of kBytes.
};

Error malformed_protobuf(std::string_view why);

class Wire {
 public:
  explicit Wire(std::string_view bytes) : left_(bytes) {}
  bool done() const { return left_.empty(); }
  Result<WireField> next();
  Result<std::uint64_t> varint();

 private:
  Result<std::string_view> take(std::uint64_t size);

  std::string_view left_;
};

}  // namespace minik::api
