#include "kubectl-lite/websocket_client.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/files.h"
#include "base/limits.h"
#include "base/text.h"

namespace minik::kubectl {
namespace {

constexpr std::size_t kMessageMax = 16 * 1024 * 1024;  // Bytes of one message.

struct FrameHead {
  Opcode opcode = Opcode::kBinary;
  bool final = true;
  std::size_t size = 0;    // Of the payload.
  std::size_t offset = 0;  // Of the payload.
};

Result<std::optional<FrameHead>> parse_head(std::string_view bytes) {
  if (bytes.size() < 2) return std::optional<FrameHead>();
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  FrameHead head;
  head.final = (byte(0) & 0x80) != 0;
  head.opcode = static_cast<Opcode>(byte(0) & 0x0f);
  if ((byte(0) & 0x70) != 0 || (byte(1) & 0x80) != 0)
    return Error(Code::kInvalid, "the server broke the WebSocket protocol");
  head.size = byte(1) & 0x7f;
  head.offset = 2;
  const std::size_t extra = head.size == 126 ? 2 : head.size == 127 ? 8 : 0;
  if (extra > 0) {
    if (bytes.size() < 2 + extra) return std::optional<FrameHead>();
    head.size = 0;
    for (std::size_t i = 0; i < extra; ++i) head.size = (head.size << 8) | byte(2 + i);
    head.offset += extra;
  }
  if (head.size > kMessageMax) return Error(Code::kInvalid, "the server sent too large a WebSocket message");
  return std::optional<FrameHead>(head);
}

bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

}  // namespace

Mask random_mask() {
  Mask mask{};
  RAND_bytes(mask.data(), static_cast<int>(mask.size()));
  return mask;
}

std::string client_frame(Opcode opcode, std::string_view payload, Mask mask) {
  std::string frame;
  frame += static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode));
  const std::size_t size = payload.size();
  if (size < 126) {
    frame += static_cast<char>(0x80 | size);
  } else {
    const int bytes = size <= 0xffff ? 2 : 8;
    frame += static_cast<char>(0x80 | (bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; --i) frame += static_cast<char>((size >> (8 * i)) & 0xff);
  }
  frame.append(reinterpret_cast<const char*>(mask.data()), mask.size());
  for (std::size_t i = 0; i < size; ++i)
    frame += static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ mask[i % 4]);
  return frame;
}

Result<std::optional<Message>> MessageReader::next() {
  while (true) {
    const auto head = TRY(parse_head(buffer_));
    if (!head || buffer_.size() < head->offset + head->size) return std::optional<Message>();
    std::string payload = buffer_.substr(head->offset, head->size);
    buffer_.erase(0, head->offset + head->size);
    if (is_control(head->opcode)) return std::optional<Message>(Message{head->opcode, std::move(payload)});
    if (head->opcode != Opcode::kContinuation) partial_ = Message{head->opcode, {}};
    if (!partial_ || partial_->payload.size() + payload.size() > kMessageMax) {
      return Error(Code::kInvalid, "the server broke the WebSocket protocol");
    }
    partial_->payload += payload;
    if (head->final) return std::exchange(partial_, std::nullopt);
  }
}

std::string upgrade_request(const std::string& target, const std::string& host, const std::string& protocol,
                            const std::string& key, const std::string& token) {
  std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
      "13\r\n"
      "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: {}\r\n",
      target, host, key, protocol);
  if (!token.empty()) request += fmt::format("Authorization: Bearer {}\r\n", token);
  return request + "\r\n";
}

std::optional<UpgradeAnswer> parse_upgrade_answer(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  UpgradeAnswer answer;
  answer.head_size = end + 4;
  const auto lines = split(bytes.substr(0, end), '\n');
  const auto words = split_words(lines.front());
  if (words.size() >= 2) answer.status = static_cast<int>(parse_int(words[1]).value_or(0));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    if (colon == std::string::npos) continue;
    const std::string name = lower(trim(std::string_view(lines[i]).substr(0, colon)));
    const std::string value(trim(std::string_view(lines[i]).substr(colon + 1)));
    if (name == "sec-websocket-accept") answer.accept = value;
    if (name == "sec-websocket-protocol") answer.protocol = value;
    if (name == "content-length")
      answer.content_length = static_cast<std::size_t>(parse_int(value).value_or(0));
  }
  return answer;
}

std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace minik::kubectl
