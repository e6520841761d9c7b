#include "runtime/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/files.h"
#include "base/text.h"

namespace minik::runtime {
namespace {

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kKillWaitMs = 2000;
constexpr std::size_t kErrorsMax = 64 * 1024;

struct Actions {
  Actions() { ::posix_spawn_file_actions_init(&value); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  void use(int fd, int target) {
    if (fd >= 0) {
      ::posix_spawn_file_actions_adddup2(&value, fd, target);
    } else {
      ::posix_spawn_file_actions_addopen(&value, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0);
    }
  }
  posix_spawn_file_actions_t value;
};

struct Attributes {
  Attributes() {
    ::posix_spawnattr_init(&value);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&value, &none);
    ::posix_spawnattr_setsigdefault(&value, &all);
    ::posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t value;
};

}  // namespace

std::uint64_t start_ticks(int pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (pid <= 0 || !stat.ok()) return 0;
  const auto end = stat->rfind(')');  // The name may hold blanks and parentheses.
  if (end == std::string::npos) return 0;
  const auto words = split_words(std::string_view(*stat).substr(end + 1));
  if (words.size() < 20 || words[0] == "Z" || words[0] == "X") return 0;
  return static_cast<std::uint64_t>(parse_int(words[19]).value_or(0));
}

bool is_alive(int pid, std::uint64_t ticks) { return ticks != 0 && start_ticks(pid) == ticks; }

void kill_and_wait(int pid, std::uint64_t ticks) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid() || !is_alive(pid, ticks)) return;
  ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  pollfd wait{process.get(), POLLIN, 0};
  ::poll(&wait, 1, kKillWaitMs);
}

std::string boot_id() {
  const auto id = read_file("/proc/sys/kernel/random/boot_id");
  return id.ok() ? std::string(trim(*id)) : "";
}

Result<int> spawn(const std::vector<std::string>& argv, const Stdio& stdio) {
  Actions actions;
  const Attributes attributes;
  actions.use(stdio.input, 0);
  actions.use(stdio.output, 1);
  actions.use(stdio.errors, 2);
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::array<char*, 2> environment{const_cast<char*>(kPath), nullptr};
  pid_t pid = 0;
  const int err =
      ::posix_spawn(&pid, words[0], &actions.value, &attributes.value, words.data(), environment.data());
  if (err != 0) return Error::from_errno(err, "start " + argv[0]);
  return static_cast<int>(pid);
}

int wait_for(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Result<int> run_program(const std::vector<std::string>& argv, std::string& errors) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const int pid = TRY(spawn(argv, {-1, -1, write_end.get()}));
  write_end.reset();
  std::array<char, 4096> chunk;
  for (ssize_t got = 0; (got = ::read(read_end.get(), chunk.data(), chunk.size())) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    if (errors.size() < kErrorsMax) errors.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return wait_for(pid);
}

std::string find_program(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    for (const char* directory :
         {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
      if (::access((directory + name).c_str(), X_OK) == 0) return directory + name;
    }
  }
  return "";
}

}  // namespace minik::runtime
