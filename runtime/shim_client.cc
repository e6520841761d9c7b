#include "runtime/shim_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "runtime/process.h"
#include "runtime/received_fds.h"

namespace minik::runtime {
namespace {

constexpr Millis kCrunLimit{30'000};
constexpr Millis kAnswerLimit{5'000};
constexpr int kQueuedMax = 1024 * 1024;  // Of an attached client that does not read.

void copy(char* to, std::size_t size, const std::string& text) {
  std::memcpy(to, text.data(), std::min(size - 1, text.size()));
}

shim::Request request(shim::Verb verb, const std::string& cid = "") {
  shim::Request r{};
  r.magic = shim::kMagic;
  r.verb = verb;
  copy(r.cid, sizeof r.cid, cid);
  return r;
}

Error gone() { return Error(Code::kUnavailable, "the pod's shim has gone"); }

Result<shim::Entry> one_entry(Result<ShimReply> reply) {
  const ShimReply answered = TRY(std::move(reply));
  if (answered.entries.empty()) return Error(Code::kInternal, "the shim's answer is empty");
  return answered.entries.front();
}

}  // namespace

Result<ShimClient> ShimClient::connect(const std::string& pod_dir) {
  // Through the directory's descriptor, because a socket path has only 107 bytes.
  const UniqueFd directory(::open(pod_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Error::from_errno(errno, pod_dir);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  copy(address.sun_path, sizeof address.sun_path, fmt::format("/proc/self/fd/{}/shim.sock", directory.get()));
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    return ShimClient(std::move(socket));
  }
  if (errno == ECONNREFUSED || errno == ENOENT) return Error(Code::kNotFound, "no shim in " + pod_dir);
  return Error::from_errno(errno, "connect to the shim in " + pod_dir);
}

Result<ShimClient> ShimClient::connect_or_start(const std::string& pod_dir, const std::string& shim_program,
                                                const std::string& crun, const std::string& crun_root) {
  auto there = connect(pod_dir);
  if (there.ok() || there.error().code() != Code::kNotFound) return there;
  if (crun.empty()) return Error(Code::kNotFound, "no OCI runtime: install crun");
  std::string errors;
  const int code = TRY(run_program({shim_program, pod_dir, crun, crun_root}, errors));
  if (code != 0)
    return Error(Code::kInternal, fmt::format("{} ended with {}: {}", shim_program, code, errors));
  return connect(pod_dir);
}

Result<shim::Entry> ShimClient::create(const std::string& cid, const std::string& bundle,
                                       const std::string& log, const StreamWish& streams) {
  shim::Request r = request(shim::kCreate, cid);
  if (bundle.size() >= sizeof r.bundle - 16 || log.size() >= sizeof r.log) {
    return Error(Code::kInvalid, "path too long: " + (bundle.size() > log.size() ? bundle : log));
  }
  copy(r.bundle, sizeof r.bundle, bundle);
  copy(r.log, sizeof r.log, log);
  r.stdin_open = streams.stdin_open ? 1 : 0;
  r.stdin_once = streams.stdin_once ? 1 : 0;
  r.tty = streams.tty ? 1 : 0;
  return one_entry(call(r, kCrunLimit));
}

Result<ShimStreams> ShimClient::attach(const std::string& cid, bool stdin_open) {
  ShimStreams streams;
  std::array<UniqueFd, 2> write_ends;
  UniqueFd* const read_ends[] = {&streams.output, &streams.errors};
  for (std::size_t i = 0; i < write_ends.size(); ++i) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return Error::from_errno(errno, "pipe");
    read_ends[i]->reset(ends[0]);
    write_ends[i].reset(ends[1]);
    ::fcntl(ends[1], F_SETPIPE_SZ, kQueuedMax);
  }
  shim::Request r = request(shim::kAttach, cid);
  r.stdin_open = stdin_open ? 1 : 0;
  TRY(send(r, {write_ends[0].get(), write_ends[1].get()}));
  ShimReply reply = TRY(answer(kAnswerLimit));
  if (reply.entries.empty()) return Error(Code::kInternal, "the shim's answer is empty");
  streams.tty = reply.entries.front().tty != 0;
  streams.input = std::move(reply.passed);
  if (streams.tty) streams.errors.reset();
  return streams;
}

Result<shim::Entry> ShimClient::start(const std::string& cid) {
  return one_entry(call(request(shim::kStart, cid), kCrunLimit));
}

Result<> ShimClient::remove(const std::string& cid) {
  TRY(call(request(shim::kRemove, cid), kCrunLimit));
  return {};
}

Result<> ShimClient::quit() {
  auto reply = call(request(shim::kQuit), kAnswerLimit);
  if (reply.ok() || reply.error().code() == Code::kUnavailable) return {};
  return std::move(reply).error();
}

Result<std::vector<shim::Entry>> ShimClient::status() {
  ShimReply reply = TRY(call(request(shim::kStatus), kAnswerLimit));
  return std::move(reply.entries);
}

Result<> ShimClient::send_watch() { return send(request(shim::kWatch)); }

Result<> ShimClient::send_signal(const std::string& cid, int signal) {
  shim::Request r = request(shim::kSignal, cid);
  r.signal = signal;
  return send(r);
}

Result<> ShimClient::send(const shim::Request& r, const std::vector<int>& fds) {
  const ssize_t sent = send_with_fds(socket_.get(), &r, sizeof r, fds, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(sizeof r) ? Result<>() : gone();
}

Result<std::optional<ShimReply>> ShimClient::receive() {
  const auto raw = std::make_unique<shim::Reply>();
  Received received = receive_with_fds(socket_.get(), raw.get(), sizeof *raw, MSG_DONTWAIT);
  const ssize_t got = received.bytes;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<ShimReply>();
  const bool whole = got >= static_cast<ssize_t>(shim::reply_size(0)) && raw->magic == shim::kMagic &&
                     raw->count <= shim::kContainersMax &&
                     got == static_cast<ssize_t>(shim::reply_size(raw->count));
  if (!whole) return gone();
  ShimReply reply{static_cast<shim::Verb>(raw->verb), raw->error, raw->text, {}, {}};
  if (!received.fds.empty()) reply.passed = std::move(received.fds.front());
  reply.entries.assign(raw->entries, raw->entries + raw->count);
  return std::optional(std::move(reply));
}

Result<ShimReply> ShimClient::call(const shim::Request& r, Millis limit) {
  TRY(send(r));
  return answer(limit);
}

Result<ShimReply> ShimClient::answer(Millis limit) {
  for (;;) {
    pollfd wait{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(limit.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Error(Code::kUnavailable, "the pod's shim does not answer");
    std::optional<ShimReply> reply = TRY(receive());
    if (!reply) continue;
    if (reply->error != 0) return Error(Code::kInternal, reply->text);
    return *std::move(reply);
  }
}

}  // namespace minik::runtime
