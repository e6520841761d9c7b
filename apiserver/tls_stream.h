// TlsStream: one TLS connection on a non-blocking socket, with an end to every wait.
//
// No client holds a thread for ever: the handshake, an idle moment, a request's head, its body and each
// answer have a total time, however steadily single bytes drip in or out.
//
// Threads: one reads, any may write; OpenSSL's state has its own lock.
// Ownership: borrows the socket and the SSL object.  Errors: a number <= 0; then the connection is over.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "apiserver/connection.h"

namespace minik::apiserver {

inline constexpr std::size_t kRequestHeadMax = 64 * 1024;       // Bytes.
inline constexpr std::size_t kConnectionStack = 1024 * 1024;    // Bytes of a thread; what is touched costs.
inline constexpr std::chrono::seconds kHandshakeTime{10};       // Of TLS.
inline constexpr std::chrono::seconds kIdleTime{90};            // A kept-alive connection without a request.
inline constexpr std::chrono::seconds kRequestHeadTime{32};     // First to last byte, as upstream.
inline constexpr std::chrono::seconds kRequestBodyTime{32};     // The same of the body.
inline constexpr std::chrono::seconds kWriteTime{30};           // A client that reads nothing, and
inline constexpr std::size_t kWriteBytesPerSecond = 64 * 1024;  // one that reads less than this.

class TlsStream final : public Connection {
 public:
  TlsStream(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}

  bool accept();
  // Reads until the blank line after the request's head is in the buffer, or more than kRequestHeadMax bytes
  // are; false when the client is gone, idle or too slow.  The body may then take kRequestBodyTime.
  bool fill_head();
  // After fill_head, until the next read: the head and whatever came with it.
  const std::string& head() const { return buffer_; }

  // Within the time of the request's body.
  long read(char* into, std::size_t size) override;
  bool readable() const;
  // The peer has not closed.  Its TLS good-bye may still lie unread, so only the socket can tell.
  bool alive() const;

  // Connection
  bool write(std::string_view bytes) override;
  bool readable(Millis timeout) override;
  long read_some(char* into, std::size_t size) override;
  long write_some(std::string_view bytes) override;
  int fd() const override { return fd_; }
  bool pending() const override { return consumed_ < buffer_.size() || SSL_pending(ssl_) > 0; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  // One OpenSSL call that does not wait.
  template <class Call>
  long once(Call&& call, short* events = nullptr);
  // Repeats one until it is through or failed, or the time is over.
  template <class Call>
  long until(Time end, Call&& call);
  std::size_t take(char* into, std::size_t size);

  int fd_;
  SSL* ssl_;
  std::string buffer_;
  std::size_t consumed_ = 0;
  Time body_end_{};
  std::mutex ssl_mutex_, write_mutex_;
};

}  // namespace minik::apiserver
