// minik-shim: supervisor of one pod.  Holds the pipes of its containers, writes their logs, reaps them,
// records how they ended, and answers the daemon on a socket.  It needs no daemon: if that dies, everything
// here goes on.
//
// usage: minik-shim POD_DIR CRUN CRUN_ROOT     Returns 0 once POD_DIR/shim.sock listens.
//
// Threads: one.  Memory: static tables only, so that a pod costs some tens of KiB.
// Errors: of a request, in its Reply; at start, a line on stderr and exit code 1.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/shim/attach.h"
#include "runtime/shim/containers.h"

namespace minik::shim {
namespace {

constexpr int kClientsMax = 32;
constexpr int kPollMax = 2 + kClientsMax + 2 * kContainersMax + kAttachedMax;

struct Client {
  int fd;  // -1: free.
  bool watches;
};

struct Server {
  int listener, signals;
  Client clients[kClientsMax];
  bool quitting;
  int quit_client;
  char socket_path[kPathSize];
};
Server server;
Reply reply;

void drop_client(int index) {
  Client& client = server.clients[index];
  if (client.fd < 0) return;
  close(client.fd);
  client.fd = -1;
  forget_client(index);
  if (server.quit_client == index) server.quit_client = -1;
}

// `passed`: a descriptor that goes with the reply, or -1.
void send_reply(int index, int passed = -1) {
  const int fd = server.clients[index].fd;
  if (fd < 0) return;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{&reply, reply_size(reply.count)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof passed);
    memcpy(CMSG_DATA(c), &passed, sizeof passed);
  }
  const ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(part.iov_len)) drop_client(index);
}

void fill_reply(uint32_t verb, int error, const char* text) {
  reply.magic = kMagic;
  reply.verb = verb;
  reply.error = error;
  reply.count = 0;
  snprintf(reply.text, sizeof reply.text, "%s", text);
}

void reply_with_all(int client, uint32_t verb) {
  fill_reply(verb, 0, "");
  for (const Container& c : containers) {
    if (c.entry.state != kFree) reply.entries[reply.count++] = c.entry;
  }
  send_reply(client);
}

void accept_client() {
  const int fd = accept4(server.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  for (Client& client : server.clients) {
    if (client.fd >= 0) continue;
    client = {fd, false};
    return;
  }
  close(fd);
}

void handle_of_container(const Request& request, int index) {
  Container* c = find_container(request.cid);
  if (c == nullptr) {
    // What is not there is removed already.
    const int error = request.verb == kRemove ? 0 : ENOENT;
    return reply_to(index, request.verb, error, error == 0 ? "" : "no such container", nullptr);
  }
  if (request.verb == kStart)
    start(c, index);
  else if (request.verb == kSignal)
    send_signal(c, request.signal, index);
  else
    remove(c, index);
}

void handle_attach(const Request& request, int index, int output, int errors) {
  Container* c = find_container(request.cid);
  if (c != nullptr && output >= 0) return attach_client(c, &request, output, errors, index);
  if (output >= 0) close(output);
  if (errors >= 0) close(errors);
  reply_to(index, kAttach, ENOENT, "no such container", nullptr);
}

void handle(Request& request, int index) {
  request.cid[kIdSize - 1] = request.bundle[kPathSize - 1] = request.log[kPathSize - 1] = 0;
  switch (request.verb) {
    case kCreate:
      if (find_container(request.cid) != nullptr)
        return reply_to(index, kCreate, EEXIST, "exists already", nullptr);
      return create(&request, index);
    case kStart:
    case kSignal:
    case kRemove:
      return handle_of_container(request, index);
    case kWatch:
      server.clients[index].watches = true;
      return reply_with_all(index, kWatch);
    case kStatus:
      return reply_with_all(index, kStatus);
    case kQuit:
      server.quitting = true;
      server.quit_client = index;
      return kill_all();
    default:
      return reply_to(index, request.verb, EOPNOTSUPP, "unknown verb", nullptr);
  }
}

// The descriptors of a message: at most two, -1 for none.
void passed_fds(msghdr* message, int* fds) {
  fds[0] = fds[1] = -1;
  for (cmsghdr* c = CMSG_FIRSTHDR(message); c != nullptr; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t size = c->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(c), size < 2 * sizeof(int) ? size : 2 * sizeof(int));
  }
}

void read_client(int index) {
  static Request request;
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  iovec part{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(server.clients[index].fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  int fds[2] = {-1, -1};
  if (got >= 0) passed_fds(&message, fds);
  const bool good = got == static_cast<ssize_t>(sizeof request) && request.magic == kMagic;
  if (good && request.verb == kAttach) {
    request.cid[kIdSize - 1] = 0;
    return handle_attach(request, index, fds[0], fds[1]);
  }
  for (const int fd : fds) {
    if (fd >= 0) close(fd);
  }
  if (!good) return drop_client(index);
  handle(request, index);
}

void read_signals() {
  signalfd_siginfo info;
  while (read(server.signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGTERM) continue;
    server.quitting = true;
    kill_all();
  }
  reap();
}

// Where each polled descriptor belongs: kind in the upper bits, index in the lower.
enum : int { kListener, kSignals, kClient, kOutput, kErrors, kAttached };
struct Polled {
  int kind, index;
};

int collect(pollfd* fds, Polled* owners) {
  int count = 0;
  const auto add = [&](int fd, int kind, int index) {
    if (fd < 0) return;
    fds[count] = {fd, POLLIN, 0};
    owners[count++] = {kind, index};
  };
  for (int i = 0; i < kAttachedMax; ++i) {
    add(attached_fd(i), kAttached, i);
    if (attached_fd(i) >= 0) fds[count - 1].events = 0;  // Only whether its reader has gone.
  }
  add(server.listener, kListener, 0);
  add(server.signals, kSignals, 0);
  for (int i = 0; i < kClientsMax; ++i) add(server.clients[i].fd, kClient, i);
  for (int i = 0; i < kContainersMax; ++i) {
    const Container& c = containers[i];
    if (c.entry.state == kFree || c.entry.state == kStopped) continue;
    if (c.entry.state == kCreating) continue;  // What comes now is crun's, not the program's.
    add(c.output.fd, kOutput, i);
    add(c.errors.fd, kErrors, i);
  }
  return count;
}

void serve_one(const Polled& owner) {
  Container& c = containers[owner.index];
  switch (owner.kind) {
    case kAttached:
      if (attached_fd(owner.index) >= 0) detach(owner.index);
      return;
    case kListener:
      return accept_client();
    case kSignals:
      return read_signals();
    case kClient:
      if (server.clients[owner.index].fd >= 0) read_client(owner.index);
      return;
    case kOutput:
      if (c.entry.state != kFree && c.output.fd >= 0) stream_pump(&c.output, &c.log);
      return;
    default:
      if (c.entry.state != kFree && c.errors.fd >= 0) stream_pump(&c.errors, &c.log);
      return;
  }
}

void serve() {
  static pollfd fds[kPollMax];
  static Polled owners[kPollMax];
  while (!server.quitting || live_containers() > 0) {
    const int count = collect(fds, owners);
    if (poll(fds, static_cast<nfds_t>(count), -1) < 0) continue;
    for (int i = 0; i < count; ++i) {
      if (fds[i].revents != 0) serve_one(owners[i]);
    }
  }
  unlink(server.socket_path);
  if (server.quit_client >= 0) reply_to(server.quit_client, kQuit, 0, "", nullptr);
}

bool listen_in(const char* directory) {
  // Relative, because a socket path has only 107 bytes.
  if (chdir(directory) != 0) return false;
  server.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, "shim.sock");
  unlink(address.sun_path);
  umask(0077);
  if (bind(server.listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
  umask(0022);
  snprintf(server.socket_path, sizeof server.socket_path, "%s/shim.sock", directory);
  return listen(server.listener, kClientsMax) == 0 && chdir("/") == 0;
}

bool prepare_signals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_SETMASK, &set, nullptr);
  server.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return server.signals >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

void let_go_of_stdio() {
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  if (null > 2) close(null);
}

// The daemon's child: waits until the shim proper listens.
int wait_for_ready(int ready) {
  char byte = 0;
  return read(ready, &byte, 1) == 1 ? 0 : 1;
}

int run(const char* directory) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return 1;
  const pid_t first = fork();
  if (first < 0) return 1;
  if (first > 0) {
    close(ready[1]);
    return wait_for_ready(ready[0]);
  }
  setsid();
  if (fork() != 0) _exit(0);
  close(ready[0]);
  for (Client& client : server.clients) client.fd = -1;
  server.quit_client = -1;
  if (!prepare_signals() || !listen_in(directory)) {
    dprintf(2, "minik-shim: %s: %s\n", directory, strerror(errno));
    _exit(1);
  }
  let_go_of_stdio();
  if (write(ready[1], "", 1) != 1) _exit(1);
  close(ready[1]);
  serve();
  _exit(0);
}

}  // namespace

void reply_to(int client, uint32_t verb, int error, const char* text, const Container* container) {
  if (client < 0) return;
  fill_reply(verb, error, text);
  if (container != nullptr) reply.entries[reply.count++] = container->entry;
  send_reply(client);
}

void reply_with_fd(int client, uint32_t verb, const Container* container, int fd) {
  if (client < 0) return;
  fill_reply(verb, 0, "");
  reply.entries[reply.count++] = container->entry;
  send_reply(client, fd);
}

void tell_watchers(const Container* container) {
  fill_reply(kExited, 0, "");
  reply.entries[reply.count++] = container->entry;
  for (int i = 0; i < kClientsMax; ++i) {
    if (server.clients[i].fd >= 0 && server.clients[i].watches) send_reply(i);
  }
}

}  // namespace minik::shim

int main(int argc, char** argv) {
  if (argc != 4) {
    dprintf(2, "usage: minik-shim POD_DIR CRUN CRUN_ROOT\n");
    return 2;
  }
  close_range(3, ~0U, 0);
  minik::shim::settings = {argv[2], argv[3]};
  return minik::shim::run(argv[1]);
}
