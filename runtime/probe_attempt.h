// One probe under way.  Calls `done` once, on the loop's thread; destroying it cancels it.
//
// Threads: the loop's.  Sockets are opened in the node's network namespace.
#pragma once

#include <functional>
#include <memory>

#include "base/event_loop.h"
#include "runtime/exec.h"
#include "runtime/probe_rules.h"

namespace minik::runtime {

class ProbeAttempt {
 public:
  using Done = std::function<void(ProbeResult)>;
  virtual ~ProbeAttempt() = default;
};

struct SocketProbe {
  std::string ip, netns;
  int port = 0;
  Millis timeout{1000};
  std::optional<HttpTarget> http;  // None: connecting is all.
  bool tls = false;                // With http; certificates are not verified.
};
std::unique_ptr<ProbeAttempt> probe_socket(EventLoop& loop, const SocketProbe& probe,
                                           ProbeAttempt::Done done);

std::unique_ptr<ProbeAttempt> probe_exec(EventLoop& loop, const Paths& paths, const ExecWish& wish,
                                         Millis timeout, ProbeAttempt::Done done);

}  // namespace minik::runtime
