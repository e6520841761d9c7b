#include "apiserver/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <limits>
#include <list>
#include <mutex>
#include <thread>

#include "apiserver/connection.h"
#include "apiserver/status.h"
#include "apiserver/upgrade.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr int kHandshakeSeconds = 10;
constexpr int kIdleSeconds = 90;               // A kept-alive connection without a request.
constexpr int kReadSeconds = 30;               // Between two bytes of a request.
constexpr int kWriteSeconds = 30;              // A client that reads nothing.
constexpr std::size_t kGzipOver = 128 * 1024;  // Smaller answers are not worth it; upstream's bound.
constexpr std::size_t kHeadMax = 64 * 1024;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

bool wait_for(int fd, short events, Millis timeout) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, static_cast<int>(timeout.count())) > 0;
}

// TLS over a non-blocking socket, as httplib's Stream and as our Connection.  Bytes that were peeked come
// first.
class TlsStream final : public httplib::Stream, public Connection {
 public:
  TlsStream(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}

  bool accept() {
    return drive([&] { return SSL_accept(ssl_); }, kHandshakeSeconds) == 1;
  }

  // Reads until the blank line after the request's head is in the buffer; false when the client is gone or
  // idle.
  bool fill_head() {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (buffer_.size() > kHeadMax) return true;  // httplib answers that it is too long.
      char chunk[8192];
      const int limit = buffer_.empty() ? kIdleSeconds : kReadSeconds;
      const int got = drive([&] { return SSL_read(ssl_, chunk, sizeof chunk); }, limit);
      if (got <= 0) return false;
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
    return true;
  }
  const std::string& head() const { return buffer_; }

  // httplib::Stream
  bool is_readable() const override {
    return !buffer_.empty() || SSL_pending(ssl_) > 0 || wait_for(fd_, POLLIN, Millis(kReadSeconds * 1000));
  }
  bool is_writable() const override { return alive(); }
  ssize_t read(char* into, std::size_t size) override {
    if (!buffer_.empty()) {
      const std::size_t n = std::min(size, buffer_.size());
      std::copy_n(buffer_.begin(), n, into);
      buffer_.erase(0, n);
      return static_cast<ssize_t>(n);
    }
    return drive([&] { return SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(size, 1 << 30))); },
                 kReadSeconds);
  }
  ssize_t write(const char* from, std::size_t size) override {
    const std::lock_guard lock(write_mutex_);
    std::size_t done = 0;
    while (done < size) {
      const int n = drive(
          [&] {
            return SSL_write(ssl_, from + done,
                             static_cast<int>(std::min<std::size_t>(size - done, 1 << 30)));
          },
          kWriteSeconds);
      if (n <= 0) return -1;
      done += static_cast<std::size_t>(n);
    }
    return static_cast<ssize_t>(done);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return fd_; }

  // Connection
  bool write(std::string_view bytes) override {
    return write(bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  bool readable(Millis timeout) override {
    return !buffer_.empty() || SSL_pending(ssl_) > 0 || wait_for(fd_, POLLIN, timeout);
  }

  long read_some(char* into, std::size_t size) override {
    if (!buffer_.empty()) return read(into, size);
    return once([&] { return SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(size, 1 << 30))); });
  }
  long write_some(std::string_view bytes) override {
    return once([&] {
      return SSL_write(ssl_, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 30)));
    });
  }
  int fd() const override { return fd_; }
  bool pending() const override { return !buffer_.empty() || SSL_pending(ssl_) > 0; }

  // The peer has not closed.  Its TLS good-bye may still lie unread, so only the socket can tell.
  bool alive() const { return !wait_for(fd_, POLLRDHUP, Millis(0)); }

 private:
  // One OpenSSL call that does not wait.
  template <class Call>
  long once(Call&& call) {
    const std::lock_guard lock(ssl_mutex_);
    ERR_clear_error();
    const int result = call();
    if (result > 0) return result;
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return kWait;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }

  // Repeats an OpenSSL call until it is through, failed, or `seconds` passed without progress.
  template <class Call>
  int drive(Call&& call, int seconds) {
    for (;;) {
      int result = 0, error = 0;
      {
        const std::lock_guard lock(ssl_mutex_);
        ERR_clear_error();
        result = call();
        error = SSL_get_error(ssl_, result);
      }
      if (result > 0) return result;
      if (error == SSL_ERROR_ZERO_RETURN) return 0;
      const short events = error == SSL_ERROR_WANT_READ    ? POLLIN
                           : error == SSL_ERROR_WANT_WRITE ? POLLOUT
                                                           : 0;
      if (events == 0 || !wait_for(fd_, events, Millis(seconds * 1000))) return -1;
    }
  }

  int fd_;
  SSL* ssl_;
  std::string buffer_;
  std::mutex ssl_mutex_, write_mutex_;
};

std::optional<User> user_of(SSL* ssl) {
  X509* cert = SSL_get0_peer_certificate(ssl);
  if (cert == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  User user;
  X509_NAME* name = X509_get_subject_name(cert);
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    const ASN1_STRING* data = X509_NAME_ENTRY_get_data(entry);
    std::string value(reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
                      static_cast<std::size_t>(ASN1_STRING_length(data)));
    if (nid == NID_commonName)
      user.name = std::move(value);
    else if (nid == NID_organizationName)
      user.groups.push_back(std::move(value));
  }
  return user;
}

Request request_of(const httplib::Request& from, std::optional<User> user) {
  Request request;
  request.method = from.method;
  request.path = from.target.substr(0, from.target.find('?'));
  request.body = from.body;
  request.content_type = from.get_header_value("Content-Type");
  request.accept = from.get_header_value("Accept");
  request.host = from.get_header_value("Host");
  request.user_agent = from.get_header_value("User-Agent");
  request.user = std::move(user);
  for (const auto& [name, value] : from.headers) request.credentials.take(name, value);
  for (const auto& [name, value] : from.headers) request.headers.emplace(lower(name), value);
  if (const auto at = from.target.find('?'); at != std::string::npos)
    request.query = parse_query(from.target.substr(at + 1));
  return request;
}

std::string quoted(const std::string& text) {
  return replace_all(replace_all(text, "\\", "\\\\"), "\"", "\\\"");
}

void respond(Response&& from, httplib::Response& to, bool may_gzip) {
  to.status = from.status;
  for (const auto& [name, value] : from.headers) to.set_header(name, value);
  for (const auto& warning : from.warnings)
    to.set_header("Warning", fmt::format("299 - \"{}\"", quoted(warning)));
  if (!from.stream) {
    if (may_gzip && from.body.size() > kGzipOver) {
      if (auto packed = gzip(from.body)) {
        from.body = *std::move(packed);
        to.set_header("Content-Encoding", "gzip");
        to.set_header("Vary", "Accept-Encoding");
      }
    }
    to.set_content(std::move(from.body), from.content_type);
    return;
  }
  auto stream = std::move(from.stream);
  to.set_chunked_content_provider(from.content_type, [stream](std::size_t, httplib::DataSink& sink) {
    stream([&](std::string_view piece) {
      if (piece.empty()) return sink.is_writable();
      return sink.is_writable() && sink.write(piece.data(), piece.size());
    });
    sink.done();
    return true;
  });
}

// httplib's server without its sockets: one request from a Stream to a Stream.
class Engine final : public httplib::Server {
 public:
  explicit Engine(apiserver::Handler& handler) {
    svr_sock_ = 0;  // httplib ends every stream of a server that it takes for stopped.
    set_payload_max_length(kRequestBodyMax + 1);
    set_tcp_nodelay(true);
    set_keep_alive_max_count(std::numeric_limits<int>::max());
    set_keep_alive_timeout(kIdleSeconds);
    // Every request is answered here, before httplib's own routing; bodies were read by then.
    const auto answer = [&handler](const httplib::Request& from, httplib::Response& to) {
      respond(handler.handle(request_of(from, current().user)), to, current().gzip);
    };
    Get(".*", answer);
    Post(".*", answer);
    Put(".*", answer);
    Patch(".*", answer);
    Delete(".*", answer);
    Options(".*", answer);
    set_exception_handler([](const httplib::Request& from, httplib::Response& to, std::exception_ptr) {
      log_error("apiserver", "{} {}: the handler threw", from.method, from.path);
      Response response;
      response.status = 500;
      response.body = to_text(status_json(Error(Code::kInternal, "internal error"), {}));
      respond(std::move(response), to, false);
    });
    set_error_handler([](const httplib::Request&, httplib::Response& to) {
      if (!to.body.empty() || to.content_provider_) return;
      const Error error = to.status == 413
                              ? Error(Code::kTooLarge, "Request entity too large: limit is 3145728")
                              : Error(Code::kInvalid, "the server could not understand the request");
      Json status = status_json(error, {});
      status["code"] = to.status;
      to.set_content(to_text(status), "application/json");
    });
  }

  void end_streams() { svr_sock_ = INVALID_SOCKET; }

  // Answers one request; false when the connection is to be closed.
  bool one(httplib::Stream& stream, const std::optional<User>& user) {
    current().user = user;
    bool closed = false;
    // httplib's own compression would hold back the events of a stream.
    const auto plain = [](httplib::Request& request) {
      current().gzip = accepts_gzip(request.get_header_value("Accept-Encoding"));
      request.headers.erase("Accept-Encoding");
    };
    const bool ok = process_request(stream, false, closed, plain);
    return ok && !closed;
  }

 private:
  // What the request's answer depends on beside httplib's request.
  struct Current {
    std::optional<User> user;
    bool gzip = false;
  };
  static Current& current() {
    thread_local Current current;
    return current;
  }
};

// What is needed to know whether an upgrade may be: who asks for what.
Request upgrade_request(const std::string& head, const std::optional<User>& user) {
  Request request;
  request.user = user;
  const auto lines = split(std::string_view(head).substr(0, head.find("\r\n\r\n")), '\n');
  const auto words = split_words(lines[0]);
  if (words.size() >= 2) {
    request.method = words[0];
    request.path = words[1].substr(0, words[1].find('?'));
  }
  for (const auto& line : lines) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    request.credentials.take(std::string(trim(std::string_view(line).substr(0, colon))),
                             std::string(trim(std::string_view(line).substr(colon + 1))));
  }
  return request;
}

class TlsServer final : public HttpServer {
 public:
  explicit TlsServer(Handler& handler) : handler_(handler), engine_(handler) {}
  ~TlsServer() override { stop(); }

  Result<> prepare(const Pki& pki) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    const auto bio = [](const std::string& text) {
      return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
    };
    BIO* parts[] = {bio(pki.server_cert), bio(pki.server_key), bio(pki.ca_cert)};
    X509* cert = PEM_read_bio_X509(parts[0], nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(parts[1], nullptr, nullptr, nullptr);
    X509* ca = PEM_read_bio_X509(parts[2], nullptr, nullptr, nullptr);
    const bool good = cert != nullptr && key != nullptr && ca != nullptr &&
                      SSL_CTX_use_certificate(context, cert) == 1 &&
                      SSL_CTX_use_PrivateKey(context, key) == 1 &&
                      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1 &&
                      SSL_CTX_add_client_CA(context, ca) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    X509_free(ca);
    for (BIO* part : parts) BIO_free(part);
    if (!good) return Error(Code::kInternal, "the server's certificate or key is not usable");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);  // Asked for, not demanded: /livez is open.
    return {};
  }

  Result<> serve(UniqueFd listener) override {
    const int fd = listener.get();
    const std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
    acceptors_.emplace_back([this, fd] { accept_loop(fd); });
    return {};
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_.exchange(true)) return;
      engine_.end_streams();
      for (auto& listener : listeners_) ::shutdown(listener.get(), SHUT_RDWR);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& acceptor : acceptors_) acceptor.join();
    std::unique_lock lock(mutex_);
    none_left_.wait(lock, [&] { return open_.empty(); });
    listeners_.clear();
  }

 private:
  void accept_loop(int listener) {
    while (!stopping_) {
      UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) {
        if (stopping_ || errno == EBADF || errno == EINVAL) return;
        if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(Millis(50));
        continue;
      }
      const int one = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::lock_guard lock(mutex_);
      if (stopping_ || open_.size() >= kConnectionsMax) continue;  // Closed at once: the client tries again.
      open_.push_back(fd.get());
      std::thread([this, raw = fd.release()] { connection(UniqueFd(raw)); }).detach();
    }
  }

  void connection(UniqueFd fd) {
    {
      const std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context_.get()));
      SSL_set_fd(ssl.get(), fd.get());
      TlsStream stream(fd.get(), ssl.get());
      if (stream.accept()) {
        converse(stream, user_of(ssl.get()));
        SSL_shutdown(ssl.get());
      }
    }
    const std::lock_guard lock(mutex_);
    open_.remove(fd.get());
    fd.reset();
    none_left_.notify_all();
  }

  void converse(TlsStream& stream, const std::optional<User>& user) {
    while (!stopping_ && stream.fill_head()) {
      if (auto framing = check_framing(stream.head(), body_limit(stream.head())); !framing.ok())
        return refuse(stream, framing.error());
      if (asks_for_stream(stream.head())) {
        Request asked = upgrade_request(stream.head(), user);
        if (auto admitted = handler_.admit(asked); !admitted.ok()) return refuse(stream, admitted.error());
        return serve_stream(handler_, stream, stream.head(), asked.user);
      }
      if (!engine_.one(stream, user)) return;
    }
  }

  Handler& handler_;
  Engine engine_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::vector<UniqueFd> listeners_;
  std::vector<std::thread> acceptors_;
  std::list<int> open_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::make(Handler& handler, const Pki& pki) {
  auto server = std::make_unique<TlsServer>(handler);
  TRY(server->prepare(pki));
  return std::unique_ptr<HttpServer>(std::move(server));
}

Result<UniqueFd> listen_on(const std::string& address, int port) {
  const Ip ip = TRY(Ip::parse(address));
  UniqueFd fd(::socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "socket");
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  const sockaddr* where = nullptr;
  socklen_t size = 0;
  if (ip.is_v4()) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    std::copy(ip.bytes().begin(), ip.bytes().end(), reinterpret_cast<std::uint8_t*>(&v4.sin_addr));
    where = reinterpret_cast<const sockaddr*>(&v4);
    size = sizeof v4;
  } else {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    std::copy(ip.bytes().begin(), ip.bytes().end(), reinterpret_cast<std::uint8_t*>(&v6.sin6_addr));
    where = reinterpret_cast<const sockaddr*>(&v6);
    size = sizeof v6;
  }
  if (::bind(fd.get(), where, size) != 0 || ::listen(fd.get(), 1024) != 0) {
    return Error(Code::kUnavailable,
                 fmt::format("cannot listen on {}:{}: {}", address, port, std::strerror(errno)));
  }
  return fd;
}

Result<int> port_of(int fd) {
  sockaddr_storage where{};
  socklen_t size = sizeof where;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0)
    return Error::from_errno(errno, "getsockname");
  if (where.ss_family == AF_INET)
    return static_cast<int>(ntohs(reinterpret_cast<const sockaddr_in*>(&where)->sin_port));
  return static_cast<int>(ntohs(reinterpret_cast<const sockaddr_in6*>(&where)->sin6_port));
}

}  // namespace minik::apiserver
