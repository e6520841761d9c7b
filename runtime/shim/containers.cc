#include "runtime/shim/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/shim/attach.h"
#include "runtime/shim/crun_child.h"

namespace minik::shim {

Container containers[kContainersMax];
Settings settings;

namespace {

// Children that ended before we knew whose they were: a container may die before crun's own end is seen.
struct Stray {
  pid_t pid;
  int status;
};
constexpr int kStrays = 16;
Stray strays[kStrays];
int next_stray = 0;
bool ending = false;  // The shim is to quit: nothing may go on.

bool any_creating() {
  for (const Container& c : containers) {
    if (c.entry.state == kCreating) return true;
  }
  return false;
}

// How a child ended that nobody knew; pids are used again, so only while a container may turn out to be it.
bool take_stray(pid_t pid, int* status) {
  for (Stray& stray : strays) {
    if (stray.pid != pid) continue;
    *status = stray.status;
    stray.pid = 0;
    return true;
  }
  return false;
}

void note_stray(pid_t pid, int status) {
  if (!any_creating()) {
    memset(strays, 0, sizeof strays);
    return;
  }
  strays[next_stray] = {pid, status};
  next_stray = (next_stray + 1) % kStrays;
}

ssize_t read_small(const char* directory, const char* name, char* out, size_t size) {
  char path[kPathSize + 32];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t got = read(fd, out, size - 1);
  close(fd);
  out[got > 0 ? got : 0] = 0;
  return got;
}

void write_small(const char* directory, const char* name, const char* text) {
  char path[kPathSize + 32];
  char beside[kPathSize + 40];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  snprintf(beside, sizeof beside, "%s.tmp", path);
  const int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const size_t size = strlen(text);
  const bool whole = write(fd, text, size) == static_cast<ssize_t>(size);
  close(fd);
  if (whole) rename(beside, path);
}

uint64_t start_ticks(pid_t pid) {
  char path[32];
  char stat[1024];
  snprintf(path, sizeof path, "/proc/%d", static_cast<int>(pid));
  if (read_small(path, "stat", stat, sizeof stat) <= 0) return 0;
  const char* at = strrchr(stat, ')');  // The name may hold blanks and parentheses.
  for (int field = 2; at != nullptr && field < 22; ++field) at = strchr(at + 1, ' ');
  return at == nullptr ? 0 : strtoull(at + 1, nullptr, 10);
}

// crun's own words, without its line end.
void crun_text(const Container* c, char* out, size_t size) {
  ssize_t got = read_small(c->bundle, "crun.log", out, size);
  if (got <= 0) snprintf(out, size, "crun failed without a message");
  got = static_cast<ssize_t>(strlen(out));
  while (got > 0 && (out[got - 1] == '\n' || out[got - 1] == ' ')) out[--got] = 0;
}

void remove_log_of_crun(const Container* c) {
  char path[kPathSize + 32];
  snprintf(path, sizeof path, "%s/crun.log", c->bundle);
  unlink(path);
}

void close_fd(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// What crun itself printed is no output of the program.
void discard(int fd) {
  char text[kTextSize];
  while (read(fd, text, sizeof text) > 0) continue;
}

// Lets go of a container without another word about it.
void release(Container* c) {
  close_fd(&c->output.fd);
  close_fd(&c->errors.fd);
  close_fd(&c->input);
  console_close(&c->console);
  detach_all(c);
  log_close(&c->log);
  c->entry.state = kFree;
}

bool open_pipe(int* read_end, int* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  *read_end = ends[0];
  *write_end = ends[1];
  return true;
}

bool open_null(Stdio* child) {
  int* const ends[] = {&child->input, &child->output, &child->errors};
  for (int* end : ends) {
    *end = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (*end < 0) return false;
  }
  return true;
}

// `console`: the name of the console socket, if the container has a terminal.
bool open_streams(Container* c, const Request* request, Stdio* child, char* console, size_t size) {
  if (request->tty != 0) return console_open(&c->console, c->bundle, console, size) && open_null(child);
  if (!open_pipe(&c->output.fd, &child->output) || !open_pipe(&c->errors.fd, &child->errors)) return false;
  fcntl(c->output.fd, F_SETFL, O_NONBLOCK);
  fcntl(c->errors.fd, F_SETFL, O_NONBLOCK);
  if (request->stdin_open != 0) return open_pipe(&child->input, &c->input);
  child->input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return child->input >= 0;
}

void record_exit(const Container* c) {
  char text[512];
  const Entry& e = c->entry;
  snprintf(text, sizeof text,
           "{\"code\":%d,\"signal\":%d,\"core\":%s,\"startedNs\":%lld,\"finishedNs\":%lld,\"pid\":%d,"
           "\"startTicks\":%llu}\n",
           e.exit_code, e.exit_signal, e.core != 0 ? "true" : "false", static_cast<long long>(e.started_ns),
           static_cast<long long>(e.finished_ns), e.pid, static_cast<unsigned long long>(e.start_ticks));
  write_small(c->bundle, "exit", text);
}

void run_delete(Container* c) {
  const char* const verb[] = {"delete", "--force", c->entry.cid, nullptr};
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  c->verb = kRemove;
  c->helper = run_crun(c, verb, {null, null, null});
  close(null);
  if (c->helper > 0) return;
  c->helper = 0;
  reply_to(c->client, kRemove, errno, "fork", nullptr);
  release(c);
}

void ended(Container* c, int status) {
  Entry& e = c->entry;
  e.exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  e.exit_code = WIFSIGNALED(status) ? 128 + e.exit_signal : WEXITSTATUS(status);
  e.core = WIFSIGNALED(status) && WCOREDUMP(status) ? 1 : 0;
  e.finished_ns = wall_clock_ns();
  if (e.started_ns == 0) e.started_ns = e.finished_ns;
  e.state = kStopped;
  if (c->output.fd >= 0) stream_finish(&c->output, &c->log);
  if (c->errors.fd >= 0) stream_finish(&c->errors, &c->log);
  close_fd(&c->input);
  detach_all(c);
  log_close(&c->log);
  record_exit(c);
  tell_watchers(c);
  if (c->removing && c->helper == 0) run_delete(c);
}

void reply_and_forget(Container* c, uint32_t verb, int error, const char* text, const Container* entry) {
  const int client = c->client;
  c->client = -1;
  reply_to(client, verb, error, text, entry);
}

// The terminal's master side is stdin and stdout at once.
bool take_terminal(Container* c) {
  c->output.fd = console_take(&c->console);
  c->input = c->output.fd < 0 ? -1 : fcntl(c->output.fd, F_DUPFD_CLOEXEC, 3);
  console_close(&c->console);
  return c->input >= 0;
}

void created(Container* c, int status) {
  char text[kTextSize];
  if (status != 0 || read_small(c->bundle, "pid", text, sizeof text) <= 0) {
    crun_text(c, text, sizeof text);
    release(c);
    return reply_and_forget(c, c->removing ? kRemove : kCreate, c->removing ? 0 : -1, text, nullptr);
  }
  c->entry.pid = atoi(text);
  c->entry.start_ticks = start_ticks(c->entry.pid);
  c->entry.state = kCreated;
  if (c->entry.tty != 0 && !take_terminal(c)) kill(c->entry.pid, SIGKILL);
  if (c->entry.tty == 0) {
    discard(c->output.fd);
    discard(c->errors.fd);
  }
  snprintf(text, sizeof text, "%d %llu\n", c->entry.pid,
           static_cast<unsigned long long>(c->entry.start_ticks));
  write_small(c->bundle, "run", text);
  if (!c->removing) reply_and_forget(c, kCreate, 0, "", c);
  if (take_stray(c->entry.pid, &status)) return ended(c, status);
  if (c->removing || ending) kill(c->entry.pid, SIGKILL);
}

void started(Container* c, int status) {
  char text[kTextSize] = "";
  if (status != 0) crun_text(c, text, sizeof text);
  if (status == 0 && c->entry.state == kCreated) c->entry.state = kRunning;
  if (!c->removing) return reply_and_forget(c, kStart, status == 0 ? 0 : -1, text, c);
  if (c->entry.state == kStopped) run_delete(c);
}

void removed(Container* c, int status) {
  char text[kTextSize] = "";
  if (status != 0) crun_text(c, text, sizeof text);
  const int client = c->client;
  release(c);
  reply_to(client, kRemove, status == 0 ? 0 : -1, text, nullptr);
}

void helper_ended(Container* c, int status) {
  c->helper = 0;
  if (c->verb == kCreate)
    created(c, status);
  else if (c->verb == kStart)
    started(c, status);
  else
    removed(c, status);
  if (status == 0) remove_log_of_crun(c);
}

bool claim(pid_t pid, int status) {
  for (Container& c : containers) {
    if (c.entry.state == kFree) continue;
    if (c.helper == pid) {
      helper_ended(&c, status);
      return true;
    }
    if (c.entry.pid == pid && c.entry.state != kStopped) {
      ended(&c, status);
      return true;
    }
  }
  return false;
}

}  // namespace

Container* find_container(const char* cid) {
  for (Container& c : containers) {
    if (c.entry.state != kFree && strcmp(c.entry.cid, cid) == 0) return &c;
  }
  return nullptr;
}

int live_containers() {
  int count = 0;
  for (const Container& c : containers) {
    if (c.entry.state != kFree && (c.entry.state != kStopped || c.helper != 0)) ++count;
  }
  return count;
}

void create(const Request* request, int client) {
  Container* c = nullptr;
  for (Container& slot : containers) {
    if (c == nullptr && slot.entry.state == kFree) c = &slot;
  }
  if (c == nullptr) return reply_to(client, kCreate, ENOSPC, "too many containers", nullptr);
  c->entry = {};
  memcpy(c->entry.cid, request->cid, kIdSize - 1);
  c->entry.state = kCreating;
  memcpy(c->bundle, request->bundle, kPathSize - 1);
  c->removing = false;
  c->client = client;
  c->verb = kCreate;
  c->helper = 0;
  c->entry.tty = request->tty;
  c->stdin_once = request->stdin_once != 0;
  c->input = -1;
  c->console = {-1, -1};
  c->output = {-1, "stdout", c, 0, {}};
  c->errors = {-1, "stderr", c, 0, {}};
  c->log.fd = -1;
  Stdio child{-1, -1, -1};
  char console[64] = "";
  int error = 0;
  if (!open_streams(c, request, &child, console, sizeof console) || !log_open(&c->log, request->log)) {
    error = errno;
  } else {
    char pid_file[kPathSize + 8];
    snprintf(pid_file, sizeof pid_file, "%s/pid", c->bundle);
    const char* const verb[] = {"create", "--bundle",   c->bundle, "--pid-file",
                                pid_file, c->entry.cid, nullptr};
    const char* const with_terminal[] = {"create",           "--bundle", c->bundle,    "--pid-file", pid_file,
                                         "--console-socket", console,    c->entry.cid, nullptr};
    c->helper = run_crun(c, request->tty != 0 ? with_terminal : verb, child);
    error = c->helper < 0 ? errno : 0;
  }
  close_fd(&child.input);
  close_fd(&child.output);
  close_fd(&child.errors);
  if (error == 0) return;
  c->helper = 0;
  release(c);
  reply_to(client, kCreate, error, strerror(error), nullptr);
}

void start(Container* c, int client) {
  if (c->entry.state != kCreated || c->helper != 0) {
    return reply_to(client, kStart, EINVAL, "the container is not in state created", c);
  }
  const char* const verb[] = {"start", c->entry.cid, nullptr};
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  c->verb = kStart;
  c->client = client;
  c->entry.started_ns = wall_clock_ns();
  c->helper = run_crun(c, verb, {null, null, null});
  const int error = c->helper < 0 ? errno : 0;
  close(null);
  if (error == 0) return;
  c->helper = 0;
  c->client = -1;
  reply_to(client, kStart, error, strerror(error), c);
}

void remove(Container* c, int client) {
  if (c->client >= 0) reply_to(c->client, c->verb, ECANCELED, "the container is being removed", nullptr);
  c->client = client;
  if (c->removing) return;
  c->removing = true;
  if (c->entry.state == kCreating) return;  // created() goes on.
  if (c->entry.state != kStopped) {
    kill(c->entry.pid, SIGKILL);
  } else if (c->helper == 0) {
    run_delete(c);
  }
}

void attach_client(Container* c, const Request* request, int output, int errors, int client) {
  const bool live = c->entry.state == kCreated || c->entry.state == kRunning;
  if (!live || !attach(c, output, errors)) {
    close_fd(&output);
    close_fd(&errors);
    return reply_to(client, kAttach, live ? ENOSPC : ESRCH, live ? "too many are attached" : "not running",
                    c);
  }
  const bool wants = request->stdin_open != 0 || c->entry.tty != 0;
  reply_with_fd(client, kAttach, c, wants ? c->input : -1);
  if (request->stdin_open != 0 && c->stdin_once && c->entry.tty == 0) close_fd(&c->input);
}

void send_signal(Container* c, int signal, int client) {
  const bool live = c->entry.state == kCreated || c->entry.state == kRunning;
  const int error = !live ? ESRCH : kill(c->entry.pid, signal) == 0 ? 0 : errno;
  reply_to(client, kSignal, error, error == 0 ? "" : strerror(error), c);
}

void kill_all() {
  ending = true;
  for (Container& c : containers) {
    if (c.entry.state == kCreated || c.entry.state == kRunning) kill(c.entry.pid, SIGKILL);
  }
}

void forget_client(int client) {
  for (Container& c : containers) {
    if (c.entry.state != kFree && c.client == client) c.client = -1;
  }
}

void reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (claim(pid, status)) continue;
    note_stray(pid, status);
  }
}

}  // namespace minik::shim
