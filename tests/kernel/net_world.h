// A small cluster's network without a cluster: one node, pods with little servers, objects made by hand.
//
// The test process moves into a namespace of its own first, which plays the host.  Everything is named after
// the process and removed at the end.  Needs root; without it the tests are skipped, or fail if
// MINIK_REQUIRE_KERNEL is 1.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/snapshot.h"
#include "base/files.h"
#include "base/netns.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cni/wiring.h"
#include "netd/kernel/host.h"
#include "netd/kernel/netlink_kernel.h"
#include "netd/kernel/netns.h"
#include "netd/plan/rule_text.h"
#include "proxy/compiler.h"

namespace minik::test {

// Output of a shell command and, in `status`, how it ended.
struct Shell {
  int status = 0;
  std::string output;
};
inline Shell sh(const std::string& command) {
  Shell out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.output.append(buffer.data(), got);
  out.status = ::pclose(pipe);
  return out;
}
inline Shell sh_in(const std::string& netns, const std::string& command) {
  return sh("ip netns exec " + netns + " " + command);
}

// A namespace of the test's own that plays the host; once per process.
inline bool enter_own_host() {
  static const bool entered =
      ::geteuid() == 0 && ::unshare(CLONE_NEWNET) == 0 && sh("ip link set lo up").status == 0;
  return entered;
}

#define NEED_ROOT()                                                                  \
  if (!minik::test::enter_own_host()) {                                              \
    const char* required = std::getenv("MINIK_REQUIRE_KERNEL");                      \
    if (required != nullptr && std::string(required) == "1") FAIL() << "needs root"; \
    GTEST_SKIP() << "needs root";                                                    \
  }

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};
inline Address socket_address(const Ip& ip, int port) {
  Address out;
  if (ip.is_v4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(&out.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(static_cast<std::uint16_t>(port));
    in->sin_addr.s_addr = htonl(ip.v4_host_order());
    out.size = sizeof *in;
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&out.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(static_cast<std::uint16_t>(port));
    std::copy(ip.bytes().begin(), ip.bytes().end(), in->sin6_addr.s6_addr);
    out.size = sizeof *in;
  }
  return out;
}
inline std::string peer_text(const Address& from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (from.storage.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&from.storage)->sin_addr, text.data(),
                text.size());
  } else {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&from.storage)->sin6_addr, text.data(),
                text.size());
  }
  return text.data();
}
inline UniqueFd socket_in(const std::string& netns, int domain, int type) {
  UniqueFd fd;
  const auto made = in_netns(netns, [&]() -> Result<> {
    fd.reset(::socket(domain, type | SOCK_CLOEXEC, 0));
    return {};
  });
  EXPECT_TRUE(made.ok());
  return fd;
}

// Answers "<name> <peer address>" to every TCP line and UDP datagram on a port, until it goes.
class Server {
 public:
  Server(const std::string& netns, const Ip& ip, int port, std::string name) : name_(std::move(name)) {
    const int domain = ip.is_v4() ? AF_INET : AF_INET6;
    tcp_ = socket_in(netns, domain, SOCK_STREAM);
    udp_ = socket_in(netns, domain, SOCK_DGRAM);
    const int on = 1;
    ::setsockopt(tcp_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    Address any = socket_address(ip.is_v4() ? Ip() : Ip::v6(std::array<std::uint8_t, 16>{}), port);
    EXPECT_EQ(::bind(tcp_.get(), any.get(), any.size), 0) << name_;
    EXPECT_EQ(::bind(udp_.get(), any.get(), any.size), 0) << name_;
    EXPECT_EQ(::listen(tcp_.get(), 1024), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    stop_ = true;
    thread_.join();
  }

 private:
  struct Client {
    UniqueFd fd;
    std::string peer;
  };
  void run() {
    std::vector<Client> clients;
    while (!stop_) {
      std::vector<pollfd> fds{{tcp_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}};
      for (const Client& c : clients) fds.push_back({c.fd.get(), POLLIN, 0});
      if (::poll(fds.data(), fds.size(), 20) <= 0) continue;
      for (std::size_t i = 2; i < fds.size(); ++i) {
        if (fds[i].revents != 0) answer(clients[i - 2]);
      }
      std::erase_if(clients, [](const Client& c) { return !c.fd.valid(); });
      Address from;
      from.size = sizeof from.storage;
      if (fds[0].revents != 0) {
        UniqueFd fd(::accept4(tcp_.get(), from.get(), &from.size, SOCK_CLOEXEC));
        if (fd) clients.push_back({std::move(fd), peer_text(from)});
      }
      from.size = sizeof from.storage;
      if (fds[1].revents != 0) {
        std::array<char, 4096> buffer;
        const ssize_t got = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.size);
        const std::string reply = fmt::format("{} {} {}", name_, peer_text(from), got);
        if (got >= 0) ::sendto(udp_.get(), reply.data(), reply.size(), 0, from.get(), from.size);
      }
    }
  }
  void answer(Client& client) {
    std::array<char, 256> buffer;
    if (::recv(client.fd.get(), buffer.data(), buffer.size(), 0) <= 0) return client.fd.reset();
    const std::string reply = name_ + " " + client.peer;
    ::send(client.fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  std::string name_;
  UniqueFd tcp_, udp_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

inline std::string errno_word(int error) {
  if (error == ECONNREFUSED) return "refused";
  if (error == EAGAIN || error == EINPROGRESS || error == ETIMEDOUT) return "timeout";
  return std::strerror(error);
}

// One open TCP connection.
class Connection {
 public:
  Connection(const std::string& netns, const Ip& to, int port, int timeout_ms = 700) {
    fd_ = socket_in(netns, to.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM);
    const timeval limit{timeout_ms / 1000, timeout_ms % 1000 * 1000};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Address address = socket_address(to, port);
    if (::connect(fd_.get(), address.get(), address.size) != 0) problem_ = errno_word(errno);
  }
  // The server's answer, or what went wrong.
  std::string ask() {
    if (!problem_.empty()) return problem_;
    std::array<char, 256> buffer;
    if (::send(fd_.get(), "hi\n", 3, MSG_NOSIGNAL) != 3) return errno_word(errno);
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return got == 0 ? "closed" : errno_word(errno);
    return std::string(buffer.data(), static_cast<std::size_t>(got));
  }

 private:
  UniqueFd fd_;
  std::string problem_;
};
inline std::string tcp(const std::string& netns, const Ip& to, int port) {
  return Connection(netns, to, port).ask();
}

inline std::string udp(const std::string& netns, const Ip& to, int port, std::size_t bytes = 2,
                       int source_port = 0) {
  const UniqueFd fd = socket_in(netns, to.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM);
  const timeval limit{0, 700'000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (source_port != 0) {
    Address own = socket_address(to.is_v4() ? Ip() : Ip::v6(std::array<std::uint8_t, 16>{}), source_port);
    if (::bind(fd.get(), own.get(), own.size) != 0) return errno_word(errno);
  }
  Address address = socket_address(to, port);
  if (::connect(fd.get(), address.get(), address.size) != 0) return errno_word(errno);
  const std::string data(bytes, 'x');
  if (::send(fd.get(), data.data(), data.size(), 0) < 0) return errno_word(errno);
  std::array<char, 256> buffer;
  const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  return got < 0 ? errno_word(errno) : std::string(buffer.data(), static_cast<std::size_t>(got));
}

inline Ip ip(const std::string& text) {
  auto parsed = Ip::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Ip();
}
inline Cidr cidr(const std::string& text) { return *Cidr::parse(text); }

struct ServiceSpec {
  std::string name = "", cluster_ip = "", protocol = "TCP";
  int port = 80, target = 8080, node_port = 0;
};

class World {
 public:
  explicit World(bool dual_stack = false) : prefix_(fmt::format("mkt{}-", ::getpid())) {
    config.cluster = fmt::format("t{}", ::getpid());
    config.node = "n1";
    config.host_ips = {ip("10.70.0.1")};
    config.node_ips = {ip("10.70.0.2")};
    config.pod_cidrs = {cidr("10.244.0.0/24")};
    config.service_cidrs = {cidr("10.96.0.0/12")};
    if (dual_stack) {
      config.host_ips.push_back(ip("fd00:70::1"));
      config.node_ips.push_back(ip("fd00:70::2"));
      config.pod_cidrs.push_back(cidr("fd00:244::/64"));
      config.service_cidrs.push_back(cidr("fd00:96::/112"));
    }
    node = netd::node_netns_name(config.cluster, config.node);
  }
  ~World() {
    servers.clear();
    EXPECT_TRUE(netd::remove_all(config.cluster).ok());
    for (const auto& [name, netns] : pods) EXPECT_TRUE(netd::delete_netns(netns).ok());
  }

  void start() {
    auto opened = netd::NetlinkKernel::open(node);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    kernel = *std::move(opened);
    compiler = std::make_unique<proxy::Compiler>(config);
    wiring = std::make_unique<cni::Wiring>(config);
    plan = wanted();
    const auto reset = kernel->reset(plan);
    ASSERT_TRUE(reset.ok()) << reset.error().message();
  }
  // Everything that the objects ask for.
  netd::Plan wanted() {
    const auto now = std::make_shared<const api::Snapshot>(objects);
    compiled = compiler->update(now);
    cni::Wired wired = wiring->update(now, nets);
    return {wired.topology, {compiled.ruleset, wired.ruleset}};
  }
  // Commits what changed.
  netd::Report apply() {
    netd::Plan next = wanted();
    changes = netd::diff(plan, next);
    changes.udp = compiled.udp;
    auto report = kernel->commit(changes);
    EXPECT_TRUE(report.ok()) << report.error().message();
    plan = std::move(next);
    return report.ok() ? *std::move(report) : netd::Report{};
  }
  void expect_true() {
    auto seen = kernel->observe();
    ASSERT_TRUE(seen.ok()) << seen.error().message();
    EXPECT_EQ(netd::first_difference(netd::seen(plan), *seen).value_or(""), "");
  }

  void put(const std::string& resource, Json body) {
    body["metadata"]["resourceVersion"] = std::to_string(++revision_);
    objects.put(std::make_shared<const api::Object>(resource, revision_, std::move(body)));
  }
  // A pod with the next addresses; with a server that answers on 8080 unless told otherwise.
  void add_pod(const std::string& name, const std::string& address, bool serve = true,
               const std::string& six = "") {
    pods[name] = prefix_ + name;
    ASSERT_TRUE(netd::create_netns(pods[name]).ok());
    Json ips = Json::array({{{"ip", address}}});
    if (!six.empty()) ips.push_back({{"ip", six}});
    put("pods", {{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", "uid-" + name}}},
                 {"spec", {{"nodeName", config.node}, {"containers", Json::array()}}},
                 {"status", {{"phase", "Running"}, {"podIP", address}, {"podIPs", ips}}}});
    nets["uid-" + name] = {netd::netns_path(pods[name])};
    addresses[name] = ip(address);
    if (serve) serve_in(name, 8080);
  }
  void serve_in(const std::string& name, int port) {
    servers[name].push_back(std::make_unique<Server>(path(name), addresses[name], port, name));
  }
  void put_service(const ServiceSpec& s) {
    put_service(s.name, {s.cluster_ip}, Json::array({port_json(s)}), s.node_port != 0);
  }
  static Json port_json(const ServiceSpec& s, const std::string& port_name = "") {
    Json port{{"port", s.port}, {"targetPort", s.target}, {"protocol", s.protocol}};
    if (!port_name.empty()) port["name"] = port_name;
    if (s.node_port != 0) port["nodePort"] = s.node_port;
    return port;
  }
  void put_service(const std::string& name, const std::vector<std::string>& ips, const Json& ports,
                   bool node_port) {
    put("services", {{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", "svc-" + name}}},
                     {"spec",
                      {{"type", node_port ? "NodePort" : "ClusterIP"},
                       {"clusterIP", ips[0]},
                       {"clusterIPs", ips},
                       {"ports", ports}}}});
  }
  // Endpoints as ("address", "ready" | "terminating" | "gone").
  using Ends = std::vector<std::pair<std::string, std::string>>;
  void put_slice(const std::string& service, const Ends& ends, const Json& ports,
                 const std::string& suffix = "x", const std::string& family = "IPv4") {
    Json list = Json::array();
    for (const auto& [address, state] : ends) {
      list.push_back({{"addresses", {address}},
                      {"conditions",
                       {{"ready", state == "ready"},
                        {"serving", state != "gone"},
                        {"terminating", state == "terminating"}}}});
    }
    put("endpointslices.discovery.k8s.io", {{"metadata",
                                             {{"name", service + "-" + suffix},
                                              {"namespace", "default"},
                                              {"uid", service + suffix},
                                              {"labels", {{"kubernetes.io/service-name", service}}}}},
                                            {"addressType", family},
                                            {"endpoints", list},
                                            {"ports", ports}});
  }
  void put_endpoints(const std::string& service, const std::vector<std::string>& ips, int port = 8080,
                     const std::string& protocol = "TCP") {
    Ends ends;
    for (const std::string& address : ips) ends.emplace_back(address, "ready");
    put_slice(service, ends, Json::array({{{"port", port}, {"protocol", protocol}}}));
  }
  void remove(const std::string& resource, const std::string& name) {
    objects.remove({resource, "default", name});
  }

  // The path of a pod's namespace; "node" is the node's, "host" ours.
  std::string path(const std::string& who) const {
    if (who == "host") return "";
    return netd::netns_path(who == "node" ? node : pods.at(who));
  }
  // Who answered over several connections.
  std::set<std::string> names(const std::string& from, const std::string& to, int port,
                              int tries = 12) const {
    std::set<std::string> out;
    for (int i = 0; i < tries; ++i) out.insert(tcp(path(from), ip(to), port));
    return out;
  }

  netd::NodeConfig config;
  std::string node;
  std::unique_ptr<netd::NetlinkKernel> kernel;
  std::unique_ptr<proxy::Compiler> compiler;
  std::unique_ptr<cni::Wiring> wiring;
  api::Snapshot objects;
  cni::PodNets nets;
  proxy::Compiled compiled;
  netd::Plan plan;
  netd::Changes changes;
  std::map<std::string, std::string> pods;  // Name → namespace name.
  std::map<std::string, Ip> addresses;
  std::map<std::string, std::vector<std::unique_ptr<Server>>> servers;

 private:
  std::string prefix_;
  std::uint64_t revision_ = 0;
};

}  // namespace minik::test
