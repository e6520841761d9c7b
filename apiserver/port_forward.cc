#include "apiserver/port_forward.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "apiserver/link.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr int kChunk = 32 * 1024;

struct Pair {
  std::optional<std::uint32_t> data, error;
  int port = 0;
  UniqueFd socket;
  bool dialled = false, connected = false, v6 = false;
  std::string to_pod;         // From the client, not yet written.
  bool client_ended = false;  // The client sends no more.
  bool half_closed = false;   // And the pod knows.
  bool over = false;
  std::string v4_trouble;
};

class Forward {
 public:
  Forward(Connection& connection, Wire& wire, const ForwardWanted& wanted)
      : link_(connection, wire), wanted_(wanted) {}

  void run(std::string_view early) {
    if (!wanted_.ports.empty()) open_channels();
    std::vector<WireEvent> events;
    gone_ = !link_.wire().feed(early, events).ok();
    take(events);
    while (!gone_) step();
    link_.wire().close();
    pairs_.clear();
    link_.flush();
  }

 private:
  using Key = std::string;  // The request id.

  void open_channels() {
    for (std::size_t i = 0; i < wanted_.ports.size(); ++i) {
      const int port = wanted_.ports[i];
      Pair& pair = pairs_[std::to_string(i)];
      pair.data = static_cast<std::uint32_t>(2 * i);
      pair.error = static_cast<std::uint32_t>(2 * i + 1);
      pair.port = port;
      const char number[] = {static_cast<char>(port & 0xff), static_cast<char>(port >> 8)};
      link_.wire().data(*pair.data, {number, 2});
      link_.wire().data(*pair.error, {number, 2});
      dial(pair);
    }
  }

  void step() {
    std::erase_if(pairs_, [](const auto& entry) { return entry.second.over; });
    std::vector<pollfd> fds{link_.wish(reading())};
    std::vector<Key> keys;
    for (const auto& [key, pair] : pairs_) {
      if (!pair.socket.valid()) continue;
      int events = pair.connected && !link_.full() ? POLLIN : 0;
      if (!pair.connected || !pair.to_pod.empty()) events |= POLLOUT;
      // A socket that may not be read would report its end for ever.
      fds.push_back({events == 0 ? -1 : pair.socket.get(), static_cast<short>(events), 0});
      keys.push_back(key);
    }
    if (::poll(fds.data(), fds.size(), reading() && link_.pending() ? 0 : -1) < 0) return;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (fds[i + 1].revents != 0) serve(pairs_.at(keys[i]));
    }
    if (fds[0].revents != 0 || link_.pending()) hear((fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
    if (!link_.flush()) gone_ = true;
  }

  // TCP has one window for all streams: one that is stuck stops the others.
  bool reading() const {
    for (const auto& [key, pair] : pairs_) {
      if (pair.to_pod.size() >= kQueuedMax) return false;
    }
    return true;
  }

  void hear(bool hung_up) {
    if (!reading()) {
      gone_ = gone_ || hung_up;
      return;
    }
    std::vector<WireEvent> events;
    if (!link_.receive(events)) gone_ = true;
    take(events);
  }

  void take(std::vector<WireEvent>& events) {
    for (auto& event : events) {
      if (event.kind == WireEvent::Kind::kClosed) {
        gone_ = true;
      } else if (event.kind == WireEvent::Kind::kOpen) {
        open(event);
      } else if (const auto it = find_data(event.stream); it != pairs_.end()) {
        take_data(it->second, event);
      }
    }
  }

  std::map<Key, Pair>::iterator find_data(std::uint32_t stream) {
    const auto key = by_stream_.find(stream);
    if (key != by_stream_.end()) return pairs_.find(key->second);
    if (wanted_.ports.empty() || stream % 2 != 0) return pairs_.end();
    return pairs_.find(std::to_string(stream / 2));
  }

  void take_data(Pair& pair, const WireEvent& event) {
    if (pair.over) return;
    if (event.kind == WireEvent::Kind::kReset) return end(pair);
    if (event.kind == WireEvent::Kind::kData && !pair.client_ended) pair.to_pod += event.data;
    if (event.kind == WireEvent::Kind::kEnd) pair.client_ended = true;
    if (pair.connected) write_to_pod(pair);
  }

  void open(const WireEvent& event) {
    const auto header = [&](const char* name) {
      const auto it = event.headers.find(name);
      return it == event.headers.end() ? std::string() : it->second;
    };
    const std::string type = header("streamtype");
    const auto port = parse_int(header("port"));
    if ((type != "error" && type != "data") || !port || *port < 1 || *port > 65535) {
      link_.wire().end(event.stream);
      return;
    }
    std::string id = header("requestid");
    if (id.empty()) id = fmt::format("#{}", type == "error" ? event.stream : event.stream - 2);
    Pair& pair = pairs_[id];
    (type == "error" ? pair.error : pair.data) = event.stream;
    pair.port = static_cast<int>(*port);
    if (type == "data") by_stream_[event.stream] = id;
    if (pair.error && pair.data && !pair.dialled) dial(pair);
  }

  void dial(Pair& pair) {
    pair.dialled = true;
    auto socket = wanted_.dial(*Ip::parse(pair.v6 ? "::1" : "127.0.0.1"), pair.port);
    if (socket.ok()) {
      pair.socket = *std::move(socket);
      pair.connected = false;
      return;
    }
    refused(pair, socket.error().message());
  }

  // 127.0.0.1 first, then ::1, then the client hears of both.
  void refused(Pair& pair, const std::string& why) {
    pair.socket.reset();
    const std::string words = "connect: " + why;
    if (!pair.v6) {
      pair.v6 = true;
      pair.v4_trouble = words;
      return dial(pair);
    }
    if (pair.error) {
      link_.wire().data(*pair.error,
                        fmt::format("failed to connect to localhost:{0} inside namespace \"{1}\", IPv4: dial "
                                    "tcp4 127.0.0.1:{0}: {2} IPv6 dial tcp6 [::1]:{0}: {3}",
                                    pair.port, wanted_.netns, pair.v4_trouble, words));
    }
    end(pair);
  }

  void end(Pair& pair) {
    if (pair.data) link_.wire().end(*pair.data);
    if (pair.error) link_.wire().end(*pair.error);
    pair.socket.reset();
    if (pair.data) by_stream_.erase(*pair.data);
    pair.over = true;
  }

  void serve(Pair& pair) {
    if (!pair.connected) {
      int trouble = 0;
      socklen_t size = sizeof trouble;
      ::getsockopt(pair.socket.get(), SOL_SOCKET, SO_ERROR, &trouble, &size);
      if (trouble != 0) {
        return refused(pair, lower(std::strerror(trouble)));
      }
      pair.connected = true;
    }
    write_to_pod(pair);
    if (!read_from_pod(pair)) end(pair);
  }

  void write_to_pod(Pair& pair) {
    while (!pair.to_pod.empty()) {
      const ssize_t put = ::send(pair.socket.get(), pair.to_pod.data(), pair.to_pod.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return;
      if (put < 0) return pair.to_pod.clear();  // Reading tells the rest.
      pair.to_pod.erase(0, static_cast<std::size_t>(put));
    }
    if (pair.client_ended && !pair.half_closed) {
      pair.half_closed = true;
      ::shutdown(pair.socket.get(), SHUT_WR);
    }
  }

  // False at the end of the connection.
  bool read_from_pod(Pair& pair) {
    std::array<char, kChunk> chunk;
    while (!link_.full()) {
      const ssize_t got = ::recv(pair.socket.get(), chunk.data(), chunk.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) return false;
      link_.wire().data(*pair.data, {chunk.data(), static_cast<std::size_t>(got)});
      if (!link_.flush()) {
        gone_ = true;
        return true;
      }
    }
    return true;
  }

  Link link_;
  const ForwardWanted& wanted_;
  std::map<Key, Pair> pairs_;
  std::map<std::uint32_t, Key> by_stream_;
  bool gone_ = false;
};

}  // namespace

void run_port_forward(Connection& connection, Wire& wire, std::string_view early,
                      const ForwardWanted& wanted) {
  Forward(connection, wire, wanted).run(early);
}

}  // namespace minik::apiserver
