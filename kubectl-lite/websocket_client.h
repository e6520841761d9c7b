// WebSocket frames and handshake, RFC 6455, the client's side.  No extensions.
//
// Pure: bytes in, bytes out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minik::kubectl {

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10
};

using Mask = std::array<std::uint8_t, 4>;
Mask random_mask();

// One final, masked frame.
std::string client_frame(Opcode opcode, std::string_view payload, Mask mask);

// One frame of the server, or a whole message put together from its fragments.
struct Message {
  Opcode opcode = Opcode::kBinary;
  std::string payload;
};

class MessageReader {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole message; empty when it is not all there.  Errors: kInvalid for what the protocol forbids.
  Result<std::optional<Message>> next();

 private:
  std::string buffer_;
  std::optional<Message> partial_;
};

// The request that asks for the upgrade; `key` is 16 random bytes in base64.
std::string upgrade_request(const std::string& target, const std::string& host, const std::string& protocol,
                            const std::string& key, const std::string& token);

// The head of the answer, taken apart.
struct UpgradeAnswer {
  int status = 0;
  std::string accept, protocol;
  std::size_t content_length = 0;
  std::size_t head_size = 0;  // Bytes up to and including the blank line.
};
// Empty when the head is not all there.
std::optional<UpgradeAnswer> parse_upgrade_answer(std::string_view bytes);
// Sec-WebSocket-Accept that belongs to `key`.
std::string accept_of(const std::string& key);

}  // namespace minik::kubectl
