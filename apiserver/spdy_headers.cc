#include "apiserver/spdy_headers.h"

#include <zlib.h>

#include <array>

#include "base/text.h"

namespace minik::apiserver::spdy {
namespace {

constexpr std::size_t kBlockMax = 64 * 1024;
constexpr unsigned long kDictionaryAdler = 0xe3c6a7c2;

// The draft's words, each written with its length in front.
constexpr const char* kWords[] = {"options",
                                  "head",
                                  "post",
                                  "put",
                                  "delete",
                                  "trace",
                                  "accept",
                                  "accept-charset",
                                  "accept-encoding",
                                  "accept-language",
                                  "accept-ranges",
                                  "age",
                                  "allow",
                                  "authorization",
                                  "cache-control",
                                  "connection",
                                  "content-base",
                                  "content-encoding",
                                  "content-language",
                                  "content-length",
                                  "content-location",
                                  "content-md5",
                                  "content-range",
                                  "content-type",
                                  "date",
                                  "etag",
                                  "expect",
                                  "expires",
                                  "from",
                                  "host",
                                  "if-match",
                                  "if-modified-since",
                                  "if-none-match",
                                  "if-range",
                                  "if-unmodified-since",
                                  "last-modified",
                                  "location",
                                  "max-forwards",
                                  "pragma",
                                  "proxy-authenticate",
                                  "proxy-authorization",
                                  "range",
                                  "referer",
                                  "retry-after",
                                  "server",
                                  "te",
                                  "trailer",
                                  "transfer-encoding",
                                  "upgrade",
                                  "user-agent",
                                  "vary",
                                  "via",
                                  "warning",
                                  "www-authenticate",
                                  "method",
                                  "get",
                                  "status",
                                  "200 OK",
                                  "version",
                                  "HTTP/1.1",
                                  "url",
                                  "public",
                                  "set-cookie",
                                  "keep-alive",
                                  "origin"};
constexpr const char* kTail =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

void put_number(std::string& out, std::size_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((number >> shift) & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

std::string make_dictionary() {
  std::string text;
  for (const char* word : kWords) put_text(text, word);
  text += kTail;
  const auto sum = ::adler32(::adler32(0, nullptr, 0), reinterpret_cast<const Bytef*>(text.data()),
                             static_cast<uInt>(text.size()));
  MINIK_ASSERT(sum == kDictionaryAdler);
  return text;
}

const Bytef* dictionary_bytes() { return reinterpret_cast<const Bytef*>(dictionary().data()); }

Error broken() { return Error(Code::kInvalid, "broken SPDY header block"); }

// Takes a counted text out of `block`.
bool take_number(std::string_view& block, std::size_t& number) {
  if (block.size() < 4) return false;
  number = 0;
  for (int i = 0; i < 4; ++i)
    number = (number << 8) | static_cast<unsigned char>(block[static_cast<std::size_t>(i)]);
  block.remove_prefix(4);
  return true;
}

bool take_text(std::string_view& block, std::string& text) {
  std::size_t size = 0;
  if (!take_number(block, size) || size > block.size()) return false;
  text = block.substr(0, size);
  block.remove_prefix(size);
  return true;
}

}  // namespace

struct ZlibState {
  z_stream stream{};
};

const std::string& dictionary() {
  static const std::string kDictionary = make_dictionary();
  return kDictionary;
}

Inflater::Inflater() : state_(std::make_unique<ZlibState>()) {
  MINIK_ASSERT(::inflateInit(&state_->stream) == Z_OK);
}
Inflater::~Inflater() { ::inflateEnd(&state_->stream); }

Result<Headers> Inflater::block(std::string_view bytes) {
  z_stream& z = state_->stream;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  std::array<char, 4096> chunk;
  for (;;) {
    z.next_out = reinterpret_cast<Bytef*>(chunk.data());
    z.avail_out = chunk.size();
    const int code = ::inflate(&z, Z_SYNC_FLUSH);
    text.append(chunk.data(), chunk.size() - z.avail_out);
    if (text.size() > kBlockMax) return broken();
    if (code == Z_NEED_DICT) {
      const auto size = static_cast<uInt>(dictionary().size());
      if (::inflateSetDictionary(&z, dictionary_bytes(), size) != Z_OK) return broken();
      continue;
    }
    if (code == Z_BUF_ERROR || (code == Z_OK && z.avail_in == 0 && z.avail_out > 0)) break;
    if (code != Z_OK) return broken();
  }
  std::string_view rest = text;
  std::size_t count = 0;
  if (!take_number(rest, count)) return broken();
  Headers headers;
  for (; count > 0; --count) {
    std::string name, value;
    if (!take_text(rest, name) || !take_text(rest, value)) return broken();
    headers[lower(name)] = std::move(value);
  }
  return headers;
}

Deflater::Deflater(bool with_dictionary) : state_(std::make_unique<ZlibState>()) {
  MINIK_ASSERT(::deflateInit(&state_->stream, Z_DEFAULT_COMPRESSION) == Z_OK);
  if (!with_dictionary) return;
  const auto size = static_cast<uInt>(dictionary().size());
  MINIK_ASSERT(::deflateSetDictionary(&state_->stream, dictionary_bytes(), size) == Z_OK);
}
Deflater::~Deflater() { ::deflateEnd(&state_->stream); }

std::string Deflater::block(const Headers& headers) {
  std::string text;
  put_number(text, headers.size());
  for (const auto& [name, value] : headers) {
    put_text(text, name);
    put_text(text, value);
  }
  z_stream& z = state_->stream;
  z.next_in = reinterpret_cast<Bytef*>(text.data());
  z.avail_in = static_cast<uInt>(text.size());
  std::string out;
  std::array<char, 4096> chunk;
  do {
    z.next_out = reinterpret_cast<Bytef*>(chunk.data());
    z.avail_out = chunk.size();
    ::deflate(&z, Z_SYNC_FLUSH);
    out.append(chunk.data(), chunk.size() - z.avail_out);
  } while (z.avail_out == 0);
  return out;
}

}  // namespace minik::apiserver::spdy
