#include "runtime/console_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/received_fds.h"

namespace minik::runtime {
namespace {

constexpr int kLimitMs = 10'000;
constexpr const char* kName = "console";

}  // namespace

Result<ConsoleSocket> ConsoleSocket::open(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Error::from_errno(errno, path);
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ConsoleSocket socket(std::move(directory), std::move(listener));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = socket.path();
  std::memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof address.sun_path - 1));
  if (::bind(socket.listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.listener_.get(), 1) != 0) {
    return Error::from_errno(errno, "console socket in " + path);
  }
  return socket;
}

ConsoleSocket::~ConsoleSocket() {
  if (directory_.valid()) ::unlinkat(directory_.get(), kName, 0);
}

std::string ConsoleSocket::path() const {
  return fmt::format("/proc/{}/fd/{}/{}", ::getpid(), directory_.get(), kName);
}

UniqueFd ConsoleSocket::receive(int pidfd) const {
  pollfd fds[2] = {{listener_.get(), POLLIN, 0}, {pidfd, POLLIN, 0}};
  while (::poll(fds, 2, kLimitMs) < 0 && errno == EINTR) continue;
  const UniqueFd sender(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!sender.valid()) return {};
  std::array<char, 256> text;
  std::vector<UniqueFd> fds_in = receive_with_fds(sender.get(), text.data(), text.size(), 0).fds;
  return fds_in.empty() ? UniqueFd() : std::move(fds_in.front());
}

}  // namespace minik::runtime
