// SPDY/3.1 frames, the server's side (the SPDY draft 3; wire-compat.md 6.5).
//
// Decoder takes bytes as they come and hands out what they mean; the payload of data frames is handed out in
// pieces, so that nothing big is ever held.  Encoder makes frames.  Both keep the state of one connection:
// header blocks are one zlib stream per direction.
//
// Pure: bytes in, bytes out.  Threads: one at a time.  Errors: kInvalid for what the protocol forbids and for
// control frames over 64 KiB; the connection is lost then.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minik::apiserver::spdy {

enum class Kind : std::uint8_t { kOpen, kData, kReset, kPing, kGoAway };

struct Event {
  Kind kind = Kind::kData;
  std::uint32_t stream = 0;                    // Of kPing: its id.
  bool fin = false;                            // The client's half of the stream ends here.
  std::string data;                            // Of kData: a piece.
  std::map<std::string, std::string> headers;  // Of kOpen: lower-case names.
};

class Inflater;
class Deflater;

class Decoder {
 public:
  Decoder();
  ~Decoder();
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // Nothing: more bytes are needed.  Frames without a meaning for us are skipped.
  Result<std::optional<Event>> next();

 private:
  Result<std::optional<Event>> control(std::string_view frame);
  std::optional<Event> take_piece();

  std::string buffer_;
  std::size_t at_ = 0;         // What is taken of it.
  std::uint32_t stream_ = 0;   // Of the data frame that we are in.
  std::size_t remaining_ = 0;  // Its bytes that are still to come.
  bool fin_ = false, in_data_ = false;
  std::unique_ptr<Inflater> inflater_;
};

class Encoder {
 public:
  Encoder();
  ~Encoder();
  std::string reply(std::uint32_t stream);  // SYN_REPLY without headers.
  static std::string data(std::uint32_t stream, std::string_view bytes, bool fin);
  static std::string ping(std::uint32_t id);
  static std::string reset(std::uint32_t stream, std::uint32_t status);
  static std::string go_away(std::uint32_t last_stream);

 private:
  std::unique_ptr<Deflater> deflater_;
};

}  // namespace minik::apiserver::spdy
