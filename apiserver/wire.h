// Wire: a session's streams, whatever they are spoken over: SPDY, SPDY inside WebSocket messages, or
// WebSocket messages whose first byte is the channel.
//
// Pure: bytes of the client in, events out; what is to be sent gathers in `out`.  Threads: one at a time.
// Errors of feed: kInvalid, the client broke the protocol; the session is over then.
// Specification: wire-compat.md 6.5 and 6.7.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minik::apiserver {

struct WireEvent {
  enum class Kind : std::uint8_t {
    kOpen,  // The client made a stream (SPDY only; channels are there from the start).
    kData,
    kEnd,    // The client sends no more on it.
    kReset,  // The client wants nothing more of it.
    kClosed  // The client said good-bye.
  } kind = Kind::kData;
  std::uint32_t stream = 0;  // Id, or number of the channel.
  std::string data;
  std::map<std::string, std::string> headers;  // Of kOpen: lower-case names.
};

class Wire {
 public:
  virtual ~Wire() = default;
  virtual Result<> feed(std::string_view bytes, std::vector<WireEvent>& events) = 0;
  virtual void data(std::uint32_t stream, std::string_view bytes) = 0;
  virtual void end(std::uint32_t stream) = 0;  // We send no more on it.
  virtual void close() = 0;                    // The last word.
  std::string& out() { return out_; }

 protected:
  std::string out_;
};

std::unique_ptr<Wire> make_spdy_wire();
std::unique_ptr<Wire> make_tunnel_wire();   // SPDY as the bytes of binary WebSocket messages.
std::unique_ptr<Wire> make_channel_wire();  // WebSocket messages with a channel byte.

}  // namespace minik::apiserver
