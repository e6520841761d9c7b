#include "apiserver/link.h"

#include <array>

namespace minik::apiserver {
namespace {

constexpr int kReadsAtOnce = 16;
constexpr std::size_t kCompactAt = 64 * 1024;
constexpr std::chrono::seconds kSendLimit{30}, kCloseLimit{2};

}  // namespace

pollfd Link::wish(bool reading) {
  const int events = (reading ? POLLIN : POLLRDHUP) | (queued() > 0 ? POLLOUT : 0);
  return {connection_.fd(), static_cast<short>(events), 0};
}

bool Link::receive(std::vector<WireEvent>& events) {
  std::array<char, 16 * 1024> chunk;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const long got = connection_.read_some(chunk.data(), chunk.size());
    if (got == Connection::kWait) return true;
    if (got <= 0) return false;
    if (!wire_.feed({chunk.data(), static_cast<std::size_t>(got)}, events).ok()) return false;
  }
  return true;
}

bool Link::flush() {
  std::string& out = wire_.out();
  while (sent_ < out.size()) {
    const long put = connection_.write_some(std::string_view(out).substr(sent_));
    if (put == Connection::kWait) break;
    if (put <= 0) return false;
    sent_ += static_cast<std::size_t>(put);
  }
  if (sent_ == out.size() || sent_ > kCompactAt) {
    out.erase(0, sent_);
    sent_ = 0;
  }
  return true;
}

void Link::say_goodbye() {
  const auto began = std::chrono::steady_clock::now();
  bool said = false;
  for (auto end = began + kSendLimit; std::chrono::steady_clock::now() < end;) {
    if (!flush()) return;
    if (queued() == 0 && !said) {
      said = true;
      end = std::chrono::steady_clock::now() + kCloseLimit;
    }
    pollfd fd = wish(true);
    if (!pending()) ::poll(&fd, 1, 100);
    std::vector<WireEvent> ignored;
    if (!receive(ignored)) {
      flush();
      return;
    }
  }
}

}  // namespace minik::apiserver
