#include "runtime/shim/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace minik::shim {
namespace {

constexpr const char* kName = "console";

}  // namespace

bool console_open(Console* console, const char* bundle, char* path, size_t size) {
  console->directory = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
  console->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (console->directory < 0 || console->listener < 0) return false;
  // Through our descriptor, because a socket path has only 107 bytes.
  snprintf(path, size, "/proc/%d/fd/%d/%s", static_cast<int>(getpid()), console->directory, kName);
  unlinkat(console->directory, kName, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  return bind(console->listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
         listen(console->listener, 1) == 0;
}

int console_take(const Console* console) {
  const int sender = accept4(console->listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (sender < 0) return -1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  char text[256];
  iovec part{text, sizeof text};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  int master = -1;
  if (recvmsg(sender, &message, MSG_CMSG_CLOEXEC) >= 0) {
    const cmsghdr* c = CMSG_FIRSTHDR(&message);
    if (c != nullptr && c->cmsg_type == SCM_RIGHTS) memcpy(&master, CMSG_DATA(c), sizeof master);
  }
  close(sender);
  if (master >= 0) fcntl(master, F_SETFL, O_NONBLOCK);
  return master;
}

void console_close(Console* console) {
  if (console->directory >= 0) unlinkat(console->directory, kName, 0);
  if (console->directory >= 0) close(console->directory);
  if (console->listener >= 0) close(console->listener);
  *console = {-1, -1};
}

}  // namespace minik::shim
