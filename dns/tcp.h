// TcpFront: DNS over TCP (RFC 7766): many requests on one connection, replies gathered into few writes.
//
// Bounds: connections in all and per source address (the one idle longest makes room), silence before the
// first and between complete requests, unsent replies (nothing more is read from who does not read).  A
// client that closes its side still gets what it asked for.
//
// Threads: the one that runs the loop.  Ownership: owns listeners and connections.  Without connections
// nothing is scheduled, so an idle server sleeps.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/ip.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "dns/responder.h"

namespace minik::dns {

struct TcpLimits {
  std::size_t connections = 512;
  std::size_t per_source = 64;
  Millis first_request{3'000};  // From accept to the first complete request.
  Millis idle{10'000};          // From one complete request, or progress in sending, to the next.
};

class TcpFront {
 public:
  TcpFront(EventLoop& loop, Responder& responder, TcpLimits limits);
  ~TcpFront();
  TcpFront(const TcpFront&) = delete;
  TcpFront& operator=(const TcpFront&) = delete;

  Result<> add_listener(UniqueFd fd);

 private:
  struct Connection {
    UniqueFd fd;
    Ip source;
    std::vector<std::uint8_t> in, out;
    std::size_t consumed = 0, sent = 0;  // Of `in` and `out`.
    bool ended = false;                  // Nothing more will be read.
    std::uint32_t watched = 0;           // epoll events.
    SteadyTime deadline{};
    SteadyTime last_request{};
    std::size_t unsent() const { return out.size() - sent; }
    bool has_request() const;  // A complete one waits in `in`.
    bool idle() const { return consumed == in.size() && unsent() == 0; }
  };
  enum class Step : std::uint8_t { kAgain, kWait, kClose };

  void accept_all(int listener);
  bool accept_one(int listener);
  void pause(int listener);
  bool make_room(const Ip& source);
  bool evict(const Ip* source);
  void serve(int fd);
  Step advance(Connection& connection);
  void answer_buffered(Connection& connection);
  bool flush(Connection& connection);
  Step receive(Connection& connection);
  void watch(Connection& connection);
  void set_deadline(Connection& connection, Millis from_now);
  void close(int fd);
  void arm();
  void expire();

  EventLoop& loop_;
  Responder& responder_;
  TcpLimits limits_;
  std::vector<UniqueFd> listeners_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::set<std::pair<SteadyTime, int>> deadlines_;
  EventLoop::TimerId timer_ = 0;  // 0: none pending.
  std::vector<std::uint8_t> input_, reply_;
};

}  // namespace minik::dns
