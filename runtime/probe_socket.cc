#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/ip.h"
#include "base/netns.h"
#include "runtime/probe_attempt.h"

namespace minik::runtime {
namespace {

constexpr std::size_t kAnswerMax = 10 * 1024;

socklen_t socket_address(const Ip& ip, int port, sockaddr_storage& out) {
  if (ip.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v4.sin_addr, ip.bytes().data(), 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  std::memcpy(&v6.sin6_addr, ip.bytes().data(), 16);
  return sizeof v6;
}

SSL_CTX* tls_context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_verify(made, SSL_VERIFY_NONE, nullptr);
    return made;
  }();
  return context;
}

class SocketAttempt final : public ProbeAttempt {
 public:
  SocketAttempt(EventLoop& loop, SocketProbe probe, Done done)
      : loop_(loop), probe_(std::move(probe)), done_(std::move(done)), tls_(nullptr, ::SSL_free) {
    address_ = host_and_port(probe_.ip, probe_.port);
    timer_ = loop_.after(probe_.timeout, [this] { timed_out(); });
    loop_start_ = loop_.after(Millis(0), [this] { connect(); });
  }
  ~SocketAttempt() override { stop(); }

 private:
  enum class Step : std::uint8_t { kConnecting, kHandshake, kSending, kReading };

  void stop() {
    loop_.cancel(timer_);
    loop_.cancel(loop_start_);
    if (socket_.valid()) loop_.remove(socket_.get());
    tls_.reset();
    socket_.reset();
  }

  // The last thing a function does: the owner may destroy this.
  void finish(bool good, const std::string& text) {
    stop();
    const Done done = std::move(done_);
    done({good, text});
  }

  void fail(const std::string& text) {
    finish(false, probe_.http ? "Get \"" + probe_.http->url + "\": " + text : text);
  }

  void timed_out() {
    if (probe_.http) return finish(false, http_timeout(*probe_.http));
    finish(false, dial_timeout(address_));
  }

  void connect() {
    const auto ip = Ip::parse(probe_.ip);
    if (!ip.ok()) return fail("dial tcp: lookup " + probe_.ip + ": no such host");
    sockaddr_storage address{};
    const socklen_t size = socket_address(*ip, probe_.port, address);
    const auto opened = in_netns(probe_.netns, [&]() -> Result<> {
      socket_.reset(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      return socket_.valid() ? Result<>() : Error::from_errno(errno, "socket");
    });
    if (!opened.ok()) return fail(opened.error().message());
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 && errno != EINPROGRESS) {
      return fail(dial_error(address_, errno));
    }
    const auto added = loop_.add(socket_.get(), EPOLLOUT, [this](std::uint32_t) { advance(); });
    if (!added.ok()) fail(added.error().message());
  }

  void advance() {
    switch (step_) {
      case Step::kConnecting:
        return connected();
      case Step::kHandshake:
        return handshake();
      case Step::kSending:
        return send();
      case Step::kReading:
        return read();
    }
  }

  void connected() {
    int err = 0;
    socklen_t size = sizeof err;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &err, &size);
    if (err != 0) return fail(dial_error(address_, err));
    if (!probe_.http) return finish(true, "");
    if (!probe_.tls) return send();
    tls_.reset(::SSL_new(tls_context()));
    ::SSL_set_fd(tls_.get(), socket_.get());
    handshake();
  }

  void wait_for(std::uint32_t events, Step step) {
    step_ = step;
    if (auto changed = loop_.change(socket_.get(), events); !changed.ok()) fail(changed.error().message());
  }

  // Whether OpenSSL only waits for the socket.
  bool tls_waits(int result, Step step) {
    const int why = ::SSL_get_error(tls_.get(), result);
    if (why == SSL_ERROR_WANT_READ)
      wait_for(EPOLLIN, step);
    else if (why == SSL_ERROR_WANT_WRITE)
      wait_for(EPOLLOUT, step);
    else
      return false;
    return true;
  }

  void handshake() {
    const int result = ::SSL_connect(tls_.get());
    if (result == 1) return send();
    if (!tls_waits(result, Step::kHandshake)) fail("remote error: tls: handshake failure");
  }

  void send() {
    const std::string& request = probe_.http->request;
    const char* rest = request.data() + sent_;
    const std::size_t size = request.size() - sent_;
    const ssize_t sent = tls_ ? ::SSL_write(tls_.get(), rest, static_cast<int>(size))
                              : ::send(socket_.get(), rest, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      if (tls_ && tls_waits(static_cast<int>(sent), Step::kSending)) return;
      if (!tls_ && errno == EAGAIN) return wait_for(EPOLLOUT, Step::kSending);
      return fail("write: connection reset by peer");
    }
    sent_ += static_cast<std::size_t>(sent);
    wait_for(sent_ == request.size() ? EPOLLIN : EPOLLOUT,
             sent_ == request.size() ? Step::kReading : Step::kSending);
  }

  void read() {
    std::array<char, kAnswerMax> chunk;
    const ssize_t got = tls_ ? ::SSL_read(tls_.get(), chunk.data(), static_cast<int>(chunk.size()))
                             : ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (got <= 0) {
      if (tls_ && tls_waits(static_cast<int>(got), Step::kReading)) return;
      if (!tls_ && got < 0 && errno == EAGAIN) return;
      return fail(got < 0 && !tls_ ? "read: " + std::string(std::strerror(errno)) : "EOF");
    }
    answer_.append(chunk.data(), static_cast<std::size_t>(got));
    if (const auto result = judge_http(answer_)) return finish(result->good, result->text);
    if (answer_.size() > kAnswerMax) fail("malformed HTTP response");
  }

  EventLoop& loop_;
  SocketProbe probe_;
  Done done_;
  std::string address_, answer_;
  UniqueFd socket_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> tls_;
  Step step_ = Step::kConnecting;
  std::size_t sent_ = 0;
  EventLoop::TimerId timer_ = 0, loop_start_ = 0;
};

}  // namespace

std::unique_ptr<ProbeAttempt> probe_socket(EventLoop& loop, const SocketProbe& probe,
                                           ProbeAttempt::Done done) {
  return std::make_unique<SocketAttempt>(loop, probe, std::move(done));
}

}  // namespace minik::runtime
