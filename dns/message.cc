#include "dns/message.h"

namespace minik::dns {
namespace {

// Lower-cases ASCII letters eight bytes at a time.  Length bytes are below 64 and stay what they are.
void lower_copy(const std::uint8_t* from, std::size_t count, char* to) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::size_t at = 0;
  for (; at + 8 <= count; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, from + at, 8);
    const std::uint64_t low = word & (0x7f * kOnes);
    const std::uint64_t from_a = low + (0x80 - 'A') * kOnes;
    const std::uint64_t past_z = low + (0x80 - 'Z' - 1) * kOnes;
    const std::uint64_t upper = from_a & ~past_z & ~word & (0x80 * kOnes);
    word |= upper >> 2;
    std::memcpy(to + at, &word, 8);
  }
  for (; at < count; ++at) {
    const std::uint8_t byte = from[at];
    to[at] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
  }
}

// The question's name must stand in full: no pointer can lead anywhere sensible yet.
bool parse_question(std::span<const std::uint8_t> request, Request& into) {
  std::size_t at = kHeaderBytes;
  for (;;) {
    if (at >= request.size()) return false;
    const std::uint8_t length = request[at];
    if (length > kLabelMax) return false;
    at += std::size_t{length} + 1;
    if (at - kHeaderBytes > kNameMax) return false;
    if (length == 0) break;
  }
  if (request.size() - at < 4) return false;
  into.name_size = at - kHeaderBytes;
  lower_copy(request.data() + kHeaderBytes, into.name_size, into.name_bytes.data());
  into.type = get16(request.data() + at);
  into.cls = get16(request.data() + at + 2);
  into.question_end = at + 4;
  return true;
}

bool options_well_formed(std::span<const std::uint8_t> rdata) {
  while (!rdata.empty()) {
    if (rdata.size() < 4) return false;
    const std::size_t size = std::size_t{get16(rdata.data() + 2)} + 4;
    if (size > rdata.size()) return false;
    rdata = rdata.subspan(size);
  }
  return true;
}

bool parse_opt(std::span<const std::uint8_t> request, std::size_t at, std::size_t end, Request& into) {
  if (into.edns || request[at] != 0) return false;
  const std::uint8_t* head = request.data() + at + 1;
  into.edns = true;
  into.edns_size = get16(head + 2);
  into.edns_version = head[5];
  into.dnssec_ok = (head[6] & 0x80) != 0;
  return options_well_formed(request.subspan(at + kOptBytes, end - at - kOptBytes));
}

bool parse_additional(std::span<const std::uint8_t> request, std::size_t count, Request& into) {
  std::size_t at = into.question_end;
  for (; count > 0; --count) {
    const std::size_t end = skip_record(request, at);
    if (end == 0) return false;
    const std::size_t type_at = skip_name(request, at);
    if (get16(request.data() + type_at) == kTypeOpt && !parse_opt(request, at, end, into)) return false;
    at = end;
  }
  return true;
}

}  // namespace

std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at) {
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) return at + 1;
    if ((length & 0xC0) == 0xC0) return at + 2 <= message.size() ? at + 2 : 0;
    if (length > kLabelMax) return 0;
    at += std::size_t{length} + 1;
  }
  return 0;
}

std::size_t skip_record(std::span<const std::uint8_t> message, std::size_t at) {
  const std::size_t name_end = skip_name(message, at);
  if (name_end == 0 || message.size() - name_end < 10) return 0;
  const std::size_t end = name_end + 10 + get16(message.data() + name_end + 8);
  return end <= message.size() ? end : 0;
}

Parsed parse(std::span<const std::uint8_t> request, Request& into) {
  if (request.size() < kHeaderBytes) return Parsed::kDrop;
  const std::uint8_t* head = request.data();
  into.id = get16(head);
  into.flags = get16(head + 2);
  into.edns = into.dnssec_ok = false;
  into.edns_version = 0;
  into.edns_size = 0;
  if ((into.flags & kFlagQr) != 0) return Parsed::kDrop;
  if ((into.flags & kOpcodeMask) != 0) return Parsed::kNotQuery;
  const bool one_question = get16(head + 4) == 1 && get16(head + 6) == 0 && get16(head + 8) == 0;
  if (!one_question || !parse_question(request, into)) return Parsed::kBadQuestion;
  if (!parse_additional(request, get16(head + 10), into)) return Parsed::kBadRest;
  return Parsed::kQuery;
}

}  // namespace minik::dns
