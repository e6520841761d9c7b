// minik-standin-httpd: what stands in for nginx, httpd, agnhost and the like on a machine without a registry.
//
// usage: httpd [netexec|serve-hostname|pause] [--port=N|--http-port=N|-listen=:N] [--udp-port=N]
// [--text=T|-text=T]
//
// Answers every GET with the host name and the address that was asked; /hostname, /clientip, /healthz and
// /echo?msg= as agnhost's netexec does, which also answers "hostname", "clientip" and "echo TEXT" by UDP.
// Arguments it does not know are ignored, because those of the image it stands in for arrive here.
//
// Threads: one.  One request per connection (Connection: close).  No dependencies: it runs in any root file
// system.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>

namespace {

constexpr int kConnectionsMax = 512;
constexpr size_t kRequestMax = 4096;

struct Connection {
  int fd;  // -1: free.
  size_t held;
  char request[kRequestMax];
};
Connection connections[kConnectionsMax];

struct Options {
  int port = 80;
  int udp_port = 0;
  bool pause = false;
  bool hostname_only = false;
  const char* text = nullptr;
};
Options options;
char hostname[256];

// The text after `name` if `argument` begins with it.
const char* value_of(const char* argument, const char* name) {
  const size_t size = strlen(name);
  return strncmp(argument, name, size) == 0 ? argument + size : nullptr;
}

void parse_argument(const char* argument) {
  if (strcmp(argument, "pause") == 0) options.pause = true;
  if (strcmp(argument, "netexec") == 0) {
    options.port = 8080;
    options.udp_port = 8081;
  }
  if (strcmp(argument, "serve-hostname") == 0) {
    options.port = 9376;
    options.hostname_only = true;
  }
  for (const char* name : {"--port=", "--http-port=", "-listen=:", "--listen=:"}) {
    if (const char* value = value_of(argument, name)) options.port = atoi(value);
  }
  if (const char* value = value_of(argument, "--udp-port=")) options.udp_port = atoi(value);
  for (const char* name : {"--text=", "-text="}) {
    if (const char* value = value_of(argument, name)) options.text = value;
  }
}

// "10.244.0.5", also of IPv4 addresses mapped into IPv6.
void address_text(const sockaddr_storage& address, char* out, size_t size, int* port) {
  snprintf(out, size, "?");
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, out, static_cast<socklen_t>(size));
    *port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, out, static_cast<socklen_t>(size));
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, out, static_cast<socklen_t>(size));
    }
    *port = ntohs(v6.sin6_port);
  }
}

// A socket on all addresses of both families, or of IPv4 where there is no IPv6.
int open_socket(int type, int port) {
  const int one = 1;
  const int zero = 0;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(port));
  int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, reinterpret_cast<sockaddr*>(&v6), sizeof v6) == 0) return fd;
    close(fd);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<uint16_t>(port));
  fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, reinterpret_cast<sockaddr*>(&v4), sizeof v4) == 0) return fd;
  return -1;
}

// Percent-decodes up to a blank or '&'.
void decode_query(const char* from, char* out, size_t size) {
  size_t n = 0;
  for (; *from != 0 && *from != ' ' && *from != '&' && n + 1 < size; ++from) {
    unsigned byte = 0;
    if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1) {
      out[n++] = static_cast<char>(byte);
      from += 2;
    } else {
      out[n++] = *from == '+' ? ' ' : *from;
    }
  }
  out[n] = 0;
}

void make_body(const Connection& c, char* body, size_t size) {
  sockaddr_storage local{};
  sockaddr_storage peer{};
  socklen_t local_size = sizeof local;
  socklen_t peer_size = sizeof peer;
  getsockname(c.fd, reinterpret_cast<sockaddr*>(&local), &local_size);
  getpeername(c.fd, reinterpret_cast<sockaddr*>(&peer), &peer_size);
  char own[INET6_ADDRSTRLEN];
  char client[INET6_ADDRSTRLEN];
  int own_port = 0;
  int client_port = 0;
  address_text(local, own, sizeof own, &own_port);
  address_text(peer, client, sizeof client, &client_port);
  const char* path = strchr(c.request, ' ');
  path = path == nullptr ? "" : path + 1;
  if (value_of(path, "/hostname") != nullptr || options.hostname_only) {
    snprintf(body, size, "%s", hostname);
  } else if (value_of(path, "/clientip") != nullptr) {
    snprintf(body, size, strchr(client, ':') != nullptr ? "[%s]:%d" : "%s:%d", client, client_port);
  } else if (value_of(path, "/healthz") != nullptr) {
    snprintf(body, size, "ok");
  } else if (const char* message = value_of(path, "/echo?msg=")) {
    decode_query(message, body, size);
  } else if (options.text != nullptr) {
    snprintf(body, size, "%s\n", options.text);
  } else {
    snprintf(body, size, "Hello from %s at %s\n", hostname, own);
  }
}

void drop(Connection& c) {
  close(c.fd);
  c.fd = -1;
}

void answer(Connection& c) {
  char body[kRequestMax];
  char whole[kRequestMax + 256];
  const bool head = value_of(c.request, "HEAD ") != nullptr;
  const bool known =
      head || value_of(c.request, "GET ") != nullptr || value_of(c.request, "POST ") != nullptr;
  if (known) {
    make_body(c, body, sizeof body);
  } else {
    snprintf(body, sizeof body, "method not allowed\n");
  }
  const int size =
      snprintf(whole, sizeof whole,
               "HTTP/1.1 %s\r\nServer: minik-standin\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
               known ? "200 OK" : "405 Method Not Allowed", strlen(body), head ? "" : body);
  send(c.fd, whole, static_cast<size_t>(size), MSG_NOSIGNAL);
  shutdown(c.fd, SHUT_WR);
  // What the client still sends would turn our answer into a reset.
  char rest[kRequestMax];
  while (recv(c.fd, rest, sizeof rest, 0) > 0) continue;
  drop(c);
}

void serve_connection(Connection& c) {
  const ssize_t got = recv(c.fd, c.request + c.held, kRequestMax - 1 - c.held, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop(c);
  c.held += static_cast<size_t>(got);
  c.request[c.held] = 0;
  if (strstr(c.request, "\r\n\r\n") != nullptr || strstr(c.request, "\n\n") != nullptr ||
      c.held == kRequestMax - 1) {
    answer(c);
  }
}

void accept_connection(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  for (Connection& c : connections) {
    if (c.fd >= 0) continue;
    c.fd = fd;
    c.held = 0;
    return;
  }
  close(fd);
}

void serve_datagram(int socket) {
  char text[kRequestMax];
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  const ssize_t got =
      recvfrom(socket, text, sizeof text - 1, 0, reinterpret_cast<sockaddr*>(&peer), &peer_size);
  if (got < 0) return;
  text[got] = 0;
  char client[INET6_ADDRSTRLEN];
  char out[kRequestMax];
  int port = 0;
  address_text(peer, client, sizeof client, &port);
  if (const char* message = value_of(text, "echo ")) {
    snprintf(out, sizeof out, "%s", message);
  } else if (value_of(text, "clientip") != nullptr) {
    snprintf(out, sizeof out, "%s:%d", client, port);
  } else {
    snprintf(out, sizeof out, "%s", hostname);
  }
  sendto(socket, out, strlen(out), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&peer), peer_size);
}

void serve(int listener, int datagrams) {
  static pollfd fds[kConnectionsMax + 2];
  static int owners[kConnectionsMax + 2];
  for (;;) {
    nfds_t count = 0;
    fds[count++] = {listener, POLLIN, 0};
    fds[count++] = {datagrams, POLLIN, 0};  // Negative: poll ignores it.
    for (int i = 0; i < kConnectionsMax; ++i) {
      if (connections[i].fd < 0) continue;
      owners[count] = i;
      fds[count++] = {connections[i].fd, POLLIN, 0};
    }
    if (poll(fds, count, -1) < 0) continue;
    for (nfds_t i = 2; i < count; ++i) {
      if (fds[i].revents != 0) serve_connection(connections[owners[i]]);
    }
    if ((fds[0].revents & POLLIN) != 0) accept_connection(listener);
    if ((fds[1].revents & POLLIN) != 0) serve_datagram(datagrams);
  }
}

// Pid 1 of a container has no default actions, so it must end itself.
void leave(int) { _exit(0); }

}  // namespace

int main(int argc, char** argv) {
  for (const int number : {SIGTERM, SIGINT, SIGQUIT}) signal(number, leave);
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < argc; ++i) parse_argument(argv[i]);
  if (gethostname(hostname, sizeof hostname - 1) != 0) strcpy(hostname, "?");
  while (options.pause) pause();
  for (Connection& c : connections) c.fd = -1;
  const int listener = open_socket(SOCK_STREAM, options.port);
  if (listener < 0 || listen(listener, SOMAXCONN) != 0) {
    dprintf(2, "httpd: port %d: %s\n", options.port, strerror(errno));
    return 1;
  }
  const int datagrams = options.udp_port > 0 ? open_socket(SOCK_DGRAM, options.udp_port) : -1;
  if (options.udp_port > 0 && datagrams < 0) {
    dprintf(2, "httpd: port %d/udp: %s\n", options.udp_port, strerror(errno));
    return 1;
  }
  dprintf(1, "serving on port %d\n", options.port);
  serve(listener, datagrams);
}
