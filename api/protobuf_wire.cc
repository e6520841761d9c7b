#include "api/protobuf_wire.h"

#include <fmt/format.h>

#include <cstring>

namespace minik::api {

Error malformed_protobuf(std::string_view why) {
  return Error(Code::kInvalid, fmt::format("the body is no valid protobuf message: {}", why));
}

Result<std::string_view> Wire::take(std::uint64_t size) {
  if (size > left_.size()) return malformed_protobuf("a field is longer than the message");
  const std::string_view taken = left_.substr(0, size);
  left_.remove_prefix(size);
  return taken;
}

Result<std::uint64_t> Wire::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (left_.empty()) return malformed_protobuf("it ends within a number");
    const auto byte = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return malformed_protobuf("a number has more than 64 bits");
}

Result<WireField> Wire::next() {
  const std::uint64_t tag = TRY(varint());
  if (tag >> 3 == 0 || tag >> 32 != 0) return malformed_protobuf("a field number is out of range");
  WireField field;
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  switch (field.type) {
    case WireType::kVarint:
      field.value = TRY(varint());
      return field;
    case WireType::kBytes: {
      const std::uint64_t size = TRY(varint());
      field.bytes = TRY(take(size));
      return field;
    }
    case WireType::kFixed64:
    case WireType::kFixed32: {
      const std::string_view number = TRY(take(field.type == WireType::kFixed64 ? 8 : 4));
      std::memcpy(&field.value, number.data(), number.size());
      return field;
    }
  }
  return malformed_protobuf(fmt::format("wire type {} of field {} is not known", tag & 7, field.number));
}

}  // namespace minik::api
