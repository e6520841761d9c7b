#include "apiserver/proxy.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "apiserver/link.h"
#include "apiserver/proxy_target.h"
#include "apiserver/upgrade.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr int kDialMs = 30'000;
constexpr int kChunk = 32 * 1024;
constexpr std::size_t kHeadMax = 64 * 1024;

// What concerns only one connection (RFC 9110 section 7.6.1).  The body's framing stays: its bytes pass as
// they are.
void remove_hop_by_hop(HttpHead& head) {
  for (const auto& token : split(head.header("connection"), ',')) {
    const std::string name = lower(trim(token));
    if (name != "transfer-encoding") head.remove(name);
  }
  for (const char* name : {"connection", "keep-alive", "proxy-connection", "proxy-authenticate",
                           "proxy-authorization", "te", "upgrade"}) {
    head.remove(name);
  }
}

std::string request_head(const Request& request, const HttpHead& from, const std::string& rest) {
  HttpHead head = from;
  const bool upgrade = head.has("upgrade");
  const std::string wanted = head.header("upgrade");
  remove_hop_by_hop(head);
  head.remove("authorization");  // It was for us.
  head.set("Connection", upgrade ? "Upgrade" : "close");
  if (upgrade) head.set("Upgrade", wanted);
  head.set("X-Forwarded-Host", request.host);
  head.set("X-Forwarded-Proto", "https");
  head.set("X-Forwarded-Uri", request.path);
  const std::string target = from.word(1);
  const auto query = target.find('?');
  head.first_line = request.method + " " + (rest.empty() ? "/" : rest) +
                    (query == std::string::npos ? "" : target.substr(query)) + " HTTP/1.1";
  return head.text();
}

// One request on its way.
class Passage {
 public:
  Passage(Connection& connection, UniqueFd backend, const HttpHead& head, std::string host,
          std::string prefix)
      : connection_(connection),
        backend_(std::move(backend)),
        body_(head),
        upgrade_(head.has("upgrade")),
        host_(std::move(host)),
        prefix_(std::move(prefix)) {}

  void run(std::string head, std::string_view early) {
    to_backend_ = std::move(head);
    take_from_client(early);
    while (step()) continue;
  }

 private:
  // All of the client's bytes that belong to this request.
  void take_from_client(std::string_view bytes) {
    to_backend_ += raw_ ? bytes : bytes.substr(0, body_.take(bytes));
  }

  bool step() {
    const bool hear_client = to_backend_.size() < kQueuedMax && (raw_ || !body_.done());
    const bool hear_backend = !backend_ended_ && to_client_.size() < kQueuedMax;
    const int client = (hear_client ? POLLIN : POLLRDHUP) | (to_client_.empty() ? 0 : POLLOUT);
    const int backend = (hear_backend ? POLLIN : 0) | (to_backend_.empty() ? 0 : POLLOUT);
    pollfd fds[] = {{connection_.fd(), static_cast<short>(client), 0},
                    {backend == 0 ? -1 : backend_.get(), static_cast<short>(backend), 0}};
    if (::poll(fds, 2, hear_client && connection_.pending() ? 0 : -1) < 0) return errno == EINTR;
    if (!hear_client && (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return false;
    if (hear_client && (fds[0].revents != 0 || connection_.pending()) && !read_client()) return false;
    if (fds[1].revents != 0) talk_to_backend(hear_backend);
    if (!write_client()) return false;
    return !(backend_ended_ && to_client_.empty());
  }

  bool read_client() {
    std::array<char, kChunk> chunk;
    const long got = connection_.read_some(chunk.data(), chunk.size());
    if (got == Connection::kWait) return true;
    if (got <= 0) return false;
    take_from_client({chunk.data(), static_cast<std::size_t>(got)});
    return true;
  }

  void talk_to_backend(bool reading) {
    while (!to_backend_.empty()) {
      const ssize_t put = ::send(backend_.get(), to_backend_.data(), to_backend_.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno != EAGAIN) to_backend_.clear();  // It may have answered nevertheless.
      if (put < 0) break;
      to_backend_.erase(0, static_cast<std::size_t>(put));
    }
    if (!reading) return;
    std::array<char, kChunk> chunk;
    const ssize_t got = ::recv(backend_.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      backend_ended_ = true;
      if (!answered_) to_client_ += bad_gateway();
      return;
    }
    take_from_backend({chunk.data(), static_cast<std::size_t>(got)});
  }

  static std::string bad_gateway() {
    constexpr std::string_view kText = "error trying to reach service: EOF\n";
    return fmt::format(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        kText.size(), kText);
  }

  void take_from_backend(std::string_view bytes) {
    if (answered_) {
      to_client_ += bytes;
      return;
    }
    answer_ += bytes;
    for (auto end = answer_.find("\r\n\r\n"); end != std::string::npos; end = answer_.find("\r\n\r\n")) {
      const std::string text = answer_.substr(0, end + 4);
      answer_.erase(0, end + 4);
      if (take_head(parse_http_head(text))) break;
    }
    if (answered_) {
      to_client_ += answer_;
      answer_.clear();
    } else if (answer_.size() > kHeadMax) {
      backend_ended_ = answered_ = true;
      to_client_ += bad_gateway();
    }
  }

  // True for the head of the answer proper.
  bool take_head(HttpHead head) {
    const std::string status = head.word(1);
    if (status == "101" && upgrade_) {
      raw_ = true;
    } else if (status.starts_with("1")) {
      to_client_ += head.text();
      return false;
    } else {
      remove_hop_by_hop(head);
      head.set("Connection", "close");
      if (const std::string location = head.header("location"); !location.empty())
        head.set("Location", rewrite_location(location, host_, prefix_));
    }
    answered_ = true;
    to_client_ += head.text();
    return true;
  }

  bool write_client() {
    while (!to_client_.empty()) {
      const long put = connection_.write_some(to_client_);
      if (put == Connection::kWait) return true;
      if (put <= 0) return false;
      to_client_.erase(0, static_cast<std::size_t>(put));
    }
    return true;
  }

  Connection& connection_;
  UniqueFd backend_;
  BodyMeter body_;
  bool upgrade_, raw_ = false, answered_ = false, backend_ended_ = false;
  std::string host_, prefix_;
  std::string to_backend_, to_client_, answer_;
};

Result<UniqueFd> reach(PodBackend& pods, const ProxyTarget& target) {
  const auto unreachable = [&](const std::string& why) {
    const std::string ip = target.address.is_v4() ? target.address.text() : "[" + target.address.text() + "]";
    return Error(Code::kUnavailable,
                 fmt::format("error trying to reach service: dial tcp {}:{}: {}", ip, target.port, why));
  };
  auto socket = pods.dial(nullptr, target.address, target.port);
  if (!socket.ok()) return unreachable(socket.error().message());
  pollfd wait{socket->get(), POLLOUT, 0};
  if (::poll(&wait, 1, kDialMs) <= 0) return unreachable("i/o timeout");
  int trouble = 0;
  socklen_t size = sizeof trouble;
  ::getsockopt(socket->get(), SOL_SOCKET, SO_ERROR, &trouble, &size);
  if (trouble != 0) return unreachable("connect: " + lower(std::strerror(trouble)));
  return socket;
}

}  // namespace

void serve_proxy(Handler& handler, Connection& connection, const Request& request, const Route& route,
                 const HttpHead& head, std::string_view early) {
  const auto [prefix, rest] = split_proxy_path(request.path);
  if (rest.empty() && !head.has("upgrade")) {
    const std::string target = head.word(1);
    const auto query = target.find('?');
    connection.write(
        fmt::format("HTTP/1.1 301 Moved Permanently\r\nLocation: {}/{}\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n",
                    request.path, query == std::string::npos ? "" : target.substr(query)));
    return;
  }
  const auto target = proxy_target(*handler.objects(), route);
  if (!target.ok()) return refuse(connection, target.error());
  if (target->https) return refuse(connection, Error(Code::kUnavailable, "https backends are not spoken to"));
  auto backend = reach(handler.pods(), *target);
  if (!backend.ok()) return refuse(connection, backend.error());
  Passage(connection, *std::move(backend), head, request.host, prefix)
      .run(request_head(request, head, rest), early);
}

}  // namespace minik::apiserver
