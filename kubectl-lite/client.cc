#include "kubectl-lite/client.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/rand.h>
#include <poll.h>

#include "base/files.h"
#include "base/limits.h"
#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/tls.h"
#include "kubectl-lite/websocket_client.h"

namespace minik::kubectl {
namespace {

constexpr std::chrono::seconds kConnectTimeout{10};
constexpr std::chrono::hours kForever{24 * 365};  // cpp-httplib has no "no timeout".

// Warning: 299 - "text", with \" and \\ inside (RFC 7234 section 5.5).
std::string warning_text(const std::string& header) {
  const auto open = header.find('"');
  if (open == std::string::npos) return header;
  std::string text;
  for (std::size_t i = open + 1; i < header.size() && header[i] != '"'; ++i) {
    if (header[i] == '\\' && i + 1 < header.size()) ++i;
    text += header[i];
  }
  return text;
}

class HttpApi final : public Api {
 public:
  HttpApi(ClusterAccess access, std::chrono::milliseconds timeout)
      : access_(std::move(access)), timeout_(timeout), http_(access_.host, access_.port) {}

  Result<> configure() {
    TRY(configure_tls(http_.ssl_context(), access_, &refused_));
    http_.enable_server_certificate_verification(
        false);  // OpenSSL does it during the handshake: configure_tls.
    http_.set_keep_alive(true);
    http_.set_tcp_nodelay(true);
    http_.set_url_encode(false);
    http_.set_connection_timeout(kConnectTimeout);
    if (timeout_.count() > 0) {
      http_.set_read_timeout(timeout_);
      http_.set_write_timeout(timeout_);
    } else {
      http_.set_read_timeout(kForever);
      http_.set_write_timeout(kForever);
    }
    return {};
  }

  Result<Reply> send(const Call& call) override {
    const auto answer = http_.send(request_of(call));
    if (!answer) return failure(answer.error());
    Reply reply{answer->status, answer->body, {}};
    const auto [first, last] = answer->headers.equal_range("Warning");
    for (auto it = first; it != last; ++it) reply.warnings.push_back(warning_text(it->second));
    return reply;
  }

  Result<> stream(const Call& call, const std::function<bool(std::string_view)>& take) override {
    httplib::Request request = request_of(call);
    int status = 0;
    bool stopped = false;
    std::string refusal;
    request.response_handler = [&](const httplib::Response& response) {
      status = response.status;
      return true;
    };
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      if (status < 200 || status >= 300) {
        if (refusal.size() < kRequestBodyMax) refusal.append(data, size);
        return true;
      }
      stopped = !take({data, size});
      return !stopped;
    };
    const auto answer = http_.send(request);
    if (status != 0 && (status < 200 || status >= 300)) return server_error(status, refusal);
    // --request-timeout ends a stream that has begun; that is no failure.
    const bool time_over = status != 0 && timeout_.count() > 0;
    if (!answer && !stopped && !time_over) return failure(answer.error());
    return {};
  }

  Result<std::unique_ptr<Duplex>> upgrade(const Call& call, const std::string& protocol,
                                          std::string& early) override {
    auto socket = TRY(open_tls(access_, kConnectTimeout));
    std::string nonce(16, '\0');
    RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size()));
    const std::string key = base64(nonce);
    std::string request = upgrade_request(call.target(), access_.address(), protocol, key, access_.token);
    TRY(socket->write_some(request));
    const UpgradeAnswer answer = TRY(read_answer(*socket, early));
    if (answer.status != 101) return server_error(answer.status, early.substr(answer.head_size));
    if (answer.accept != accept_of(key) || answer.protocol != protocol) {
      return failed("unable to upgrade connection: the server does not speak " + protocol);
    }
    early.erase(0, answer.head_size);
    return socket;
  }

 private:
  httplib::Request request_of(const Call& call) const {
    httplib::Request request;
    request.method = call.method;
    request.path = call.target();
    request.set_header("Accept", call.accept);
    request.set_header("User-Agent", "minik");
    if (!access_.token.empty()) request.set_header("Authorization", "Bearer " + access_.token);
    if (!call.body.empty()) {
      request.body = call.body;
      request.set_header("Content-Type", call.content_type);
    }
    return request;
  }

  Error failure(httplib::Error why) const {
    const auto unable = [](std::string_view text) {
      return Error(Code::kUnavailable, fmt::format("Unable to connect to the server: {}", text));
    };
    switch (why) {
      case httplib::Error::Connection:
        return connection_refused(access_);
      case httplib::Error::ConnectionTimeout:
        return unable(fmt::format("dial tcp {}: i/o timeout", access_.address()));
      case httplib::Error::SSLConnection:
        return refused_.empty() ? unable("tls: handshake failure") : certificate_refused(refused_);
      case httplib::Error::Read:
        return timeout_.count() > 0
                   ? unable("net/http: request canceled (Client.Timeout exceeded while awaiting headers)")
                   : unable("EOF");
      default:
        return unable(lower(httplib::to_string(why)));
    }
  }

  // Reads until the head, and the body of a refusal, are all there.
  static Result<UpgradeAnswer> read_answer(Duplex& socket, std::string& bytes) {
    for (bool open = true; true;) {
      const auto answer = parse_upgrade_answer(bytes);
      const bool whole =
          answer && (answer->status == 101 || bytes.size() >= answer->head_size + answer->content_length);
      if (whole) return *answer;
      if (!open) return failed("unable to upgrade connection: the server closed it");
      pollfd p{socket.fd(), POLLIN, 0};
      if (::poll(&p, 1, -1) > 0) open = TRY(socket.read_some(bytes));
    }
  }

  ClusterAccess access_;
  std::chrono::milliseconds timeout_;
  std::string refused_;
  httplib::SSLClient http_;
};

}  // namespace

std::string Call::target() const {
  std::string text = path;
  char between = '?';
  for (const auto& [name, value] : query) {
    text += between + percent_encode(name) + "=" + percent_encode(value);
    between = '&';
  }
  return text;
}

Result<std::unique_ptr<Api>> connect_api(ClusterAccess access, std::chrono::milliseconds timeout) {
  auto api = std::make_unique<HttpApi>(std::move(access), timeout);
  TRY(api->configure());
  return std::unique_ptr<Api>(std::move(api));
}

}  // namespace minik::kubectl
