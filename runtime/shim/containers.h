// The containers of the pod: made and started by crun, which the shim runs as a child so that a container
// becomes the shim's own child (subreaper) once crun has ended.  Nothing here waits: each crun run ends by a
// SIGCHLD.
#pragma once

#include <sys/types.h>

#include "runtime/shim/log_file.h"
#include "runtime/shim/protocol.h"
#include "runtime/shim/terminal.h"

namespace minik::shim {

struct Container {
  Entry entry;
  bool removing;    // kRemove was asked; goes on when it has ended.
  pid_t helper;     // The crun that works on it, or 0.
  uint32_t verb;    // What that crun does.
  int client;       // Who waits for it: index into the server's clients, or -1.
  int input;        // Write end of its stdin, or its terminal; held open while it lives.  -1: /dev/null.
  bool stdin_once;  // Whoever attaches first gets `input` for good: its end is the end of stdin.
  Console console;  // While a container with a terminal is being made.
  Stream output, errors;
  LogFile log;
  char bundle[kPathSize];
};

struct Settings {
  const char* crun;
  const char* crun_root;
};

extern Container containers[kContainersMax];
extern Settings settings;

Container* find_container(const char* cid);
int live_containers();

// Each answers the client by reply_to() now or when its work has ended.
void create(const Request* request, int client);
void start(Container* container, int client);
void remove(Container* container, int client);
// Takes both descriptors over.
void attach_client(Container* container, const Request* request, int output, int errors, int client);
void send_signal(Container* container, int signal, int client);
void kill_all();  // And what is being created will be killed, too.
// A client has gone: nobody waits any more.
void forget_client(int client);
// Collects ended children and carries on with what waited for them.
void reap();

// Of the server.
void reply_to(int client, uint32_t verb, int error, const char* text, const Container* container);
// `fd` goes with it; stays the caller's.
void reply_with_fd(int client, uint32_t verb, const Container* container, int fd);
void tell_watchers(const Container* container);

}  // namespace minik::shim
