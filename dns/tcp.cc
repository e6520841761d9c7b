#include "dns/tcp.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "dns/message.h"
#include "dns/sockaddr.h"

namespace minik::dns {
namespace {

constexpr std::size_t kUnsentMax = 64 * 1024;  // Bytes of replies before we stop reading.
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kKeptCapacity = 4 * 1024;  // Of a quiet connection's buffers.
constexpr int kAcceptsPerTurn = 64;
constexpr int kStepsPerTurn = 8;
constexpr Millis kAcceptPause{100};  // When there are no descriptors left.

SteadyTime now() { return std::chrono::steady_clock::now(); }

void drop_front(std::vector<std::uint8_t>& buffer, std::size_t& used) {
  if (used < buffer.size()) {
    if (used > kUnsentMax) {
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(used));
      used = 0;
    }
    return;
  }
  buffer.clear();
  used = 0;
  if (buffer.capacity() > kKeptCapacity) buffer.shrink_to_fit();
}

}  // namespace

TcpFront::TcpFront(EventLoop& loop, Responder& responder, TcpLimits limits)
    : loop_(loop), responder_(responder), limits_(limits) {}

TcpFront::~TcpFront() {
  if (timer_ != 0) loop_.cancel(timer_);
  for (const auto& [fd, connection] : connections_) loop_.remove(fd);
  for (const UniqueFd& listener : listeners_) loop_.remove(listener.get());
}

Result<> TcpFront::add_listener(UniqueFd fd) {
  const int raw = fd.get();
  TRY(loop_.add(raw, EPOLLIN, [this, raw](std::uint32_t) { accept_all(raw); }));
  listeners_.push_back(std::move(fd));
  return {};
}

void TcpFront::accept_all(int listener) {
  for (int left = kAcceptsPerTurn; left > 0 && accept_one(listener); --left) {
  }
}

bool TcpFront::accept_one(int listener) {
  SocketAddress peer;
  UniqueFd fd(::accept4(listener, peer.get(), peer.size_for_kernel(), SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted && !evict(nullptr)) pause(listener);
    return errno == ECONNABORTED || errno == EINTR;
  }
  if (!responder_.admits(peer.ip())) {
    responder_.counters().add(Counters::kForeign);
    return true;
  }
  if (!make_room(peer.ip())) {
    responder_.counters().add(Counters::kEvicted);
    return true;
  }
  const int raw = fd.get();
  auto connection = std::make_unique<Connection>();
  connection->fd = std::move(fd);
  connection->source = peer.ip();
  connection->watched = EPOLLIN;
  connection->last_request = now();
  if (!loop_.add(raw, EPOLLIN, [this, raw](std::uint32_t) { serve(raw); }).ok()) return true;
  responder_.counters().add(Counters::kAccepted);
  set_deadline(*connection, limits_.first_request);
  connections_.emplace(raw, std::move(connection));
  return true;
}

void TcpFront::pause(int listener) {
  if (!loop_.change(listener, 0).ok()) return;
  loop_.after(kAcceptPause, [this, listener] { (void)loop_.change(listener, EPOLLIN); });
}

bool TcpFront::make_room(const Ip& source) {
  const auto same = std::count_if(connections_.begin(), connections_.end(),
                                  [&](const auto& entry) { return entry.second->source == source; });
  if (static_cast<std::size_t>(same) >= limits_.per_source) return evict(&source);
  return connections_.size() < limits_.connections || evict(nullptr);
}

// Closes the connection, of that source if one is given, that has been idle for longest.
bool TcpFront::evict(const Ip* source) {
  const Connection* oldest = nullptr;
  for (const auto& [fd, connection] : connections_) {
    if (!connection->idle() || (source != nullptr && connection->source != *source)) continue;
    if (oldest == nullptr || connection->last_request < oldest->last_request) oldest = connection.get();
  }
  if (oldest == nullptr) return false;
  responder_.counters().add(Counters::kEvicted);
  close(oldest->fd.get());
  return true;
}

void TcpFront::serve(int fd) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  responder_.look();
  Step step = Step::kAgain;
  for (int left = kStepsPerTurn; left > 0 && step == Step::kAgain; --left) step = advance(connection);
  if (step == Step::kClose) {
    close(fd);
  } else {
    watch(connection);
  }
}

TcpFront::Step TcpFront::advance(Connection& connection) {
  answer_buffered(connection);
  if (!flush(connection)) return Step::kClose;
  if (connection.unsent() > kUnsentMax) return Step::kWait;
  if (connection.has_request()) return Step::kAgain;
  if (connection.ended) return connection.unsent() == 0 ? Step::kClose : Step::kWait;
  return receive(connection);
}

bool TcpFront::Connection::has_request() const {
  const std::size_t left = in.size() - consumed;
  return left >= 2 && left - 2 >= get16(in.data() + consumed);
}

void TcpFront::answer_buffered(Connection& connection) {
  auto& in = connection.in;
  if (reply_.empty()) reply_.resize(2 + kTcpMax);
  while (connection.unsent() <= kUnsentMax && in.size() - connection.consumed >= 2) {
    const std::uint8_t* at = in.data() + connection.consumed;
    const std::size_t length = get16(at);
    if (length < kHeaderBytes) {  // Whatever this is, it is not DNS.
      connection.ended = true;
      connection.consumed = in.size();
      break;
    }
    if (!connection.has_request()) break;
    const std::span<std::uint8_t> space(reply_.data() + 2, kTcpMax);
    const std::size_t size = responder_.reply(Transport::kTcp, {at + 2, length}, false, space);
    connection.consumed += 2 + length;
    connection.last_request = now();
    set_deadline(connection, limits_.idle);
    if (size == 0) continue;
    put16(reply_.data(), static_cast<std::uint16_t>(size));
    connection.out.insert(connection.out.end(), reply_.begin(),
                          reply_.begin() + static_cast<std::ptrdiff_t>(size + 2));
  }
  drop_front(in, connection.consumed);
}

// False: the connection is dead.
bool TcpFront::flush(Connection& connection) {
  while (connection.unsent() > 0) {
    const ssize_t sent = ::send(connection.fd.get(), connection.out.data() + connection.sent,
                                connection.unsent(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN;
    }
    connection.sent += static_cast<std::size_t>(sent);
    set_deadline(connection, limits_.idle);
  }
  drop_front(connection.out, connection.sent);
  return true;
}

TcpFront::Step TcpFront::receive(Connection& connection) {
  if (input_.empty()) input_.resize(kReadBytes);
  const ssize_t got = ::recv(connection.fd.get(), input_.data(), input_.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Step::kWait : Step::kClose;
  if (got == 0) {
    connection.ended = true;
  } else {
    connection.in.insert(connection.in.end(), input_.begin(), input_.begin() + got);
  }
  return Step::kAgain;
}

void TcpFront::watch(Connection& connection) {
  std::uint32_t wanted = 0;
  if (!connection.ended && connection.unsent() <= kUnsentMax) wanted |= EPOLLIN;
  // With requests left over from a full turn, being writable brings the next turn.
  if (connection.unsent() > 0 || connection.has_request()) wanted |= EPOLLOUT;
  if (wanted == connection.watched) return;
  connection.watched = wanted;
  if (!loop_.change(connection.fd.get(), wanted).ok()) close(connection.fd.get());
}

void TcpFront::set_deadline(Connection& connection, Millis from_now) {
  const int fd = connection.fd.get();
  deadlines_.erase({connection.deadline, fd});
  connection.deadline = now() + from_now;
  deadlines_.insert({connection.deadline, fd});
  arm();
}

void TcpFront::close(int fd) {
  const auto found = connections_.find(fd);
  deadlines_.erase({found->second->deadline, fd});
  loop_.remove(fd);
  connections_.erase(found);
}

// A timer that is already pending fires early at worst and is then set anew.
void TcpFront::arm() {
  if (timer_ != 0 || deadlines_.empty()) return;
  const auto left = std::chrono::ceil<Millis>(deadlines_.begin()->first - now());
  timer_ = loop_.after(std::max(left, Millis(0)), [this] { expire(); });
}

void TcpFront::expire() {
  timer_ = 0;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now()) {
    responder_.counters().add(Counters::kTimedOut);
    close(deadlines_.begin()->second);
  }
  arm();
}

}  // namespace minik::dns
