// Link: a session's client: a Connection and the Wire that is spoken on it, for one poll loop.
//
// Threads: one.  What waits to be sent is bounded by those who look at `queued` before they make more.
#pragma once

#include <poll.h>

#include <vector>

#include "apiserver/connection.h"
#include "apiserver/wire.h"

namespace minik::apiserver {

inline constexpr std::size_t kQueuedMax =
    256 * 1024;  // Bytes for the client before its sources are left alone.

class Link {
 public:
  Link(Connection& connection, Wire& wire) : connection_(connection), wire_(wire) {}

  Wire& wire() { return wire_; }
  std::size_t queued() { return wire_.out().size() - sent_; }
  bool full() { return queued() >= kQueuedMax; }
  bool pending() const { return connection_.pending(); }
  // What to wait for; without `reading` only whether the client has gone.
  pollfd wish(bool reading);
  // What the client said, as far as it is there; false when it is gone or broke the protocol.
  bool receive(std::vector<WireEvent>& events);
  // False when the client is gone.
  bool flush();
  // Sends what is left, then waits a moment until the client closes, so that nothing gets lost on its way.
  void say_goodbye();

 private:
  Connection& connection_;
  Wire& wire_;
  std::size_t sent_ = 0;
};

}  // namespace minik::apiserver
