#include "dns/server.h"

#include <pthread.h>
#include <sys/epoll.h>

#include <algorithm>
#include <thread>

#include "base/event_loop.h"
#include "dns/sockets.h"
#include "dns/udp.h"

namespace minik::dns {
namespace {

TcpLimits share_of(TcpLimits limits, int workers) {
  const auto count = static_cast<std::size_t>(workers);
  limits.connections = std::max<std::size_t>(1, limits.connections / count);
  limits.per_source = std::max<std::size_t>(1, limits.per_source / count);
  return limits;
}

}  // namespace

class Server::Worker {
 public:
  Worker(const ServerConfig& config, std::uint16_t port, const Published<Zone>& zone)
      : responder_(zone, config.clients),
        batch_(responder_, config.addresses, port),
        tcp_(loop_, responder_, share_of(config.tcp, config.workers)) {}
  ~Worker() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Result<> run(WorkerSockets sockets) {
    for (UniqueFd& fd : sockets.udp) {
      const int raw = fd.get();
      TRY(loop_.add(raw, EPOLLIN, [this, raw](std::uint32_t) { batch_.serve(raw); }));
    }
    for (UniqueFd& fd : sockets.tcp) TRY(tcp_.add_listener(std::move(fd)));
    udp_ = std::move(sockets.udp);
    thread_ = std::thread([this] { loop_.run(); });
    ::pthread_setname_np(thread_.native_handle(), kWorkerThreadName);
    return {};
  }

  Counts counts() const {
    Counts counts = responder_.counters().read();
    for (const UniqueFd& fd : udp_) counts.kernel_drops += kernel_drops(fd.get());
    return counts;
  }

 private:
  Responder responder_;
  UdpBatch batch_;
  EventLoop loop_;
  TcpFront tcp_;
  std::vector<UniqueFd> udp_;
  std::thread thread_;
};

Server::Server() = default;
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(ServerConfig config, const Published<Zone>& zone) {
  Sockets sockets = TRY(open_sockets(config.netns, config.addresses, config.port, config.workers));
  std::unique_ptr<Server> server(new Server);
  server->port_ = sockets.port;
  for (WorkerSockets& mine : sockets.workers) {
    server->workers_.push_back(std::make_unique<Worker>(config, sockets.port, zone));
    TRY(server->workers_.back()->run(std::move(mine)));
  }
  return server;
}

void Server::stop() {
  for (const auto& worker : workers_) stopped_ += worker->counts();
  workers_.clear();
}

Counts Server::counts() const {
  Counts total = stopped_;
  for (const auto& worker : workers_) total += worker->counts();
  return total;
}

}  // namespace minik::dns
