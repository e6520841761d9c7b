#include "apiserver/exec_session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <optional>

#include "apiserver/link.h"
#include "apiserver/status.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

enum Channel : std::uint32_t { kStdin, kStdout, kStderr, kErrors, kResize, kChannels };
constexpr const char* kNames[] = {"stdin", "stdout", "stderr", "error", "resize"};
constexpr std::chrono::seconds kOpenLimit{30};
constexpr int kChunk = 32 * 1024;
constexpr std::size_t kResizeMax = 1024;

class Session {
 public:
  Session(Connection& connection, Wire& wire, const ExecWanted& wanted)
      : link_(connection, wire), wanted_(wanted) {
    for (std::uint32_t i = 0; i < kChannels; ++i) {
      if (!wanted.spdy) ids_[i] = i;
    }
  }

  void run(std::string_view early, const std::function<Result<Program>()>& begin) {
    std::vector<WireEvent> events;
    gone_ = !link_.wire().feed(early, events).ok();
    take(events);
    if (!wait_for_streams()) return;
    auto program = begin();
    if (!program.ok()) return finish(std::move(program).error());
    program_ = *std::move(program);
    prepare();
    while (!gone_ && (program_.output.valid() || program_.errors.valid() || !ended_)) step();
    if (gone_) return abandon();
    end(program_.wait());
  }

 private:
  bool wants(Channel channel) const {
    const ExecQuery& query = wanted_.query;
    switch (channel) {
      case kStdin:
        return query.stdin_open;
      case kStdout:
        return query.stdout_open;
      case kStderr:
        return query.stderr_open && !query.tty;
      case kResize:
        return query.tty && wanted_.version >= 3;
      default:
        return true;
    }
  }

  bool streams_are_there() const {
    for (std::uint32_t i = 0; i < kChannels; ++i) {
      if (wants(static_cast<Channel>(i)) && !ids_[i]) return false;
    }
    return true;
  }

  bool wait_for_streams() {
    const auto limit = std::chrono::steady_clock::now() + kOpenLimit;
    while (!gone_ && !streams_are_there()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      pollfd fd = link_.wish(true);
      if (!link_.pending()) ::poll(&fd, 1, 1000);
      hear();
    }
    return !gone_;
  }

  void hear() {
    std::vector<WireEvent> events;
    if (!link_.receive(events)) gone_ = true;
    take(events);
    if (!link_.flush()) gone_ = true;
  }

  void take(std::vector<WireEvent>& events) {
    for (auto& event : events) {
      if (event.kind == WireEvent::Kind::kClosed) gone_ = true;
      if (event.kind == WireEvent::Kind::kOpen) open(event);
      if (event.kind == WireEvent::Kind::kData && event.stream == ids_[kStdin] && !stdin_ended_)
        stdin_ += event.data;
      if (event.kind == WireEvent::Kind::kData && event.stream == ids_[kResize]) resize(event.data);
      const bool over = event.kind == WireEvent::Kind::kEnd || event.kind == WireEvent::Kind::kReset;
      if (over && event.stream == ids_[kStdin]) stdin_ended_ = true;
    }
  }

  void open(const WireEvent& event) {
    const auto type = event.headers.find("streamtype");
    for (std::uint32_t i = 0; type != event.headers.end() && i < kChannels; ++i) {
      if (type->second == kNames[i] && !ids_[i]) ids_[i] = event.stream;
    }
  }

  void resize(std::string_view text) {
    resize_text_ += text;
    for (auto at = resize_text_.find('}'); at != std::string::npos; at = resize_text_.find('}')) {
      if (const auto size = parse_terminal_size(resize_text_.substr(0, at + 1))) size_ = size;
      resize_text_.erase(0, at + 1);
    }
    if (resize_text_.size() > kResizeMax) resize_text_.clear();
    apply_size();
  }

  void apply_size() {
    if (!program_.tty || !program_.input.valid() || !size_) return;
    const winsize size{size_->rows, size_->columns, 0, 0};
    ::ioctl(program_.input.get(), TIOCSWINSZ, &size);
  }

  void prepare() {
    for (const UniqueFd* fd : {&program_.input, &program_.output, &program_.errors}) {
      if (fd->valid()) ::fcntl(fd->get(), F_SETFL, ::fcntl(fd->get(), F_GETFL) | O_NONBLOCK);
    }
    ended_ = !program_.ended.valid();
    apply_size();
  }

  // Waits for anything to happen, and does what can be done.
  void step() {
    const bool reading = stdin_.size() < kQueuedMax;
    const auto source = [&](const UniqueFd& fd) { return pollfd{link_.full() ? -1 : fd.get(), POLLIN, 0}; };
    const bool feeding = !stdin_.empty() && program_.input.valid();
    pollfd fds[] = {link_.wish(reading),
                    source(program_.output),
                    source(program_.errors),
                    {feeding ? program_.input.get() : -1, POLLOUT, 0},
                    {ended_ ? -1 : program_.ended.get(), POLLIN, 0}};
    const bool at_once = (reading && link_.pending()) || (ended_ && program_.ended.valid() && !link_.full());
    if (::poll(fds, std::size(fds), at_once ? 0 : -1) < 0) return;
    if (reading ? (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 || link_.pending()
                : (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
      if (!reading) gone_ = true;
      hear();
    }
    if (fds[4].revents != 0) ended_ = true;
    pump(program_.output, kStdout);
    pump(program_.errors, kStderr);
    feed();
    if (!link_.flush()) gone_ = true;
  }

  // All that is there, as long as the client keeps up.
  void pump(UniqueFd& from, Channel to) {
    std::array<char, kChunk> chunk;
    while (from.valid() && !link_.full()) {
      const ssize_t got = ::read(from.get(), chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) {
        // What the program leaves running may hold its pipes for ever; it has ended nevertheless.
        if (ended_ && program_.ended.valid()) from.reset();
        return;
      }
      if (got <= 0) return from.reset();
      if (wants(to)) link_.wire().data(*ids_[to], {chunk.data(), static_cast<std::size_t>(got)});
      if (!link_.flush()) {
        gone_ = true;
        return;
      }
    }
  }

  void feed() {
    while (!stdin_.empty() && program_.input.valid() && wanted_.query.stdin_open) {
      const ssize_t put = ::write(program_.input.get(), stdin_.data(), stdin_.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return;
      if (put < 0) {
        stdin_ended_ = true;
        stdin_.clear();
        break;
      }
      stdin_.erase(0, static_cast<std::size_t>(put));
    }
    if (!program_.input.valid()) stdin_.clear();
    if (stdin_ended_ && stdin_.empty() && !program_.tty) program_.input.reset();
  }

  void end(const Result<int>& code) {
    if (code.ok()) return finish(*code);
    const std::string text = code.error().message();
    // Without a terminal crun has said it on stderr itself.
    if (wanted_.query.tty && wants(kStdout)) link_.wire().data(*ids_[kStdout], text + "\r\n");
    finish(code_of_failed_start(text));
  }

  void finish(const Result<int>& code) {
    const std::string text = exit_text(code, wanted_.version);
    if (!text.empty()) link_.wire().data(*ids_[kErrors], text);
    for (const Channel channel : {kStdout, kStderr, kErrors}) {
      if (wants(channel)) link_.wire().end(*ids_[channel]);
    }
    link_.wire().close();
    link_.say_goodbye();
  }

  // The client is gone: what it started ends with it.
  void abandon() {
    program_.kill();
    program_.input.reset();
    program_.output.reset();
    program_.errors.reset();
    [[maybe_unused]] const auto code = program_.wait();
  }

  Link link_;
  const ExecWanted& wanted_;
  Program program_;
  std::array<std::optional<std::uint32_t>, kChannels> ids_;
  std::string stdin_, resize_text_;
  std::optional<TerminalSize> size_;
  bool gone_ = false, stdin_ended_ = false, ended_ = false;
};

}  // namespace

void run_exec_session(Connection& connection, Wire& wire, std::string_view early, const ExecWanted& wanted,
                      const std::function<Result<Program>()>& begin) {
  Session(connection, wire, wanted).run(early, begin);
}

std::string exit_text(const Result<int>& code, int version) {
  const std::string words =
      !code.ok() ? code.error().message()
                 : fmt::format("command terminated with non-zero exit code: exit status {}", *code);
  const bool success = code.ok() && *code == 0;
  if (version < 4) return success ? "" : words;
  if (!code.ok()) return to_text(status_json(code.error(), {}));
  Json status = {{"metadata", Json::object()}, {"status", "Success"}};
  if (success) return to_text(status);
  status["status"] = "Failure";
  status["reason"] = "NonZeroExitCode";
  status["message"] = words;
  status["details"]["causes"] = Json::array({{{"reason", "ExitCode"}, {"message", std::to_string(*code)}}});
  return to_text(status);
}

std::optional<TerminalSize> parse_terminal_size(std::string_view text) {
  const auto json = parse_json(trim(text));
  if (!json.ok() || !json->is_object()) return std::nullopt;
  const auto columns = int_at(*json, "Width"), rows = int_at(*json, "Height");
  constexpr std::int64_t kMax = 0xffff;
  if (columns <= 0 || rows <= 0 || columns > kMax || rows > kMax) return std::nullopt;
  return TerminalSize{static_cast<unsigned short>(rows), static_cast<unsigned short>(columns)};
}

int code_of_failed_start(std::string_view message) {
  const std::string text = lower(message);
  return text.find("not found") != std::string::npos || text.find("no such file") != std::string::npos ? 127
                                                                                                       : 126;
}

}  // namespace minik::apiserver
