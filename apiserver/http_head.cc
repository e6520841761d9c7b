#include "apiserver/http_head.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr std::size_t kLineMax = 4096;

}  // namespace

std::string HttpHead::header(std::string_view lower_name) const {
  std::string value;
  for (const auto& [name, text] : headers) {
    if (lower(name) == lower_name) value += value.empty() ? text : "," + text;
  }
  return value;
}

void HttpHead::remove(std::string_view lower_name) {
  std::erase_if(headers, [&](const auto& entry) { return lower(entry.first) == lower_name; });
}

void HttpHead::set(const std::string& name, const std::string& value) {
  remove(lower(name));
  headers.emplace_back(name, value);
}

std::string HttpHead::word(std::size_t index) const {
  const auto words = split_words(first_line);
  return index < words.size() ? words[index] : "";
}

std::string HttpHead::text() const {
  std::string out = first_line + "\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  return out + "\r\n";
}

HttpHead parse_http_head(std::string_view text) {
  HttpHead head;
  const auto lines = split(text.substr(0, text.find("\r\n\r\n")), '\n');
  head.first_line = trim(lines[0]);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    if (colon == std::string::npos) continue;
    const std::string_view line = lines[i];
    head.headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return head;
}

bool names_token(std::string_view list, std::string_view wanted) {
  const auto tokens = split(lower(list), ',');
  return std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) { return trim(token) == wanted; });
}

BodyMeter::BodyMeter(const HttpHead& head) {
  if (names_token(head.header("transfer-encoding"), "chunked")) {
    state_ = State::kSize;
  } else if (const auto length = parse_int(head.header("content-length")); length && *length > 0) {
    state_ = State::kBytes;
    left_ = static_cast<std::uint64_t>(*length);
  }
}

// True once a line is whole.
bool BodyMeter::take_line(std::string_view bytes, std::size_t& at) {
  while (at < bytes.size()) {
    const char c = bytes[at++];
    if (c == '\n') return true;
    if (line_.size() < kLineMax) line_ += c;
  }
  return false;
}

void BodyMeter::line_ended() {
  const std::string line(trim(line_));
  line_.clear();
  if (state_ == State::kChunkEnd) {
    state_ = State::kSize;
  } else if (state_ == State::kTrailer) {
    if (line.empty()) state_ = State::kDone;
  } else {
    left_ = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
    // What is no size ends the body: nothing behind it may pass for a part of it.
    state_ = parsed.ec != std::errc() ? State::kDone : left_ == 0 ? State::kTrailer : State::kChunk;
  }
}

std::size_t BodyMeter::take(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::kDone) {
    if (state_ != State::kBytes && state_ != State::kChunk) {
      if (take_line(bytes, at)) line_ended();
      continue;
    }
    const std::size_t size = std::min<std::uint64_t>(left_, bytes.size() - at);
    at += size;
    left_ -= size;
    if (left_ == 0) state_ = state_ == State::kChunk ? State::kChunkEnd : State::kDone;
  }
  return at;
}

}  // namespace minik::apiserver
