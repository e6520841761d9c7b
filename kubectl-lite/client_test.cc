// HttpApi against a small TLS server on loopback that answers with canned bytes.
#include "kubectl-lite/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/unique_fd.h"
#include "kubectl-lite/websocket_client.h"

namespace minik::kubectl {
namespace {

// A key and a certificate for 127.0.0.1 that it signed itself.
struct Identity {
  Identity() : key(EVP_EC_gen("P-256")), cert(X509_new()) {
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    add_extension(NID_subject_alt_name, "IP:127.0.0.1");
    add_extension(NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(cert, key, EVP_sha256());
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity() {
    X509_free(cert);
    EVP_PKEY_free(key);
  }

  void add_extension(int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  }

  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  EVP_PKEY* key;
  X509* cert;
};

// Serves one connection per answer, in order; `{accept}` in an answer becomes the Sec-WebSocket-Accept.
class Server {
 public:
  explicit Server(std::vector<std::string> answers)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 8);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) serve(answer);
    });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // A test that failed early leaves answers behind.
    join();
  }

  void join() {
    if (thread_.joinable()) thread_.join();
  }

  ClusterAccess access() const {
    ClusterAccess access;
    access.host = "127.0.0.1";
    access.port = port_;
    access.ca = identity_.pem();
    access.token = "secret";
    return access;
  }

  std::vector<std::string> requests;  // Valid after join().

 private:
  void serve(std::string answer) {
    const UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
    SSL_CTX* ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(ctx, identity_.cert);
    SSL_CTX_use_PrivateKey(ctx, identity_.key);
    SSL* ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd.get());
    if (SSL_accept(ssl) == 1) {
      requests.push_back(read_request(ssl));
      if (const auto at = answer.find("{accept}"); at != std::string::npos) {
        const std::string& text = requests.back();
        const auto key = text.find("Sec-WebSocket-Key: ") + 19;
        answer.replace(at, 8, accept_of(text.substr(key, text.find("\r\n", key) - key)));
      }
      SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
  }

  static std::string read_request(SSL* ssl) {
    std::string text;
    char chunk[4096];
    while (true) {
      const auto end = text.find("\r\n\r\n");
      const auto length = text.find("Content-Length: ");
      const std::size_t body = length == std::string::npos ? 0 : std::stoul(text.substr(length + 16));
      if (end != std::string::npos && text.size() >= end + 4 + body) return text;
      const int got = SSL_read(ssl, chunk, sizeof chunk);
      if (got <= 0) return text;
      text.append(chunk, static_cast<std::size_t>(got));
    }
  }

  Identity identity_;
  UniqueFd listener_;
  int port_ = 0;
  std::thread thread_;
};

std::string answer(const std::string& head, const std::string& body) {
  return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

Call any_call() {
  Call call;
  call.path = "/x";
  return call;
}

TEST(Client, SendsAndReadsWarnings) {
  Server server({answer(
      "201 Created\r\nContent-Type: application/json\r\nWarning: 299 - \"unknown field \\\"a\\\"\"", "{}")});
  const auto api = connect_api(server.access(), std::chrono::seconds(5));
  ASSERT_TRUE(api.ok());
  Call call;
  call.method = "POST";
  call.path = "/api/v1/pods";
  call.query = {{"labelSelector", "a=b,c"}};
  call.body = "{\"x\":1}";
  const auto reply = (*api)->send(call);
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->warnings, std::vector<std::string>{"unknown field \"a\""});
  server.join();
  const std::string& request = server.requests.at(0);
  EXPECT_TRUE(request.starts_with("POST /api/v1/pods?labelSelector=a%3Db%2Cc HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("Authorization: Bearer secret\r\n"), std::string::npos);
  EXPECT_NE(request.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with("{\"x\":1}"));
}

TEST(Client, StreamsChunksAndStopsWhenAsked) {
  const std::string body =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  Server server(
      {body, body, answer("410 Gone", R"({"kind":"Status","reason":"Expired","message":"too old"})")});
  std::string all, some;
  const auto api = connect_api(server.access(), std::chrono::seconds(5));
  ASSERT_TRUE((*api)
                  ->stream(any_call(),
                           [&](std::string_view bytes) {
                             all += bytes;
                             return true;
                           })
                  .ok());
  EXPECT_EQ(all, "abcde");
  const auto second = connect_api(server.access(), std::chrono::seconds(5));
  ASSERT_TRUE((*second)
                  ->stream(any_call(),
                           [&](std::string_view bytes) {
                             some += bytes;
                             return false;
                           })
                  .ok());
  EXPECT_TRUE(some.starts_with("abc"));
  const auto third = connect_api(server.access(), std::chrono::seconds(5));
  const auto gone = (*third)->stream(any_call(), [](std::string_view) { return true; });
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().message(), "Error from server (Expired): too old");
  EXPECT_EQ(gone.error().code(), Code::kGone);
}

TEST(Client, RefusesAStrangersCertificate) {
  Server server({"", ""});
  ClusterAccess access = server.access();
  access.ca = Identity().pem();
  const auto api = connect_api(access, std::chrono::seconds(5));
  const auto reply = (*api)->send(any_call());
  ASSERT_FALSE(reply.ok());
  EXPECT_TRUE(reply.error().message().starts_with(
      "Unable to connect to the server: tls: failed to verify certificate: x509: "))
      << reply.error().message();
  std::string early;
  const auto upgraded = (*api)->upgrade(any_call(), "p", early);
  ASSERT_FALSE(upgraded.ok());
  EXPECT_EQ(upgraded.error().message(), reply.error().message());
}

TEST(Client, SaysWhenNobodyIsThere) {
  ClusterAccess access;
  {
    const Server server({});
    access = server.access();
  }
  const auto api = connect_api(access, std::chrono::seconds(5));
  const std::string wanted = "The connection to the server " + access.address() +
                             " was refused - did you specify the right host or port?";
  EXPECT_EQ((*api)->send(any_call()).error().message(), wanted);
  std::string early;
  EXPECT_EQ((*api)->upgrade(any_call(), "p", early).error().message(), wanted);
}

TEST(Client, Upgrades) {
  Server server(
      {"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: "
       "v5\r\n\r\nfirst",
       "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: "
       "v5\r\n\r\n",
       answer("400 Bad Request", R"({"kind":"Status","reason":"BadRequest","message":"no"})")});
  const auto api = connect_api(server.access(), std::chrono::seconds(5));
  std::string bytes;
  const auto socket = (*api)->upgrade(any_call(), "v5", bytes);
  ASSERT_TRUE(socket.ok()) << socket.error().message();
  for (bool open = true; open;) {
    pollfd p{(*socket)->fd(), POLLIN, 0};
    ::poll(&p, 1, 5000);
    const auto more = (*socket)->read_some(bytes);
    ASSERT_TRUE(more.ok());
    open = *more;
  }
  EXPECT_EQ(bytes, "first");
  bytes.clear();
  EXPECT_EQ((*api)->upgrade(any_call(), "v5", bytes).error().message(),
            "error: unable to upgrade connection: the server does not speak v5");
  bytes.clear();
  EXPECT_EQ((*api)->upgrade(any_call(), "v5", bytes).error().message(), "Error from server (BadRequest): no");
}

}  // namespace
}  // namespace minik::kubectl
