#include "kubectl-lite/exec.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ostream>

#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/pod_choice.h"
#include "kubectl-lite/resource_args.h"
#include "kubectl-lite/websocket_client.h"

namespace minik::kubectl {
namespace {

constexpr const char* kProtocol = "v5.channel.k8s.io";
constexpr std::size_t kOutgoingMax = 256 * 1024;  // Bytes that wait before stdin is left alone.
constexpr int kPingMillis = 5000;
enum Channel : unsigned char { kStdin = 0, kStdout = 1, kStderr = 2, kErrors = 3, kClose = 255 };

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// One running exec: three descriptors on one side, frames on the other.
class ExecSession {
 public:
  ExecSession(std::unique_ptr<Duplex> socket, const std::string& early, bool stdin_open)
      : socket_(std::move(socket)), stdin_open_(stdin_open) {
    reader_.feed(early);
  }

  Result<int> run() {
    while (!closed_) {
      TRY(take_messages());
      if (closed_) break;
      TRY(socket_->write_some(outgoing_));
      const bool feed = stdin_open_ && outgoing_.size() < kOutgoingMax;
      pollfd fds[2] = {{socket_->fd(), static_cast<short>(POLLIN | (outgoing_.empty() ? 0 : POLLOUT)), 0},
                       {feed ? STDIN_FILENO : -1, POLLIN, 0}};
      const int events = ::poll(fds, 2, kPingMillis);
      if (events == 0) send(Opcode::kPing, "");
      if (events <= 0) continue;
      if (fds[1].revents != 0) read_stdin();
      if (fds[0].revents != 0) TRY(read_socket());
    }
    if (status_.empty()) return 0;
    const auto status = parse_json(status_);
    if (!status.ok()) return failed(status_);
    return exit_code_of_status(*status);
  }

 private:
  void send(Opcode opcode, std::string_view payload) {
    outgoing_ += client_frame(opcode, payload, random_mask());
  }

  void read_stdin() {
    std::array<char, 32 * 1024> chunk;
    chunk[0] = static_cast<char>(kStdin);
    const ssize_t got = ::read(STDIN_FILENO, chunk.data() + 1, chunk.size() - 1);
    if (got < 0 && errno == EINTR) return;
    if (got > 0) return send(Opcode::kBinary, {chunk.data(), static_cast<std::size_t>(got) + 1});
    stdin_open_ = false;
    const std::array<char, 2> end = {static_cast<char>(kClose), static_cast<char>(kStdin)};
    send(Opcode::kBinary, {end.data(), end.size()});
  }

  Result<> read_socket() {
    std::string bytes;
    const bool open = TRY(socket_->read_some(bytes));
    reader_.feed(bytes);
    if (open) return {};
    TRY(take_messages());
    if (!closed_) return failed("error reading from error stream: the connection to the server was lost");
    return {};
  }

  Result<> take_messages() {
    while (!closed_) {
      auto message = reader_.next();
      if (!message.ok()) return failed(message.error());
      if (!*message) return {};
      TRY(on_message(**message));
    }
    return {};
  }

  Result<> on_message(const Message& message) {
    if (message.opcode == Opcode::kPing) send(Opcode::kPong, message.payload);
    if (message.opcode == Opcode::kClose) {
      send(Opcode::kClose, message.payload);
      [[maybe_unused]] const auto echoed = socket_->write_some(outgoing_);  // The server may be gone by now.
      closed_ = true;
    }
    if (message.opcode != Opcode::kBinary || message.payload.empty()) return {};
    const std::string_view bytes = std::string_view(message.payload).substr(1);
    switch (static_cast<unsigned char>(message.payload[0])) {
      case kStdout:
        return out(STDOUT_FILENO, bytes);
      case kStderr:
        return out(STDERR_FILENO, bytes);
      case kErrors:
        status_ += bytes;
        return {};
      default:
        return {};
    }
  }

  static Result<> out(int fd, std::string_view bytes) {
    if (!write_all(fd, bytes)) return failed("cannot write what the command printed");
    return {};
  }

  std::unique_ptr<Duplex> socket_;
  MessageReader reader_;
  std::string outgoing_, status_;
  bool stdin_open_;
  bool closed_ = false;
};

Query query_of(const ExecOptions& options, const std::string& container) {
  Query query;
  for (const std::string& word : options.command) query.emplace_back("command", word);
  query.emplace_back("container", container);
  query.emplace_back("stderr", "true");
  if (options.stdin_open) query.emplace_back("stdin", "true");
  query.emplace_back("stdout", "true");
  return query;
}

}  // namespace

Result<int> exit_code_of_status(const Json& status) {
  if (string_at(status, "status") == "Success") return 0;
  if (string_at(status, "reason") == "NonZeroExitCode") {
    for (const Json& cause : array_at(object_at(status, "details"), "causes")) {
      if (string_at(cause, "reason") != "ExitCode") continue;
      const auto code = parse_int(string_at(cause, "message"));
      if (code) return static_cast<int>(*code);
    }
  }
  return failed(string_at(status, "message"));
}

Result<int> exec(Session& session, const ExecOptions& options) {
  if (options.command.empty()) return usage("you must specify at least one command for the container");
  const Json pod = TRY(choose_pod(session, options.pod, false));
  const std::string phase = string_at(object_at(pod, "status"), "phase");
  if (phase == "Succeeded" || phase == "Failed") {
    return failed(fmt::format("cannot exec into a container in a completed pod; current phase is {}", phase));
  }
  const std::string container = TRY(choose_container(session, pod, options.container));
  const api::Kind* pods = TRY(kind_of_word("pods"));
  Call call;
  call.path = path_of(*pods, namespace_of(pod), name_of(pod), "exec");
  call.query = query_of(options, container);
  session.out.flush();
  std::signal(SIGPIPE, SIG_IGN);  // A reader of ours that went away is an error of write().
  std::string early;
  auto socket = TRY(session.api.upgrade(call, kProtocol, early));
  const int code = TRY(ExecSession(std::move(socket), early, options.stdin_open).run());
  if (code != 0) session.err << fmt::format("command terminated with exit code {}\n", code);
  return code;
}

}  // namespace minik::kubectl
