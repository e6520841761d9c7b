#include "kubectl-lite/tls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "base/ip.h"
#include "base/unique_fd.h"
#include "kubectl-lite/failure.h"

namespace minik::kubectl {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using CertPtr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using CtxPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;

BioPtr memory_bio(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Error unable(std::string_view why) {
  return Error(Code::kUnavailable, fmt::format("Unable to connect to the server: {}", why));
}

Result<> add_authorities(SSL_CTX* ctx, const std::string& pem) {
  if (pem.empty()) {
    SSL_CTX_set_default_verify_paths(ctx);
    return {};
  }
  const BioPtr bio = memory_bio(pem);
  int added = 0;
  while (true) {
    const CertPtr cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (cert == nullptr) break;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert.get());
    ++added;
  }
  ERR_clear_error();
  if (added == 0)
    return failed("unable to load root certificates: the kubeconfig's certificate-authority holds none");
  return {};
}

Result<> add_identity(SSL_CTX* ctx, const ClusterAccess& access) {
  if (access.client_cert.empty()) return {};
  const BioPtr cert_bio = memory_bio(access.client_cert), key_bio = memory_bio(access.client_key);
  const CertPtr cert(PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
  const KeyPtr key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (cert == nullptr || key == nullptr || SSL_CTX_use_certificate(ctx, cert.get()) != 1 ||
      SSL_CTX_use_PrivateKey(ctx, key.get()) != 1) {
    ERR_clear_error();
    return failed("unable to load the kubeconfig's client certificate and key");
  }
  return {};
}

// Notes why a certificate was refused where configure_tls was told to.
int note_refusal(int accepted, X509_STORE_CTX* store) {
  if (accepted == 1) return 1;
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* refused = static_cast<std::string*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  *refused = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  return 0;
}

class TlsDuplex final : public Duplex {
 public:
  TlsDuplex(UniqueFd socket, CtxPtr ctx, SslPtr ssl, std::unique_ptr<std::string> refused)
      : socket_(std::move(socket)),
        refused_(std::move(refused)),
        ctx_(std::move(ctx)),
        ssl_(std::move(ssl)) {}

  int fd() const override { return socket_.get(); }

  Result<bool> read_some(std::string& into) override {
    std::array<char, 16 * 1024> chunk;
    while (true) {
      const int got = SSL_read(ssl_.get(), chunk.data(), static_cast<int>(chunk.size()));
      if (got > 0) {
        into.append(chunk.data(), static_cast<std::size_t>(got));
        continue;
      }
      const int why = SSL_get_error(ssl_.get(), got);
      ERR_clear_error();
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }
  }

  Result<> write_some(std::string& from) override {
    while (!from.empty()) {
      const int put =
          SSL_write(ssl_.get(), from.data(), static_cast<int>(std::min<std::size_t>(from.size(), 16 * 1024)));
      if (put > 0) {
        from.erase(0, static_cast<std::size_t>(put));
        continue;
      }
      const int why = SSL_get_error(ssl_.get(), put);
      ERR_clear_error();
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
      return failed("the connection to the server was lost");
    }
    return {};
  }

 private:
  UniqueFd socket_;
  std::unique_ptr<std::string> refused_;
  CtxPtr ctx_;
  SslPtr ssl_;
};

bool wait_for(int fd, short events, std::chrono::milliseconds timeout) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, timeout.count() == 0 ? -1 : static_cast<int>(timeout.count())) > 0;
}

Result<UniqueFd> connect_tcp(const ClusterAccess& access, std::chrono::milliseconds timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int why = ::getaddrinfo(access.host.c_str(), std::to_string(access.port).c_str(), &hints, &found);
      why != 0) {
    return unable(fmt::format("dial tcp: lookup {}: {}", access.host, ::gai_strerror(why)));
  }
  const std::unique_ptr<addrinfo, Freer<::freeaddrinfo>> list(found);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd fd(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    if (!fd) continue;
    if (::connect(fd.get(), at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) continue;
    if (!wait_for(fd.get(), POLLOUT, timeout))
      return unable(fmt::format("dial tcp {}: i/o timeout", access.address()));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return fd;
  }
  return connection_refused(access);
}

Result<> shake_hands(SSL* ssl, int fd, const std::string& refused, std::chrono::milliseconds timeout) {
  while (true) {
    const int done = SSL_connect(ssl);
    if (done == 1) return {};
    const int why = SSL_get_error(ssl, done);
    ERR_clear_error();
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      return refused.empty() ? unable("tls: handshake failure") : certificate_refused(refused);
    }
    if (!wait_for(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, timeout))
      return unable("net/http: TLS handshake timeout");
  }
}

}  // namespace

Error certificate_refused(const std::string& reason) {
  return unable(fmt::format("tls: failed to verify certificate: x509: {}", reason));
}

Error connection_refused(const ClusterAccess& access) {
  return Error(
      Code::kUnavailable,
      fmt::format("The connection to the server {} was refused - did you specify the right host or port?",
                  access.address()));
}

Result<> configure_tls(SSL_CTX* ctx, const ClusterAccess& access, std::string* refused) {
  SSL_CTX_set_app_data(ctx, refused);
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_mode(ctx,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  TRY(add_identity(ctx, access));
  if (!access.verify) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  TRY(add_authorities(ctx, access.ca));
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(ctx);
  if (const auto ip = Ip::parse(access.host); ip.ok())
    X509_VERIFY_PARAM_set1_ip_asc(param, access.host.c_str());
  else
    X509_VERIFY_PARAM_set1_host(param, access.host.c_str(), access.host.size());
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, note_refusal);
  return {};
}

Result<std::unique_ptr<Duplex>> open_tls(const ClusterAccess& access, std::chrono::milliseconds timeout) {
  CtxPtr ctx(SSL_CTX_new(TLS_client_method()));
  auto refused = std::make_unique<std::string>();
  TRY(configure_tls(ctx.get(), access, refused.get()));
  UniqueFd socket = TRY(connect_tcp(access, timeout));
  SslPtr ssl(SSL_new(ctx.get()));
  SSL_set_fd(ssl.get(), socket.get());
  TRY(shake_hands(ssl.get(), socket.get(), *refused, timeout));
  return std::unique_ptr<Duplex>(
      std::make_unique<TlsDuplex>(std::move(socket), std::move(ctx), std::move(ssl), std::move(refused)));
}

}  // namespace minik::kubectl
