// The head of an HTTP/1.1 message, and where its body ends.
//
// Pure.  Errors: none; what is no header line is skipped (check_framing refuses what is ambiguous).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minik::apiserver {

struct HttpHead {
  std::string first_line;
  std::vector<std::pair<std::string, std::string>> headers;  // Names as they were written.

  std::string header(std::string_view lower_name) const;  // Repeated ones joined by a comma.
  bool has(std::string_view lower_name) const { return !header(lower_name).empty(); }
  void remove(std::string_view lower_name);
  void set(const std::string& name, const std::string& value);  // Instead of any that are there.
  std::string word(std::size_t index) const;                    // Of the first line.
  std::string text() const;                                     // With its blank line.
};

// `text` up to its blank line.
HttpHead parse_http_head(std::string_view text);

// Whether `list` ("a, B") names `wanted` (lower-case).
bool names_token(std::string_view list, std::string_view wanted);

// Counts a body's bytes.
class BodyMeter {
 public:
  explicit BodyMeter(const HttpHead& head);
  // How many of `bytes` still belong to the body.
  std::size_t take(std::string_view bytes);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State : std::uint8_t { kBytes, kSize, kChunk, kChunkEnd, kTrailer, kDone };
  bool take_line(std::string_view bytes, std::size_t& at);
  void line_ended();

  State state_ = State::kDone;
  std::uint64_t left_ = 0;
  std::string line_;
};

}  // namespace minik::apiserver
