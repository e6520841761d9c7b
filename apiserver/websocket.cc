#include "apiserver/websocket.h"

#include <openssl/sha.h>

#include <array>

#include "base/files.h"

namespace minik::apiserver {
namespace {

constexpr std::size_t kFrameMax = 16 * 1024 * 1024;

}  // namespace

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string websocket_frame(Opcode opcode, std::string_view payload) {
  std::string frame;
  frame += static_cast<char>(0x80 | static_cast<unsigned>(opcode));
  const std::size_t size = payload.size();
  const auto byte = [&](std::size_t shift) { frame += static_cast<char>((size >> shift) & 0xff); };
  if (size < 126) {
    frame += static_cast<char>(size);
  } else if (size < 65536) {
    frame += static_cast<char>(126);
    byte(8);
    byte(0);
  } else {
    frame += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8) byte(static_cast<std::size_t>(shift));
  }
  return frame.append(payload);
}

std::string websocket_close(std::uint16_t code) {
  const char payload[] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return websocket_frame(Opcode::kClose, {payload, 2});
}

std::optional<Frame> take_frame(std::string& buffer, bool& broken) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(buffer[i]); };
  if (buffer.size() < 2) return std::nullopt;
  const bool masked = (at(1) & 0x80) != 0;
  if (!masked || (at(0) & 0x70) != 0) {
    broken = true;
    return std::nullopt;
  }
  std::uint64_t size = at(1) & 0x7f;
  std::size_t head = 2;
  const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (buffer.size() < head + extra + 4) return std::nullopt;
  if (extra > 0) {
    size = 0;
    for (std::size_t i = 0; i < extra; ++i) size = (size << 8) | at(head + i);
    head += extra;
  }
  if (size > kFrameMax) {
    broken = true;
    return std::nullopt;
  }
  if (buffer.size() < head + 4 + size) return std::nullopt;
  Frame frame{static_cast<Opcode>(at(0) & 0x0f), (at(0) & 0x80) != 0, buffer.substr(head + 4, size)};
  for (std::size_t i = 0; i < frame.payload.size(); ++i) {
    frame.payload[i] = static_cast<char>(static_cast<std::uint8_t>(frame.payload[i]) ^ at(head + i % 4));
  }
  buffer.erase(0, head + 4 + size);
  return frame;
}

}  // namespace minik::apiserver
