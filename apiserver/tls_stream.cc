#include "apiserver/tls_stream.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace minik::apiserver {
namespace {

using Clock = std::chrono::steady_clock;

bool wait_for(int fd, short events, Millis timeout) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, static_cast<int>(timeout.count())) > 0;
}

Millis left_until(Clock::time_point end) {
  return std::max(Millis(0), std::chrono::ceil<Millis>(end - Clock::now()));
}

// Closing then resets the connection: the kernel keeps nothing for a client that does not read.
void drop_unsent(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

int length_of(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, 1 << 30)); }

}  // namespace

template <class Call>
long TlsStream::once(Call&& call, short* events) {
  const std::lock_guard lock(ssl_mutex_);
  ERR_clear_error();
  const int result = call();
  if (result > 0) return result;
  const int error = SSL_get_error(ssl_, result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  if (events != nullptr) *events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
  return kWait;
}

template <class Call>
long TlsStream::until(Time end, Call&& call) {
  for (;;) {
    short events = 0;
    const long result = once(call, &events);
    if (result != kWait) return result;
    if (!wait_for(fd_, events, left_until(end))) return -1;
  }
}

bool TlsStream::accept() {
  return until(Clock::now() + kHandshakeTime, [&] { return SSL_accept(ssl_); }) == 1;
}

bool TlsStream::fill_head() {
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  bool begun = !buffer_.empty();
  Time end = Clock::now() + (begun ? kRequestHeadTime : kIdleTime);
  std::size_t searched = 0;
  while (buffer_.find("\r\n\r\n", searched) == std::string::npos) {
    if (buffer_.size() > kRequestHeadMax) break;  // Who reads it answers that it is too long.
    searched = buffer_.size() - std::min<std::size_t>(buffer_.size(), 3);
    char chunk[8192];
    const long got = until(end, [&] { return SSL_read(ssl_, chunk, sizeof chunk); });
    if (got <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
    if (!begun) end = Clock::now() + kRequestHeadTime;
    begun = true;
  }
  body_end_ = Clock::now() + kRequestBodyTime;
  return true;
}

std::size_t TlsStream::take(char* into, std::size_t size) {
  const std::size_t n = std::min(size, buffer_.size() - consumed_);
  std::copy_n(buffer_.data() + consumed_, n, into);
  consumed_ += n;
  return n;
}

long TlsStream::read(char* into, std::size_t size) {
  if (const std::size_t n = take(into, size); n > 0) return static_cast<long>(n);
  if (Clock::now() >= body_end_) return -1;
  return until(body_end_, [&] { return SSL_read(ssl_, into, length_of(size)); });
}

bool TlsStream::readable() const { return pending() || wait_for(fd_, POLLIN, left_until(body_end_)); }

bool TlsStream::readable(Millis timeout) { return pending() || wait_for(fd_, POLLIN, timeout); }

bool TlsStream::alive() const { return !wait_for(fd_, POLLRDHUP, Millis(0)); }

bool TlsStream::write(std::string_view bytes) {
  const std::lock_guard lock(write_mutex_);
  const Time end = Clock::now() + kWriteTime + std::chrono::seconds(bytes.size() / kWriteBytesPerSecond);
  while (!bytes.empty()) {
    long n = 0;
    if (Clock::now() < end)
      n = until(end, [&] { return SSL_write(ssl_, bytes.data(), length_of(bytes.size())); });
    if (n <= 0) {
      drop_unsent(fd_);
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

long TlsStream::read_some(char* into, std::size_t size) {
  if (const std::size_t n = take(into, size); n > 0) return static_cast<long>(n);
  return once([&] { return SSL_read(ssl_, into, length_of(size)); });
}

long TlsStream::write_some(std::string_view bytes) {
  return once([&] { return SSL_write(ssl_, bytes.data(), length_of(bytes.size())); });
}

}  // namespace minik::apiserver
