// Server: answers DNS over UDP and TCP from the published zone.
//
// Each worker is one thread with its own sockets (SO_REUSEPORT) and its own epoll; nothing is shared but the
// zone. In minik the sockets live in the network namespace of the pod kube-system/kube-dns, which holds its
// pod address and the ClusterIP; the daemon makes it and passes its path and addresses (design.md section 8).
//
// Threads: `start` and `stop` from one thread; `port` and `counts` from any.
// Ownership: `zone` must outlive the server.  Publish a zone before `start`: until then requests get no
// reply. Errors: kInvalid (no address), kKernel (an address is not there, the port is taken), kNotFound (no
// such namespace).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/published.h"
#include "base/result.h"
#include "dns/responder.h"
#include "dns/tcp.h"
#include "dns/zone.h"

namespace minik::dns {

inline constexpr const char* kWorkerThreadName = "minik-dns";  // As ps and /proc show it.

struct ServerConfig {
  std::string netns;          // Path of the namespace to listen in; empty: here.
  std::vector<Ip> addresses;  // Each is bound by itself, so a reply comes from the address that was asked.
  std::uint16_t port = 53;    // 0: a free one.
  int workers = 1;
  std::vector<Cidr> clients;  // Others get silence (UDP) or are closed (TCP); empty: everybody may ask.
  TcpLimits tcp;              // Over all workers.
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(ServerConfig config, const Published<Zone>& zone);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns when all threads have ended and all sockets are closed.  May be called twice.
  void stop();
  std::uint16_t port() const { return port_; }
  Counts counts() const;

 private:
  class Worker;
  Server();

  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  Counts stopped_;  // What the workers had counted when they ended.
};

}  // namespace minik::dns
