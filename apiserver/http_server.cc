#include "apiserver/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <limits>
#include <list>
#include <mutex>
#include <thread>

#include "apiserver/connection.h"
#include "apiserver/status.h"
#include "apiserver/tls_stream.h"
#include "apiserver/upgrade.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr std::size_t kGzipOver = 128 * 1024;  // Smaller answers are not worth it; upstream's bound.

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// A TlsStream as httplib wants it.
class EngineStream final : public httplib::Stream {
 public:
  explicit EngineStream(TlsStream& stream) : stream_(stream) {}
  bool is_readable() const override { return stream_.readable(); }
  bool is_writable() const override { return stream_.alive(); }
  ssize_t read(char* into, std::size_t size) override { return stream_.read(into, size); }
  ssize_t write(const char* from, std::size_t size) override {
    return stream_.write({from, size}) ? static_cast<ssize_t>(size) : -1;
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override { get_remote_ip_and_port(ip, port); }
  socket_t socket() const override { return stream_.fd(); }

 private:
  TlsStream& stream_;
};

// A peer that vanished without a word is noticed.
void prepare_socket(int fd) {
  const auto set = [fd](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

// A thread with a small stack that nobody joins; false when the system has no more threads.
bool start_thread(std::function<void()> work) {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  ::pthread_attr_setstacksize(&attributes, kConnectionStack);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  auto held = std::make_unique<std::function<void()>>(std::move(work));
  const auto run = [](void* raw) -> void* {
    const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(raw));
    (*mine)();
    return nullptr;
  };
  pthread_t thread{};
  const bool started = ::pthread_create(&thread, &attributes, run, held.get()) == 0;
  if (started) static_cast<void>(held.release());
  ::pthread_attr_destroy(&attributes);
  return started;
}

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
    set_keep_alive_timeout(kIdleTime.count());
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
      prepare_socket(fd.get());
      const std::lock_guard lock(mutex_);
      if (stopping_ || open_.size() >= kConnectionsMax) continue;  // Closed at once: the client tries again.
      if (!start_thread([this, raw = fd.get()] { connection(UniqueFd(raw)); })) continue;
      open_.push_back(fd.release());
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
      EngineStream engine_stream(stream);
      if (!engine_.one(engine_stream, user)) return;
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
