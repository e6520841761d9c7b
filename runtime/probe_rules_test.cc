#include "runtime/probe_rules.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "base/event_loop.h"
#include "runtime/probe_attempt.h"

namespace minik::runtime {
namespace {

TEST(ProbeTally, ThresholdsCountInARow) {
  ProbeTally tally(2, 3);
  EXPECT_EQ(tally.add(true), std::nullopt);
  EXPECT_EQ(tally.add(true), true);
  EXPECT_EQ(tally.add(false), std::nullopt);
  EXPECT_EQ(tally.add(false), std::nullopt);
  EXPECT_EQ(tally.add(true), std::nullopt);
  EXPECT_EQ(tally.add(false), std::nullopt);
  EXPECT_EQ(tally.add(false), std::nullopt);
  EXPECT_EQ(tally.add(false), false);
}

TEST(HttpProbe, RequestAsTheKubeletSendsIt) {
  api::Probe probe;
  probe.path = "/healthz?x=1";
  probe.headers = {{"X-A", "b"}, {"Host", "web"}};
  const HttpTarget target = http_target(probe, "10.0.0.5", 8080, "1.33");
  EXPECT_EQ(target.url, "http://10.0.0.5:8080/healthz?x=1");
  EXPECT_EQ(
      target.request,
      "GET /healthz?x=1 HTTP/1.1\r\nHost: web\r\nUser-Agent: kube-probe/1.33\r\nAccept: */*\r\nX-A: b\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(http_target(probe, "fd00::1", 80, "1.33").url, "http://[fd00::1]:80/healthz?x=1");
}

TEST(HttpProbe, JudgesByTheStatusLine) {
  EXPECT_FALSE(judge_http("HTTP/1.1 20").has_value());
  EXPECT_TRUE(judge_http("HTTP/1.1 204 No Content\r\n")->good);
  EXPECT_TRUE(judge_http("HTTP/1.0 302 Found\r\n")->good);
  EXPECT_EQ(judge_http("HTTP/1.1 500 No\r\n")->text, "HTTP probe failed with statuscode: 500");
  EXPECT_FALSE(judge_http("hello\n")->good);
}

// Answers one connection with `answer`; empty: accepts nothing.
class Server {
 public:
  explicit Server(std::string answer) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 4), 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (answer.empty()) return;
    thread_ = std::thread([this, answer] {
      const UniqueFd peer(::accept(socket_.get(), nullptr, nullptr));
      char request[1024];
      [[maybe_unused]] const auto got = ::recv(peer.get(), request, sizeof request, 0);
      [[maybe_unused]] const auto sent = ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  ~Server() {
    if (thread_.joinable()) thread_.join();
  }
  int port() const { return port_; }
  void close() { socket_.reset(); }

 private:
  UniqueFd socket_;
  int port_ = 0;
  std::thread thread_;
};

ProbeResult attempt(int port, bool http, Millis timeout = Millis(2000)) {
  EventLoop loop;
  SocketProbe probe{"127.0.0.1", "", port, timeout, std::nullopt, false};
  if (http) probe.http = http_target({}, "127.0.0.1", port, "1.33");
  std::optional<ProbeResult> result;
  const auto running = probe_socket(loop, probe, [&](ProbeResult r) { result = std::move(r); });
  while (!result) loop.run_once(Millis(100));
  return *result;
}

TEST(SocketProbe, HttpAndTcpOverLoopback) {
  Server good("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(attempt(good.port(), true).good);
  Server bad("HTTP/1.1 503 No\r\n\r\n");
  EXPECT_EQ(attempt(bad.port(), true).text, "HTTP probe failed with statuscode: 503");
  Server silent("");
  EXPECT_TRUE(attempt(silent.port(), false).good);
  const std::string at = "127.0.0.1:" + std::to_string(silent.port());
  EXPECT_EQ(attempt(silent.port(), true, Millis(50)).text,
            "Get \"http://" + at +
                "/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  silent.close();
  EXPECT_EQ(attempt(silent.port(), false).text, "dial tcp " + at + ": connect: connection refused");
  EXPECT_EQ(attempt(silent.port(), true).text,
            "Get \"http://" + at + "/\": dial tcp " + at + ": connect: connection refused");
}

}  // namespace
}  // namespace minik::runtime
