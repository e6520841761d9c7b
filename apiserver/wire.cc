#include "apiserver/wire.h"

#include <set>

#include "apiserver/spdy.h"
#include "apiserver/websocket.h"

namespace minik::apiserver {
namespace {

using Kind = WireEvent::Kind;
constexpr std::size_t kStreamsMax = 2048;
constexpr std::size_t kMessageMax = 16 * 1024 * 1024;
constexpr std::uint32_t kRefused = 3;
constexpr char kCloseChannel = static_cast<char>(255);

// Whole binary messages of a WebSocket client; pings and closes are answered here.
class Messages {
 public:
  // Calls `take` with the payload of each message; true once the client has closed.
  template <class Take>
  Result<bool> feed(std::string_view bytes, std::string& out, Take&& take) {
    buffer_.append(bytes);
    bool broken = false;
    while (auto frame = take_frame(buffer_, broken)) {
      switch (frame->opcode) {
        case Opcode::kPing:
          out += websocket_frame(Opcode::kPong, frame->payload);
          break;
        case Opcode::kPong:
          break;
        case Opcode::kClose:
          if (!closing_) out += websocket_frame(Opcode::kClose, frame->payload.substr(0, 2));
          closing_ = true;
          return true;
        default:
          message_ += frame->payload;
          if (message_.size() > kMessageMax) return Error(Code::kInvalid, "WebSocket message too long");
          if (!frame->final) break;
          take(message_);
          message_.clear();
      }
    }
    if (broken) return Error(Code::kInvalid, "broken WebSocket frame");
    return false;
  }
  std::string close() {
    closing_ = true;
    return websocket_close(1000);
  }

 private:
  std::string buffer_, message_;
  bool closing_ = false;
};

class SpdyWire : public Wire {
 public:
  Result<> feed(std::string_view bytes, std::vector<WireEvent>& events) override {
    decoder_.feed(bytes);
    while (auto event = TRY(decoder_.next())) take(std::move(*event), events);
    return {};
  }
  void data(std::uint32_t stream, std::string_view bytes) override {
    if (!bytes.empty() && open_.contains(stream)) send(spdy::Encoder::data(stream, bytes, false));
  }
  void end(std::uint32_t stream) override {
    if (open_.erase(stream) > 0) send(spdy::Encoder::data(stream, "", true));
  }
  void close() override { send(spdy::Encoder::go_away(last_)); }

 protected:
  virtual void send(std::string frame) { out_ += frame; }

 private:
  void take(spdy::Event event, std::vector<WireEvent>& events) {
    switch (event.kind) {
      case spdy::Kind::kPing:
        return send(spdy::Encoder::ping(event.stream));
      case spdy::Kind::kGoAway:
        return events.push_back({Kind::kClosed, 0, "", {}});
      case spdy::Kind::kReset:
        open_.erase(event.stream);
        return events.push_back({Kind::kReset, event.stream, "", {}});
      case spdy::Kind::kOpen:
        if (open_.size() >= kStreamsMax) return send(spdy::Encoder::reset(event.stream, kRefused));
        last_ = event.stream;
        open_.insert(event.stream);
        send(encoder_.reply(event.stream));
        events.push_back({Kind::kOpen, event.stream, "", std::move(event.headers)});
        break;
      case spdy::Kind::kData:
        if (!event.data.empty()) events.push_back({Kind::kData, event.stream, std::move(event.data), {}});
        break;
    }
    if (event.fin) events.push_back({Kind::kEnd, event.stream, "", {}});
  }

  spdy::Decoder decoder_;
  spdy::Encoder encoder_;
  std::set<std::uint32_t> open_;  // Our half.
  std::uint32_t last_ = 0;
};

class TunnelWire final : public SpdyWire {
 public:
  Result<> feed(std::string_view bytes, std::vector<WireEvent>& events) override {
    Result<> inner;
    const bool closed = TRY(messages_.feed(bytes, out_, [&](const std::string& message) {
      if (inner.ok()) inner = SpdyWire::feed(message, events);
    }));
    TRY(std::move(inner));
    if (closed) events.push_back({Kind::kClosed, 0, "", {}});
    return {};
  }
  void close() override {
    SpdyWire::close();
    out_ += messages_.close();
  }

 protected:
  void send(std::string frame) override { out_ += websocket_frame(Opcode::kBinary, frame); }

 private:
  Messages messages_;
};

class ChannelWire final : public Wire {
 public:
  Result<> feed(std::string_view bytes, std::vector<WireEvent>& events) override {
    const bool closed = TRY(messages_.feed(bytes, out_, [&](const std::string& message) {
      if (message.empty()) return;
      if (message[0] == kCloseChannel && message.size() == 2) {
        events.push_back({Kind::kEnd, static_cast<std::uint8_t>(message[1]), "", {}});
      } else if (message.size() > 1) {
        events.push_back({Kind::kData, static_cast<std::uint8_t>(message[0]), message.substr(1), {}});
      }
    }));
    if (closed) events.push_back({Kind::kClosed, 0, "", {}});
    return {};
  }
  void data(std::uint32_t stream, std::string_view bytes) override {
    out_ += websocket_frame(Opcode::kBinary, static_cast<char>(stream) + std::string(bytes));
  }
  void end(std::uint32_t) override {}
  void close() override { out_ += messages_.close(); }

 private:
  Messages messages_;
};

}  // namespace

std::unique_ptr<Wire> make_spdy_wire() { return std::make_unique<SpdyWire>(); }
std::unique_ptr<Wire> make_tunnel_wire() { return std::make_unique<TunnelWire>(); }
std::unique_ptr<Wire> make_channel_wire() { return std::make_unique<ChannelWire>(); }

}  // namespace minik::apiserver
