// Responder: what one worker's UDP and TCP sides share: the zone in use, the rotation, the counters.
//
// Threads: a responder belongs to one worker; `Counters` are written by that worker and read by any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/published.h"
#include "dns/answer.h"
#include "dns/zone.h"

namespace minik::dns {

inline constexpr std::size_t kRcodes = 17;  // 0..15 and BADVERS.

// What a server has done since its start.  Copies are plain values.
struct Counts {
  std::array<std::uint64_t, kTransports> requests{};
  std::array<std::array<std::uint64_t, kRcodes>, kTransports> replies{};  // [transport][rcode]
  std::uint64_t truncated = 0;                                            // Replies with TC.
  std::uint64_t silent = 0;  // Requests that deserve no reply (short, or replies themselves), or no zone yet.
  std::uint64_t foreign = 0;  // From an address outside the clients' ranges, from port 0 or from ourselves.
  std::uint64_t send_failures = 0;  // UDP replies that the kernel did not take.
  std::uint64_t kernel_drops = 0;   // UDP requests that found the socket's queue full.
  std::uint64_t accepted = 0;       // TCP connections.
  std::uint64_t evicted = 0;        // TCP connections closed or refused because there were too many.
  std::uint64_t timed_out = 0;      // TCP connections closed for silence.
  Counts& operator+=(const Counts& other);
};

// The same as atomics.  One writer each, so adding is a load and a store.
class alignas(64) Counters {
 public:
  enum Event : std::uint8_t {
    kTruncated,
    kSilent,
    kForeign,
    kSendFailure,
    kAccepted,
    kEvicted,
    kTimedOut,
    kEvents
  };

  void request(Transport transport) { bump(requests_[static_cast<std::size_t>(transport)]); }
  void reply(Transport transport, std::size_t rcode) {
    bump(replies_[static_cast<std::size_t>(transport)][rcode]);
  }
  void add(Event event) { bump(events_[event]); }
  Counts read() const;

 private:
  using Number = std::atomic<std::uint64_t>;
  static void bump(Number& number) {
    number.store(number.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::array<Number, kTransports> requests_{};
  std::array<std::array<Number, kRcodes>, kTransports> replies_{};
  std::array<Number, kEvents> events_{};
};

class Responder {
 public:
  // `clients`: whose requests are answered; empty means everybody's.
  Responder(const Published<Zone>& zone, std::vector<Cidr> clients)
      : reader_(zone), clients_(std::move(clients)) {}

  // Takes the newest zone; once per batch.
  void look() { zone_ = reader_.look(); }
  bool admits(const Ip& source) const;
  bool admits_all() const { return clients_.empty(); }
  // As answer(); counts.
  std::size_t reply(Transport transport, std::span<const std::uint8_t> request, bool cut,
                    std::span<std::uint8_t> space);
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }

 private:
  Published<Zone>::Reader reader_;
  std::vector<Cidr> clients_;
  const Zone* zone_ = nullptr;
  std::uint64_t queries_ = 0;
  Counters counters_;
};

}  // namespace minik::dns
