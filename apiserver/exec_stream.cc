#include "apiserver/exec_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <thread>

#include "apiserver/status.h"
#include "apiserver/websocket.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr std::string_view kProtocol = "v5.channel.k8s.io";
enum Channel : char {
  kStdin = 0,
  kStdout = 1,
  kStderr = 2,
  kErrorChannel = 3,
  kCloseChannel = static_cast<char>(255)
};

struct Head {
  std::string method, target;
  std::map<std::string, std::string> headers;  // Lower-case names; repeated ones joined by a comma.
};

Head parse_head(const std::string& text) {
  Head head;
  const auto lines = split(std::string_view(text).substr(0, text.find("\r\n\r\n")), '\n');
  const auto words = split_words(lines[0]);
  if (words.size() >= 2) {
    head.method = words[0];
    head.target = words[1];
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    if (colon == std::string::npos) continue;
    std::string& value = head.headers[lower(trim(std::string_view(lines[i]).substr(0, colon)))];
    const std::string more(trim(std::string_view(lines[i]).substr(colon + 1)));
    value += value.empty() ? more : "," + more;
  }
  return head;
}

Json exit_status(const Result<int>& code) {
  if (!code.ok()) return status_json(code.error(), {});
  Json status = {{"metadata", Json::object()}, {"status", "Success"}};
  if (*code == 0) return status;
  status["status"] = "Failure";
  status["reason"] = "NonZeroExitCode";
  status["message"] = fmt::format("command terminated with non-zero exit code: exit status {}", *code);
  status["details"]["causes"] = Json::array({{{"reason", "ExitCode"}, {"message", std::to_string(*code)}}});
  return status;
}

// One exec at work: pipes on one side, frames on the other.
class Session {
 public:
  Session(Connection& connection, Program program, std::string early)
      : connection_(connection), program_(std::move(program)), inbox_(std::move(early)) {}

  void run() {
    std::thread input([this] { read_client(); });
    pump_output();
    const Result<int> code = program_.wait();
    std::string message(1, static_cast<char>(kErrorChannel));
    message += to_text(exit_status(code));
    send(Opcode::kBinary, message);
    connection_.write(websocket_close(1000));
    done_ = true;
    input.join();
  }

 private:
  void send(Opcode opcode, std::string_view payload) { connection_.write(websocket_frame(opcode, payload)); }

  void pump_output() {
    std::array<char, 32 * 1024> chunk;
    while (program_.output.valid() || program_.errors.valid()) {
      pollfd fds[2] = {{program_.output.get(), POLLIN, 0}, {program_.errors.get(), POLLIN, 0}};
      if (::poll(fds, 2, -1) <= 0) continue;
      UniqueFd* ends[2] = {&program_.output, &program_.errors};
      for (int i = 0; i < 2; ++i) {
        if (fds[i].revents == 0) continue;
        const ssize_t got = ::read(ends[i]->get(), chunk.data() + 1, chunk.size() - 1);
        if (got <= 0) {
          ends[i]->reset();
          continue;
        }
        chunk[0] = static_cast<char>(i == 0 ? kStdout : kStderr);
        send(Opcode::kBinary, {chunk.data(), static_cast<std::size_t>(got) + 1});
      }
    }
  }

  void read_client() {
    while (!done_) {
      bool broken = false;
      if (auto frame = take_frame(inbox_, broken)) {
        if (!on_frame(*frame)) return;
        continue;
      }
      if (broken) return abandon();
      if (!connection_.readable(Millis(200))) continue;
      std::array<char, 32 * 1024> chunk;
      const long got = connection_.read(chunk.data(), chunk.size());
      if (got <= 0) return abandon();
      inbox_.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }

  // False once the client has closed.
  bool on_frame(const Frame& frame) {
    if (frame.opcode == Opcode::kPing) send(Opcode::kPong, frame.payload);
    if (frame.opcode == Opcode::kClose) {
      abandon();
      return false;
    }
    if (frame.opcode != Opcode::kBinary || frame.payload.empty()) return true;
    if (frame.payload[0] == kCloseChannel && frame.payload.size() > 1 && frame.payload[1] == kStdin)
      program_.input.reset();
    if (frame.payload[0] == kStdin) feed(std::string_view(frame.payload).substr(1));
    return true;
  }

  void feed(std::string_view bytes) {
    while (program_.input.valid() && !bytes.empty() && !done_) {
      pollfd p{program_.input.get(), POLLOUT, 0};
      if (::poll(&p, 1, 200) <= 0) continue;
      const ssize_t n = ::write(program_.input.get(), bytes.data(), bytes.size());
      if (n < 0) {
        program_.input.reset();
        return;
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  // The client is gone: what it started ends with it.
  void abandon() {
    program_.input.reset();
    if (!done_) program_.kill();
  }

  Connection& connection_;
  Program program_;
  std::string inbox_;
  std::atomic<bool> done_{false};
};

bool offers(const std::string& protocols, std::string_view wanted) {
  for (const auto& offer : split(protocols, ',')) {
    if (trim(offer) == wanted) return true;
  }
  return false;
}

}  // namespace

void refuse(Connection& connection, const Error& error) {
  const std::string body = to_text(status_json(error, {}));
  connection.write(fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      http_status(error), "Refused", body.size(), body));
}

std::multimap<std::string, std::string> parse_query(std::string_view text) {
  std::multimap<std::string, std::string> query;
  for (const auto& part : split(text, '&')) {
    if (part.empty()) continue;
    const auto at = part.find('=');
    query.emplace(percent_decode(std::string_view(part).substr(0, at), true),
                  at == std::string::npos ? "" : percent_decode(std::string_view(part).substr(at + 1), true));
  }
  return query;
}

void serve_upgrade(Handler& handler, Connection& connection, std::string text,
                   const std::optional<User>& user) {
  const std::size_t head_end = text.find("\r\n\r\n") + 4;
  // The head was only peeked at: take it out of the connection.
  std::string early(text.size(), '\0');
  connection.read(early.data(), early.size());
  early.erase(0, head_end);
  const Head head = parse_head(text);
  const auto header = [&](const char* name) {
    const auto it = head.headers.find(name);
    return it == head.headers.end() ? std::string() : it->second;
  };
  Request request;
  request.method = "GET";
  request.path = head.target.substr(0, head.target.find('?'));
  request.user = user;
  if (const auto at = head.target.find('?'); at != std::string::npos)
    request.query = parse_query(std::string_view(head.target).substr(at + 1));
  auto exec = handler.exec_of(request);
  if (!exec.ok()) return refuse(connection, exec.error());
  if (lower(header("upgrade")) != "websocket" || header("sec-websocket-key").empty() ||
      !offers(header("sec-websocket-protocol"), kProtocol)) {
    return refuse(
        connection,
        Error(Code::kInvalid, "unable to upgrade: only WebSocket with v5.channel.k8s.io is spoken here"));
  }
  if (exec->query.tty)
    return refuse(connection, Error(Code::kInvalid, "exec with a terminal is not available yet"));
  auto program = handler.pods().exec(*exec->pod, exec->query);
  if (!program.ok()) return refuse(connection, program.error());
  connection.write(
      fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                  "Upgrade\r\nSec-WebSocket-Accept: {}\r\n"
                  "Sec-WebSocket-Protocol: {}\r\n\r\n",
                  websocket_accept(header("sec-websocket-key")), kProtocol));
  Session(connection, *std::move(program), std::move(early)).run();
}

}  // namespace minik::apiserver
