#include "dns/responder.h"

#include <algorithm>

#include "dns/message.h"

namespace minik::dns {
namespace {

// Successive numbers must not give the A and the AAAA query of one client the same parity for ever.
std::uint32_t scramble(std::uint64_t number) {
  number *= 0x9E3779B97F4A7C15;
  return static_cast<std::uint32_t>(number >> 32) ^ static_cast<std::uint32_t>(number >> 51);
}

// The rcode of a finished reply.  Only BADVERS goes beyond the header, and only with that does OPT come last.
std::size_t rcode_of(std::span<const std::uint8_t> reply) {
  const std::size_t low = reply[3] & 0xfU;
  const bool bad_version = low == 0 && reply.size() >= kHeaderBytes + kOptBytes && get16(&reply[6]) == 0 &&
                           get16(&reply[8]) == 0 && get16(&reply[10]) == 1 && reply[reply.size() - 6] == 1;
  return bad_version ? static_cast<std::size_t>(Rcode::kBadVers) : low;
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  for (std::size_t t = 0; t < kTransports; ++t) {
    requests[t] += other.requests[t];
    for (std::size_t r = 0; r < kRcodes; ++r) replies[t][r] += other.replies[t][r];
  }
  truncated += other.truncated;
  silent += other.silent;
  foreign += other.foreign;
  send_failures += other.send_failures;
  kernel_drops += other.kernel_drops;
  accepted += other.accepted;
  evicted += other.evicted;
  timed_out += other.timed_out;
  return *this;
}

Counts Counters::read() const {
  Counts counts;
  for (std::size_t t = 0; t < kTransports; ++t) {
    counts.requests[t] = requests_[t].load(std::memory_order_relaxed);
    for (std::size_t r = 0; r < kRcodes; ++r)
      counts.replies[t][r] = replies_[t][r].load(std::memory_order_relaxed);
  }
  const auto event = [&](Event e) { return events_[e].load(std::memory_order_relaxed); };
  counts.truncated = event(kTruncated);
  counts.silent = event(kSilent);
  counts.foreign = event(kForeign);
  counts.send_failures = event(kSendFailure);
  counts.accepted = event(kAccepted);
  counts.evicted = event(kEvicted);
  counts.timed_out = event(kTimedOut);
  return counts;
}

bool Responder::admits(const Ip& source) const {
  return admits_all() || std::any_of(clients_.begin(), clients_.end(),
                                     [&](const Cidr& range) { return range.contains(source); });
}

std::size_t Responder::reply(Transport transport, std::span<const std::uint8_t> request, bool cut,
                             std::span<std::uint8_t> space) {
  counters_.request(transport);
  const std::size_t size =
      zone_ == nullptr ? 0 : answer(*zone_, request, {transport, scramble(++queries_), cut}, space);
  if (size == 0) {
    counters_.add(Counters::kSilent);
    return 0;
  }
  counters_.reply(transport, rcode_of(space.first(size)));
  if ((space[2] & (kFlagTc >> 8)) != 0) counters_.add(Counters::kTruncated);
  return size;
}

}  // namespace minik::dns
