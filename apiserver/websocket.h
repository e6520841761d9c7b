// WebSocket frames, RFC 6455, the server's side.  No extensions.
//
// Pure: bytes in, bytes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minik::apiserver {

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10
};

// The Sec-WebSocket-Accept of a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);
// One unmasked, final frame.
std::string websocket_frame(Opcode opcode, std::string_view payload);
std::string websocket_close(std::uint16_t code);

struct Frame {
  Opcode opcode = Opcode::kBinary;
  bool final = true;
  std::string payload;
};

// Takes the first whole frame out of `buffer`; empty when it is not all there yet.
// `broken` is set for frames that the protocol forbids (unmasked, reserved bits, too long).
std::optional<Frame> take_frame(std::string& buffer, bool& broken);

}  // namespace minik::apiserver
