#include "apiserver/spdy.h"

#include <algorithm>

#include "apiserver/spdy_headers.h"

namespace minik::apiserver::spdy {
namespace {

constexpr std::size_t kHead = 8;
constexpr std::size_t kControlMax = 64 * 1024;
constexpr std::size_t kPieceMax = 64 * 1024;
constexpr std::uint32_t kStreamMask = 0x7fffffff;
constexpr std::uint8_t kFin = 1;
enum Type : std::uint16_t { kSynStream = 1, kSynReply = 2, kRstStream = 3, kPingFrame = 6, kGoAwayFrame = 7 };

std::uint32_t number_at(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = (number << 8) | static_cast<std::uint8_t>(text[at + i]);
  return number;
}

void put(std::string& out, std::size_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>((number >> shift) & 0xff);
}

std::string control_frame(Type type, std::string_view payload) {
  std::string frame;
  put(frame, 0x8003, 2);
  put(frame, type, 2);
  put(frame, payload.size(), 4);  // No flags.
  return frame.append(payload);
}

}  // namespace

Decoder::Decoder() : inflater_(std::make_unique<Inflater>()) {}
Decoder::~Decoder() = default;

std::optional<Event> Decoder::take_piece() {
  const std::size_t size = std::min({remaining_, buffer_.size() - at_, kPieceMax});
  if (size == 0 && remaining_ > 0) return std::nullopt;
  Event event{Kind::kData, stream_, false, buffer_.substr(at_, size), {}};
  at_ += size;
  remaining_ -= size;
  in_data_ = remaining_ > 0;
  event.fin = !in_data_ && fin_;
  return event;
}

Result<std::optional<Event>> Decoder::next() {
  for (;;) {
    if (in_data_) {
      if (auto piece = take_piece()) return std::optional(std::move(*piece));
    }
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    const bool waits = in_data_ || rest.size() < kHead;
    const bool is_control = !waits && (static_cast<std::uint8_t>(rest[0]) & 0x80) != 0;
    const std::size_t size = waits ? 0 : number_at(rest, 5, 3);
    if (is_control && size > kControlMax) return Error(Code::kInvalid, "SPDY control frame too long");
    if (waits || (is_control && rest.size() < kHead + size)) {
      buffer_.erase(0, at_);
      at_ = 0;
      return std::optional<Event>();
    }
    if (is_control) {
      auto event = TRY(control(rest.substr(0, kHead + size)));
      at_ += kHead + size;
      if (event) return event;
      continue;
    }
    stream_ = number_at(rest, 0, 4);
    fin_ = (static_cast<std::uint8_t>(rest[4]) & kFin) != 0;
    remaining_ = size;
    in_data_ = true;
    at_ += kHead;
  }
}

Result<std::optional<Event>> Decoder::control(std::string_view frame) {
  const Error too_short(Code::kInvalid, "SPDY control frame too short");
  if ((number_at(frame, 0, 2) & 0x7fff) != 3) return Error(Code::kInvalid, "not SPDY/3");
  const auto type = number_at(frame, 2, 2);
  const bool fin = (static_cast<std::uint8_t>(frame[4]) & kFin) != 0;
  const std::string_view payload = frame.substr(kHead);
  if (type == kSynStream) {
    if (payload.size() < 10) return too_short;
    Event event{Kind::kOpen, number_at(payload, 0, 4) & kStreamMask, fin, "", {}};
    event.headers = TRY(inflater_->block(payload.substr(10)));
    return std::optional(std::move(event));
  }
  if (type == kRstStream || type == kPingFrame || type == kGoAwayFrame) {
    if (payload.size() < 4) return too_short;
    const Kind kind = type == kRstStream ? Kind::kReset : type == kPingFrame ? Kind::kPing : Kind::kGoAway;
    return std::optional(Event{kind, number_at(payload, 0, 4), false, "", {}});
  }
  if (type == 8) {  // HEADERS: its block belongs to the zlib stream, whatever it says.
    if (payload.size() < 4) return too_short;
    TRY(inflater_->block(payload.substr(4)));
  }
  return std::optional<Event>();
}

Encoder::Encoder() : deflater_(std::make_unique<Deflater>(false)) {}
Encoder::~Encoder() = default;

std::string Encoder::reply(std::uint32_t stream) {
  std::string payload;
  put(payload, stream, 4);
  return control_frame(kSynReply, payload + deflater_->block({}));
}

std::string Encoder::data(std::uint32_t stream, std::string_view bytes, bool fin) {
  std::string frame;
  put(frame, stream & kStreamMask, 4);
  put(frame, fin ? kFin : 0, 1);
  put(frame, bytes.size(), 3);
  return frame.append(bytes);
}

std::string Encoder::ping(std::uint32_t id) {
  std::string payload;
  put(payload, id, 4);
  return control_frame(kPingFrame, payload);
}

std::string Encoder::reset(std::uint32_t stream, std::uint32_t status) {
  std::string payload;
  put(payload, stream, 4);
  put(payload, status, 4);
  return control_frame(kRstStream, payload);
}

std::string Encoder::go_away(std::uint32_t last_stream) {
  std::string payload;
  put(payload, last_stream, 4);
  put(payload, 0, 4);
  return control_frame(kGoAwayFrame, payload);
}

}  // namespace minik::apiserver::spdy
