#include "dns/reply.h"

#include <algorithm>

namespace minik::dns {
namespace {

constexpr std::uint32_t kRefresh = 7'200, kRetry = 1'800, kExpire = 86'400;  // SOA, seconds.

std::size_t limit_for(const Request& request, Transport transport) {
  if (transport == Transport::kTcp) return kTcpMax;
  if (!request.edns) return kUdpPlainMax;
  return std::clamp<std::size_t>(request.edns_size, kUdpPlainMax, kUdpEdnsMax);
}

std::uint16_t pointer(std::size_t offset) { return static_cast<std::uint16_t>(0xC000 | offset); }

// Opcode, RD and CD come back as they came; Z and AD are zero.
std::uint16_t reply_flags(std::uint16_t request_flags, Rcode rcode) {
  return static_cast<std::uint16_t>(kFlagQr | kFlagRa | (request_flags & (kOpcodeMask | kFlagRd | kFlagCd)) |
                                    (static_cast<std::uint16_t>(rcode) & 0xf));
}

std::size_t record_size(std::span<const std::uint8_t> body, std::size_t at) {
  return kRecordHeadBytes + get16(body.data() + at + kRecordHeadBytes - 2);
}

}  // namespace

Reply::Reply(const Request& request, std::span<const std::uint8_t> wire, const ClientInfo& client,
             std::span<std::uint8_t> space)
    : request_(request),
      client_(client),
      out_(space, limit_for(request, client.transport) - (request.edns ? kOptBytes : 0)) {
  out_.bytes(wire.data(), request.question_end);
}

void Reply::add_set(const Node& node, const RecordSet& set, std::size_t owner) {
  const auto body = node.body(set);
  const std::size_t before = out_.size();
  const std::uint16_t already = answers_;
  if (set.record_size != 0) {
    add_fixed(body, set);
  } else {
    add_varied(body, set);
  }
  if (owner != kHeaderBytes) {
    repoint(before, owner);
  } else if (answers_ - already == set.count) {
    add_extras(node.extra(set), set);
  }
}

void Reply::add_fixed(std::span<const std::uint8_t> body, const RecordSet& set) {
  const std::size_t each = set.record_size;
  const std::size_t count = std::min<std::size_t>(set.count, out_.room() / each);
  const std::size_t start = client_.rotation % set.count;
  const std::size_t first = std::min<std::size_t>(count, set.count - start);
  out_.bytes(body.data() + start * each, first * each);
  out_.bytes(body.data(), (count - first) * each);
  answers_ = static_cast<std::uint16_t>(answers_ + count);
  if (count < set.count) truncated_ = true;
}

void Reply::add_varied(std::span<const std::uint8_t> body, const RecordSet& set) {
  if (out_.fits(body.size())) {
    out_.bytes(body.data(), body.size());
    answers_ = static_cast<std::uint16_t>(answers_ + set.count);
    return;
  }
  truncated_ = true;
  std::size_t at = 0;
  for (std::size_t skip = client_.rotation % set.count; skip > 0; --skip) at += record_size(body, at);
  for (std::size_t left = set.count; left > 0; --left) {
    const std::size_t size = record_size(body, at);
    if (!out_.fits(size)) return;
    out_.bytes(body.data() + at, size);
    ++answers_;
    at = at + size == body.size() ? 0 : at + size;
  }
}

void Reply::add_extras(std::span<const std::uint8_t> extras, const RecordSet& set) {
  if (extras.empty()) return;
  if (out_.fits(extras.size())) {
    out_.bytes(extras.data(), extras.size());
    extras_ = set.extra_count;
    return;
  }
  for (std::size_t at = 0; at < extras.size();) {
    const std::size_t end = skip_record(extras, at);
    if (end == 0 || !out_.fits(end - at)) return;
    out_.bytes(extras.data() + at, end - at);
    ++extras_;
    at = end;
  }
}

// Records are kept with the question's name as owner; behind a CNAME they belong to its target.
void Reply::repoint(std::size_t from, std::size_t owner) {
  const std::span<const std::uint8_t> written{out_.data(), out_.size()};
  for (std::size_t at = from; at < out_.size(); at += record_size(written, at)) {
    put16(out_.data() + at, pointer(owner));
  }
}

std::size_t Reply::add_link(const Node& node, const RecordSet& set, std::size_t owner) {
  const auto body = node.body(set);
  if (!out_.fits(body.size())) {
    truncated_ = true;
    return 0;
  }
  const std::size_t at = out_.size();
  out_.bytes(body.data(), body.size());
  put16(out_.data() + at, pointer(owner));
  ++answers_;
  return at + kRecordHeadBytes;
}

bool Reply::add_soa(const Zone& zone, std::string_view apex, std::size_t apex_at, std::uint32_t ttl) {
  using std::string_view_literals::operator""sv;
  constexpr auto kServer = "\2ns\3dns"sv, kMailbox = "\12hostmaster"sv;
  const bool is_domain = apex == zone.domain();
  const std::size_t domain_size = is_domain ? 2 : zone.domain().size();
  const std::size_t rdata_size = kServer.size() + kMailbox.size() + 2 * domain_size + 20;
  if (!out_.fits(kRecordHeadBytes + rdata_size)) return false;
  const auto put_domain = [&] {
    if (is_domain) {
      out_.u16(pointer(apex_at));
    } else {
      out_.bytes(zone.domain());
    }
  };
  out_.u16(pointer(apex_at));
  out_.u16(kTypeSoa);
  out_.u16(kClassIn);
  out_.u32(ttl);
  out_.u16(static_cast<std::uint16_t>(rdata_size));
  out_.bytes(kServer);
  put_domain();
  out_.bytes(kMailbox);
  put_domain();
  for (const std::uint32_t value : {zone.serial(), kRefresh, kRetry, kExpire, zone.negative_ttl()})
    out_.u32(value);
  return true;
}

void Reply::add_soa_answer(const Zone& zone, std::string_view apex, std::size_t name, std::size_t name_size) {
  if (add_soa(zone, apex, name + name_size - apex.size(), zone.ttl())) {
    ++answers_;
  } else {
    truncated_ = true;
  }
}

void Reply::add_soa_authority(const Zone& zone, std::string_view apex, std::size_t name,
                              std::size_t name_size) {
  const std::uint32_t ttl = std::min(zone.ttl(), zone.negative_ttl());
  if (add_soa(zone, apex, name + name_size - apex.size(), ttl)) {
    ++authorities_;
  } else {
    truncated_ = true;
  }
}

std::size_t Reply::finish(Rcode rcode, bool authoritative) {
  if (request_.edns) {
    out_.raise_limit(kOptBytes);
    out_.u8(0);
    out_.u16(kTypeOpt);
    out_.u16(kUdpEdnsMax);
    out_.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(rcode) >> 4));
    out_.u8(0);  // Version.
    out_.u16(request_.dnssec_ok ? 0x8000 : 0);
    out_.u16(0);
    ++extras_;
  }
  std::uint16_t flags = reply_flags(request_.flags, rcode);
  if (authoritative) flags |= kFlagAa;
  if (truncated_ && client_.transport == Transport::kUdp) flags |= kFlagTc;
  std::uint8_t* head = out_.data();
  put16(head, request_.id);
  put16(head + 2, flags);
  put16(head + 4, 1);
  put16(head + 6, answers_);
  put16(head + 8, authorities_);
  put16(head + 10, extras_);
  return out_.size();
}

std::size_t header_only(std::span<const std::uint8_t> request, Rcode rcode, std::span<std::uint8_t> space) {
  Writer out(space, kHeaderBytes);
  out.bytes(request.data(), 2);
  out.u16(reply_flags(get16(request.data() + 2), rcode));
  out.u32(0);
  out.u32(0);
  return out.size();
}

}  // namespace minik::dns
