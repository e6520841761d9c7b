// The server on loopback: dns.md sections 4 (TCP) and 10.2, rows 77 to 84 and 100.
#include "dns/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "dns/sockaddr.h"
#include "dns/sockets.h"
#include "dns/test_support.h"

namespace minik::dns {
namespace {

using test::Bytes;
using test::Query;

const std::string kWeb = "web.prod.svc.cluster.local";

const Published<Zone>& published() {
  static const Published<Zone> zone([] {
    auto cluster = test::fixture();
    auto builder = test::builder();
    return builder.update(cluster.snapshot());
  }());
  return zone;
}

std::unique_ptr<Server> start(ServerConfig config = {}) {
  config.port = 0;
  if (config.addresses.empty()) config.addresses = {test::ip("127.0.0.1")};
  auto server = Server::start(std::move(config), published());
  MINIK_ASSERT(server.ok());
  return std::move(server).value();
}

// A blocking client socket with a bound on waiting, so that a mistake ends the test instead of hanging it.
class Client {
 public:
  Client(int type, const Server& server, const char* to = "127.0.0.1", const char* from = "127.0.0.1")
      : fd_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    const timeval bound{3, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    const SocketAddress source(test::ip(from), 0);
    MINIK_ASSERT(::bind(fd_.get(), source.get(), source.size()) == 0);
    const SocketAddress target(test::ip(to), server.port());
    MINIK_ASSERT(::connect(fd_.get(), target.get(), target.size()) == 0);
  }
  int fd() const { return fd_.get(); }
  void send(const Bytes& bytes) const {
    EXPECT_EQ(::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // One datagram; empty after the bound.
  Bytes receive() const {
    Bytes buffer(65'536);
    const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
    buffer.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return buffer;
  }
  bool silent(int millis) const {
    pollfd wait{fd(), POLLIN, 0};
    return ::poll(&wait, 1, millis) == 0;
  }
  // One message with TCP's length in front; empty if the connection ends.
  Bytes receive_message() const {
    Bytes length = exactly(2);
    return length.empty() ? Bytes{} : exactly(get16(length.data()));
  }
  Bytes exactly(std::size_t size) const {
    Bytes out(size);
    for (std::size_t have = 0; have < size;) {
      const ssize_t got = ::recv(fd(), out.data() + have, size - have, 0);
      if (got <= 0) return {};
      have += static_cast<std::size_t>(got);
    }
    return out;
  }
  bool closed() const {
    char byte = 0;
    const auto got = ::recv(fd(), &byte, 1, 0);
    return got == 0 || (got < 0 && errno != EAGAIN);  // At the end errno is whatever it was before.
  }

 private:
  UniqueFd fd_;
};

Bytes framed(const Bytes& message) {
  Bytes out;
  test::append16(out, static_cast<unsigned>(message.size()));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

TEST(ServerUdp, AnswersManyClients) {
  for (const int workers : {1, 2}) {
    ServerConfig config;
    config.workers = workers;
    const auto server = start(std::move(config));
    for (int c = 0; c < 20; ++c) {
      const Client client(SOCK_DGRAM, *server);
      for (std::uint16_t id = 0; id < 10; ++id) client.send(test::wire({.name = kWeb, .id = id}));
      std::set<int> ids;
      for (int i = 0; i < 10; ++i) {
        const auto reply = test::decode(client.receive());
        ASSERT_TRUE(reply.ok);
        EXPECT_EQ(reply.answers.at(0).text, "A 10.96.0.20");
        ids.insert(reply.id);
      }
      EXPECT_EQ(ids.size(), 10U);
    }
    EXPECT_EQ(server->counts().requests[0], 200U);
    EXPECT_EQ(server->counts().replies[0][0], 200U);
  }
}

// libc asks A and AAAA in turn; the A answers must start at every address all the same.
TEST(ServerUdp, PairsOfQueriesDoNotStopTheRotation) {
  const auto server = start();
  const Client client(SOCK_DGRAM, *server);
  std::set<std::string> first;
  for (int i = 0; i < 40; ++i) {
    client.send(test::wire({.name = "twin.prod.svc.cluster.local"}));
    first.insert(test::decode(client.receive()).answers.at(0).text);
    client.send(test::wire({.name = "twin.prod.svc.cluster.local", .type = kTypeAaaa}));
    EXPECT_TRUE(test::decode(client.receive()).answers.empty());
  }
  EXPECT_EQ(first.size(), 2U);
}

TEST(ServerUdp, CountsWhatItDoes) {
  const auto server = start();
  const Client client(SOCK_DGRAM, *server);
  const auto ask = [&](const Bytes& request) {
    client.send(request);
    return test::decode(client.receive());
  };
  EXPECT_EQ(ask(test::wire({.name = "nosvc.prod.svc.cluster.local"})).rcode, 3);
  EXPECT_TRUE(ask(test::wire({.name = "big.prod.svc.cluster.local"})).tc());
  Bytes version_one = test::wire({.name = kWeb, .edns = 1232});
  version_one[version_one.size() - 5] = 1;
  EXPECT_EQ(ask(version_one).rcode, 16);
  Bytes oversized = test::wire({.name = kWeb});
  oversized.resize(4'000);
  EXPECT_EQ(ask(oversized).raw.size(), 12U);
  client.send({1, 2, 3});
  EXPECT_EQ(ask(test::wire({.name = kWeb})).rcode, 0);
  const Counts counts = server->counts();
  EXPECT_EQ(counts.requests[0], 6U);
  EXPECT_EQ(counts.replies[0][3], 1U);
  EXPECT_EQ(counts.replies[0][16], 1U);
  EXPECT_EQ(counts.replies[0][1], 1U);
  EXPECT_EQ(counts.replies[0][0], 2U);
  EXPECT_EQ(counts.truncated, 1U);
  EXPECT_EQ(counts.silent, 1U);
  server->stop();
  EXPECT_EQ(server->counts().requests[0], 6U);
}

TEST(ServerUdp, Row83RepliesFromTheAddressAsked) {
  ServerConfig config;
  config.addresses = {test::ip("127.0.0.1"), test::ip("127.0.0.9"), test::ip("::1")};
  const auto server = start(std::move(config));
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  for (const char* to : {"127.0.0.1", "127.0.0.9"}) {
    const SocketAddress target(test::ip(to), server->port());
    const Bytes request = test::wire({.name = kWeb});
    ::sendto(fd.get(), request.data(), request.size(), 0, target.get(), target.size());
    SocketAddress from;
    Bytes buffer(2'000);
    ASSERT_GT(::recvfrom(fd.get(), buffer.data(), buffer.size(), 0, from.get(), from.size_for_kernel()), 0);
    EXPECT_EQ(from.ip(), test::ip(to));
    EXPECT_EQ(from.port(), server->port());
  }
}

TEST(ServerUdp, Row84QueueHoldsTenThousand) {
  const auto server = start();
  const Client client(SOCK_DGRAM, *server);
  const int big = 64 * 1024 * 1024;
  if (::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) != 0) {
    GTEST_SKIP() << "needs root for a queue beyond net.core.rmem_max";
  }
  constexpr int kCount = 10'000;
  for (int i = 0; i < kCount; ++i)
    client.send(test::wire({.name = kWeb, .id = static_cast<std::uint16_t>(i)}));
  int got = 0;
  while (got < kCount && !client.silent(1'000) && !client.receive().empty()) ++got;
  EXPECT_EQ(got, kCount);
  EXPECT_EQ(server->counts().kernel_drops, 0U);
}

TEST(ServerUdp, Row100StrangersGetSilence) {
  ServerConfig config;
  config.clients = {test::cidr("127.0.0.2/32")};
  const auto server = start(std::move(config));
  const Client stranger(SOCK_DGRAM, *server);
  stranger.send(test::wire({.name = kWeb}));
  const Client friendly(SOCK_DGRAM, *server, "127.0.0.1", "127.0.0.2");
  friendly.send(test::wire({.name = kWeb}));
  EXPECT_FALSE(friendly.receive().empty());
  EXPECT_TRUE(stranger.silent(50));
  const Client tcp(SOCK_STREAM, *server);
  EXPECT_TRUE(tcp.closed());
  EXPECT_EQ(server->counts().foreign, 2U);
}

TEST(ServerUdp, SilentBeforeTheFirstZone) {
  const Published<Zone> nothing;
  ServerConfig config;
  config.port = 0;
  config.addresses = {test::ip("127.0.0.1")};
  const auto server = Server::start(config, nothing);
  ASSERT_TRUE(server.ok());
  const Client client(SOCK_DGRAM, **server);
  client.send(test::wire({.name = kWeb}));
  EXPECT_TRUE(client.silent(50));
}

TEST(ServerStart, SaysWhatIsWrong) {
  const auto server = start();
  const auto refused = [](ServerConfig config) {
    auto result = Server::start(std::move(config), published());
    return result.ok() ? std::string() : result.error().message();
  };
  ServerConfig config;
  EXPECT_NE(refused(config), "");
  config.addresses = {test::ip("127.0.0.1")};
  config.port = server->port();
  EXPECT_EQ(refused(config),
            fmt::format("bind 127.0.0.1 port {} (UDP): Address already in use", server->port()));
  config.addresses = {test::ip("192.0.2.1")};
  EXPECT_EQ(refused(config),
            fmt::format("bind 192.0.2.1 port {} (UDP): Cannot assign requested address", server->port()));
  config.netns = "/run/netns/minik-no-such";
  EXPECT_EQ(refused(config), "open network namespace /run/netns/minik-no-such: No such file or directory");
}

TEST(ServerStart, AStoppedServerFreesItsPort) {
  auto server = start();
  ServerConfig config;
  config.addresses = {test::ip("127.0.0.1")};
  config.port = server->port();
  const Client open(SOCK_STREAM, *server);
  open.send(framed(test::wire({.name = kWeb})));
  EXPECT_FALSE(open.receive_message().empty());
  server->stop();
  EXPECT_TRUE(open.closed());
  EXPECT_TRUE(Server::start(config, published()).ok());
}

TEST(ServerTcp, Row73BigAnswers) {
  const auto server = start();
  const Client client(SOCK_STREAM, *server);
  client.send(framed(test::wire({.name = "big.prod.svc.cluster.local"})));
  const auto reply = test::decode(client.receive_message());
  ASSERT_TRUE(reply.ok);
  EXPECT_EQ(reply.answers.size(), 200U);
  EXPECT_FALSE(reply.tc());
}

TEST(ServerTcp, Row77AnyFragmentation) {
  const auto server = start();
  const Client client(SOCK_STREAM, *server);
  for (const std::uint8_t byte : framed(test::wire({.name = kWeb}))) {
    client.send({byte});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(test::decode(client.receive_message()).rcode, 0);
}

TEST(ServerTcp, Row78PipelinedRequests) {
  const auto server = start();
  const Client client(SOCK_STREAM, *server);
  Bytes all;
  for (std::uint16_t id = 0; id < 100; ++id) {
    const Bytes one = framed(test::wire({.name = kWeb, .id = id}));
    all.insert(all.end(), one.begin(), one.end());
  }
  client.send(all);
  for (std::uint16_t id = 0; id < 100; ++id) {
    const auto reply = test::decode(client.receive_message());
    ASSERT_TRUE(reply.ok);
    EXPECT_EQ(reply.id, id);
  }
}

// Replies far beyond what socket buffers hold: the server stops reading, then goes on, and loses nothing.
TEST(ServerTcp, SlowReaderGetsEverything) {
  const auto server = start();
  const Client client(SOCK_STREAM, *server);
  constexpr int kCount = 4'000;
  std::thread writer([&] {
    for (int id = 0; id < kCount; ++id) {
      client.send(
          framed(test::wire({.name = "big.prod.svc.cluster.local", .id = static_cast<std::uint16_t>(id)})));
    }
    ::shutdown(client.fd(), SHUT_WR);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  int got = 0;
  for (Bytes reply = client.receive_message(); !reply.empty(); reply = client.receive_message()) {
    EXPECT_EQ(get16(reply.data()), got & 0xffff);
    ++got;
  }
  writer.join();
  EXPECT_EQ(got, kCount);
  EXPECT_EQ(server->counts().replies[1][0], static_cast<std::uint64_t>(kCount));
}

TEST(ServerTcp, Row80BadLengthsCloseAndSilenceTimesOut) {
  ServerConfig config;
  config.tcp.idle = Millis(100);
  config.tcp.first_request = Millis(100);
  const auto server = start(std::move(config));
  const Bytes good = framed(test::wire({.name = kWeb}));
  for (const Bytes& bad : {Bytes{0, 0}, Bytes{0, 5, 1, 2, 3, 4, 5}}) {
    const Client client(SOCK_STREAM, *server);
    Bytes both = good;
    both.insert(both.end(), bad.begin(), bad.end());
    client.send(both);
    EXPECT_EQ(test::decode(client.receive_message()).rcode, 0);
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(server->counts().timed_out, 0U);
  const Client stuck(SOCK_STREAM, *server), mute(SOCK_STREAM, *server);
  stuck.send({0xff, 0xff, 1, 2});
  EXPECT_TRUE(stuck.closed());
  EXPECT_TRUE(mute.closed());
  EXPECT_EQ(server->counts().timed_out, 2U);
}

TEST(ServerTcp, RequestsKeepAConnectionOpen) {
  ServerConfig config;
  config.tcp.idle = config.tcp.first_request = Millis(300);
  const auto server = start(std::move(config));
  const Client client(SOCK_STREAM, *server);
  for (int i = 0; i < 5; ++i) {
    client.send(framed(test::wire({.name = kWeb})));
    EXPECT_FALSE(client.receive_message().empty());
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
  }
  EXPECT_TRUE(client.closed());
}

TEST(ServerTcp, Row81HalfCloseStillGetsTheReply) {
  const auto server = start();
  const Client client(SOCK_STREAM, *server);
  client.send(framed(test::wire({.name = kWeb})));
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_FALSE(client.receive_message().empty());
  EXPECT_TRUE(client.closed());
}

TEST(ServerTcp, Row82IdleConnectionsMakeRoom) {
  const auto server = start();
  std::vector<std::unique_ptr<Client>> crowd;
  for (int i = 0; i < 600; ++i) {
    // From ten sources, so that it is the limit in all that counts.
    crowd.push_back(std::make_unique<Client>(SOCK_STREAM, *server, "127.0.0.1",
                                             fmt::format("127.0.1.{}", 1 + i % 10).c_str()));
  }
  const Client late(SOCK_STREAM, *server);
  late.send(framed(test::wire({.name = kWeb})));
  EXPECT_FALSE(late.receive_message().empty());
  EXPECT_GE(server->counts().evicted, 600U + 1U - 512U);
  EXPECT_TRUE(crowd.front()->closed());
}

TEST(ServerTcp, OneSourceHasItsShareOnly) {
  ServerConfig config;
  config.tcp.per_source = 4;
  const auto server = start(std::move(config));
  const Client other(SOCK_STREAM, *server, "127.0.0.1", "127.0.0.3");
  std::vector<std::unique_ptr<Client>> crowd;
  for (int i = 0; i < 8; ++i) crowd.push_back(std::make_unique<Client>(SOCK_STREAM, *server));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(crowd[static_cast<std::size_t>(i)]->closed());
  crowd.back()->send(framed(test::wire({.name = kWeb})));
  EXPECT_FALSE(crowd.back()->receive_message().empty());
  other.send(framed(test::wire({.name = kWeb})));
  EXPECT_FALSE(other.receive_message().empty());
}

// How often the server's threads have slept.
long worker_sleeps() {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name, word;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name != kWorkerThreadName) continue;
    std::ifstream status(task.path() / "status");
    while (status >> word) {
      long count = 0;
      if (word == "voluntary_ctxt_switches:" && status >> count) sum += count;
    }
  }
  return sum;
}

TEST(ServerIdle, DoesNotWakeUp) {
  ServerConfig config;
  config.tcp.idle = config.tcp.first_request = Millis(50);
  const auto server = start(std::move(config));
  {
    const Client client(SOCK_STREAM, *server);
    EXPECT_TRUE(client.closed());  // The last timer has fired.
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const long before = worker_sleeps();
  EXPECT_GT(before, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(worker_sleeps(), before);
}

std::string dig(const Server& server, const std::string& arguments) {
  const std::string command =
      fmt::format("dig @127.0.0.1 -p {} +time=2 +tries=1 {} 2>&1", server.port(), arguments);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string out;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    out.append(buffer.data(), got);
  return out;
}

TEST(ServerDig, Row172TheConformanceQueries) {
  struct stat found {};
  if (::stat("/usr/bin/dig", &found) != 0) GTEST_SKIP() << "dig is not installed";
  const auto server = start();
  for (const std::string transport : {"+notcp", "+tcp"}) {
    const auto brief = [&](const std::string& what) { return dig(*server, transport + " +short " + what); };
    EXPECT_EQ(brief(kWeb), "10.96.0.20\n");
    EXPECT_EQ(brief(kWeb + " AAAA"), "");
    EXPECT_EQ(brief("_http._tcp." + kWeb + " SRV"), "0 100 80 " + kWeb + ".\n");
    EXPECT_EQ(brief("-x 10.96.0.20"), kWeb + ".\n");
    EXPECT_EQ(brief("-x 10.244.0.11"), "db-0.db.prod.svc.cluster.local.\n");
    EXPECT_EQ(brief("ext.prod.svc.cluster.local CNAME"), "www.example.com.\n");
    EXPECT_EQ(brief("dns-version.cluster.local TXT"), "\"1.1.0\"\n");
    const std::string search = "+search +domain=prod.svc.cluster.local ";
    EXPECT_EQ(brief(search + "web"), "10.96.0.20\n");
    EXPECT_NE(dig(*server, transport + " nosvc.prod.svc.cluster.local").find("NXDOMAIN"), std::string::npos);
    EXPECT_EQ(dig(*server, transport + " " + kWeb).find("recursion requested"), std::string::npos);
  }
  // Truncation makes dig repeat over TCP by itself.
  const std::string big = dig(*server, "+short +noedns big.prod.svc.cluster.local");
  EXPECT_EQ(std::count(big.begin(), big.end(), '\n'), 200);
}

}  // namespace
}  // namespace minik::dns
