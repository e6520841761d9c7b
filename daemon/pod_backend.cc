#include "daemon/pod_backend.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/netns.h"

namespace minik::daemon {
namespace {

apiserver::Program program_of(runtime::ExecSession session) {
  return {std::move(session.input), std::move(session.output), std::move(session.errors), session.tty,
          std::move(session.ended), std::move(session.wait),   std::move(session.kill)};
}

}  // namespace

Result<> RuntimeBackend::logs(const api::Object& pod, const apiserver::LogQuery& query,
                              const std::function<bool(std::string_view)>& sink) {
  runtime::LogRequest request;
  request.ns = pod.ns();
  request.pod = pod.name();
  request.uid = pod.uid();
  request.container = query.container;
  request.follow = query.follow;
  request.previous = query.previous;
  request.timestamps = query.timestamps;
  request.tail_lines = query.tail_lines;
  request.limit_bytes = query.limit_bytes;
  request.since_seconds = query.since_seconds;
  request.since_time = query.since_time;
  request.stream = query.stream;
  return runtime_.logs(request, sink);
}

Result<apiserver::Program> RuntimeBackend::exec(const api::Object& pod, const apiserver::ExecQuery& query) {
  return program_of(
      TRY(runtime_.exec({pod.uid(), query.container, query.command, query.stdin_open, query.tty})));
}

Result<apiserver::Program> RuntimeBackend::attach(const api::Object& pod, const apiserver::ExecQuery& query) {
  return program_of(TRY(runtime_.attach({pod.uid(), query.container, query.stdin_open})));
}

Result<std::string> RuntimeBackend::network_of(const api::Object& pod) {
  return runtime_.network_of(pod.uid());
}

Result<UniqueFd> RuntimeBackend::dial(const api::Object* pod, const Ip& address, int port) {
  const std::string netns = pod == nullptr ? node_netns_ : TRY(network_of(*pod));
  UniqueFd socket;
  TRY(in_netns(netns, [&]() -> Result<> {
    socket.reset(
        ::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return socket.valid() ? Result<>() : Error::from_errno(errno, "socket");
  }));
  sockaddr_storage where{};
  socklen_t size = 0;
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(where);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof v4.sin_addr);
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(where);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
    size = sizeof v6;
  }
  const int code = ::connect(socket.get(), reinterpret_cast<sockaddr*>(&where), size);
  if (code != 0 && errno != EINPROGRESS) return Error::from_errno(errno, "connect");
  return socket;
}

}  // namespace minik::daemon
