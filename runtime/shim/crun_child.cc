#include "runtime/shim/crun_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

namespace minik::shim {
namespace {

constexpr const char* kUnified = "/sys/fs/cgroup/unified";
constexpr int kArgumentsMax = 16;

bool unified_has_controllers() {
  const int fd = open("/sys/fs/cgroup/unified/cgroup.controllers", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char first = 0;
  const bool any = read(fd, &first, 1) == 1 && first != '\n';
  close(fd);
  return any;
}

void hide_unified() {
  if (!unified_has_controllers()) return;
  if (unshare(CLONE_NEWNS) != 0) return;
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return;
  umount2(kUnified, MNT_DETACH);
}

[[noreturn]] void become_crun(const char* const* argv, Stdio stdio) {
  dup2(stdio.input, 0);
  dup2(stdio.output, 1);
  dup2(stdio.errors, 2);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  hide_unified();
  const char* const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                     nullptr};
  execve(argv[0], const_cast<char* const*>(argv), const_cast<char* const*>(environment));
  dprintf(2, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

}  // namespace

pid_t run_crun(const Container* container, const char* const* verb_and_options, Stdio stdio) {
  static char log_option[kPathSize + 32];
  snprintf(log_option, sizeof log_option, "--log=%s/crun.log", container->bundle);
  const char* argv[kArgumentsMax] = {settings.crun, "--root", settings.crun_root, "--cgroup-manager=disabled",
                                     log_option};
  int count = 5;
  for (; *verb_and_options != nullptr && count < kArgumentsMax - 1; ++verb_and_options) {
    argv[count++] = *verb_and_options;
  }
  argv[count] = nullptr;
  const pid_t pid = fork();
  if (pid == 0) become_crun(argv, stdio);
  return pid;
}

}  // namespace minik::shim
