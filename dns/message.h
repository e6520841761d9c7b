// The wire codec (RFC 1035, EDNS of RFC 6891): a request parsed into a small value, a reply written with
// bounds.
//
// Threads: pure functions on the caller's memory.  Nothing here allocates.
// Errors: `parse` never fails as a whole; it says what kind of answer the bytes deserve.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "dns/name.h"

namespace minik::dns {

enum Type : std::uint16_t {
  kTypeA = 1,
  kTypeNs = 2,
  kTypeCname = 5,
  kTypeSoa = 6,
  kTypePtr = 12,
  kTypeHinfo = 13,
  kTypeTxt = 16,
  kTypeAaaa = 28,
  kTypeSrv = 33,
  kTypeOpt = 41,
  kTypeIxfr = 251,
  kTypeAxfr = 252,
  kTypeAny = 255,
};
inline constexpr std::uint16_t kClassIn = 1;

enum class Rcode : std::uint8_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,  // Upper bits travel in the OPT record.
};

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kOptBytes = 11;  // Our OPT record: no options.
inline constexpr std::size_t kRecordHeadBytes =
    12;                                           // A record's owner pointer, type, class, TTL, RDATA length.
inline constexpr std::size_t kUdpPlainMax = 512;  // Without EDNS.
inline constexpr std::size_t kUdpEdnsMax = 1232;  // What we send and announce (DNS flag day 2020).
inline constexpr std::size_t kTcpMax = 65'535;
inline constexpr std::uint16_t kQuestionPointer = 0xC00C;  // The question's name, as an owner.
inline constexpr std::size_t kPointerReach = 0x4000;       // Offsets below this can be pointed at.

inline constexpr std::uint16_t kFlagQr = 0x8000, kFlagAa = 0x0400, kFlagTc = 0x0200, kFlagRd = 0x0100,
                               kFlagRa = 0x0080, kFlagCd = 0x0010, kOpcodeMask = 0x7800;

inline std::uint16_t get16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>((std::uint16_t{at[0]} << 8) | at[1]);
}
inline void put16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
inline void put32(std::uint8_t* at, std::uint32_t value) {
  put16(at, static_cast<std::uint16_t>(value >> 16));
  put16(at + 2, static_cast<std::uint16_t>(value));
}

// What a request asks.  Fields behind a stage that `parse` did not reach are unset.
struct Request {
  std::uint16_t id, flags;
  std::array<char, kNameMax + 1> name_bytes;  // Lower case.
  std::size_t name_size;
  std::uint16_t type, cls;
  std::size_t question_end;  // Offset behind the question.
  bool edns, dnssec_ok;
  std::uint8_t edns_version;
  std::uint16_t edns_size;  // As the client said.

  std::string_view name() const { return {name_bytes.data(), name_size}; }
  bool recursion_desired() const { return (flags & kFlagRd) != 0; }
};

enum class Parsed : std::uint8_t {
  kQuery,        // Answer it.
  kDrop,         // No reply at all: shorter than a header, or itself a reply.
  kNotQuery,     // An opcode other than QUERY: NOTIMP with nothing but a header.
  kBadQuestion,  // FORMERR with nothing but a header.
  kBadRest,      // The question is fine, what follows is not: FORMERR with the question.
};
Parsed parse(std::span<const std::uint8_t> request, Request& into);

// Offset behind the name at `at`, pointers not followed; 0 if it runs out of the message.
std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at);
// Offset behind the record at `at`; 0 if it runs out of the message.
std::size_t skip_record(std::span<const std::uint8_t> message, std::size_t at);

// Writes into a fixed space.  Who calls a put asks `fits` first; the asserts of `put` guard our own mistakes.
class Writer {
 public:
  Writer(std::span<std::uint8_t> space, std::size_t limit)
      : data_(space.data()), limit_(limit < space.size() ? limit : space.size()) {}

  std::size_t size() const { return size_; }
  std::size_t room() const { return limit_ - size_; }
  bool fits(std::size_t bytes) const { return bytes <= room(); }
  std::uint8_t* data() { return data_; }

  void u8(std::uint8_t value) { *take(1) = value; }
  void u16(std::uint16_t value) { put16(take(2), value); }
  void u32(std::uint32_t value) { put32(take(4), value); }
  void bytes(const std::uint8_t* from, std::size_t count) { std::memcpy(take(count), from, count); }
  void bytes(std::string_view from) { std::memcpy(take(from.size()), from.data(), from.size()); }
  // Room behind the limit for the last record (OPT), which was kept free.
  void raise_limit(std::size_t by) { limit_ += by; }

 private:
  std::uint8_t* take(std::size_t count) {
    MINIK_ASSERT(fits(count));
    std::uint8_t* at = data_ + size_;
    size_ += count;
    return at;
  }

  std::uint8_t* data_;
  std::size_t limit_;
  std::size_t size_ = 0;
};

}  // namespace minik::dns
