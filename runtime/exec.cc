#include "runtime/exec.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"
#include "runtime/console_socket.h"
#include "runtime/oci_config.h"
#include "runtime/process.h"

namespace minik::runtime {
namespace {

struct Pipe {
  UniqueFd read_end, write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::optional<std::int64_t> pid_in(const std::string& path) {
  const auto text = read_file(path);
  return text.ok() ? parse_int(trim(*text)) : std::nullopt;
}

}  // namespace

Result<std::shared_ptr<ExecProcess>> ExecProcess::start(const Paths& paths, const ExecWish& wish) {
  const Json config = TRY(parse_json(TRY(read_file(paths.bundle(wish.cid) + "/config.json"))));
  std::shared_ptr<ExecProcess> process(new ExecProcess);
  process->directory_ = paths.exec_dir(wish.uid) + "/" + random_hex(8);
  TRY(make_dirs(process->directory_, 0700));
  TRY(write_file(process->directory_ + "/process.json", to_text(exec_process(config, wish.command, wish.tty)),
                 0600));
  TRY(wish.tty ? process->spawn_on_terminal(paths, wish) : process->spawn_crun(paths, wish));
  return process;
}

Result<> ExecProcess::spawn_crun(const Paths& paths, const ExecWish& wish) {
  Pipe in;
  if (wish.stdin_open) in = TRY(make_pipe());
  Pipe out = TRY(make_pipe());
  Pipe err;
  if (!wish.one_stream) err = TRY(make_pipe());
  const Stdio stdio{in.read_end.get(), out.write_end.get(),
                    wish.one_stream ? out.write_end.get() : err.write_end.get()};
  pid_ = TRY(spawn(command_line(paths, wish), stdio));
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  input = std::move(in.write_end);
  output = std::move(out.read_end);
  errors = std::move(err.read_end);
  return {};
}

std::vector<std::string> ExecProcess::command_line(const Paths& paths, const ExecWish& wish) const {
  return {wish.crun,
          "--root",
          paths.crun_root(),
          "--cgroup-manager=disabled",
          "--log=" + directory_ + "/crun.log",
          "exec",
          "--process",
          directory_ + "/process.json",
          "--pid-file",
          directory_ + "/pid",
          wish.cid};
}

// crun makes the terminal inside the container and hands us its master side.
Result<> ExecProcess::spawn_on_terminal(const Paths& paths, const ExecWish& wish) {
  const ConsoleSocket socket = TRY(ConsoleSocket::open(directory_));
  auto words = command_line(paths, wish);
  words.insert(words.end() - 1, {"--tty", "--console-socket", socket.path()});
  pid_ = TRY(spawn(words, {}));
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  // Nothing came: it could not be started, and wait() has crun's words.
  output = socket.receive(pidfd_.get());
  if (output.valid()) input.reset(::fcntl(output.get(), F_DUPFD_CLOEXEC, 3));
  return {};
}

ExecProcess::~ExecProcess() {
  if (pid_ > 0) {
    kill();
    [[maybe_unused]] const auto code = wait();
  }
  [[maybe_unused]] const auto removed = remove_tree(directory_);
}

Result<int> ExecProcess::wait() {
  const std::lock_guard lock(reaping_);
  if (!ended_) code_ = wait_for(pid_);
  ended_ = true;
  if (code_ != 0 && !path_exists(directory_ + "/pid")) {
    const auto log = read_file(directory_ + "/crun.log");
    const std::string text(trim(log.ok() ? *log : ""));
    return Error(Code::kInternal, text.empty() ? "crun exec ended with " + std::to_string(code_) : text);
  }
  return code_;
}

// The program first: killing crun alone would leave it running.  A pidfd cannot name another process.
void ExecProcess::kill() {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), 0, nullptr, 0) != 0) return;
  if (const auto inside = pid_in(directory_ + "/pid"); inside && *inside > 0) {
    ::kill(static_cast<pid_t>(*inside), SIGKILL);
  } else {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGTERM, nullptr, 0);
  }
}

void kill_leftover_execs(const std::string& exec_dir, const std::string& net_file) {
  struct stat ours {};
  if (::stat(net_file.c_str(), &ours) != 0) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(exec_dir, ignored)) {
    const auto pid = pid_in(entry.path() / "pid");
    struct stat theirs {};
    const bool same = pid && ::stat(("/proc/" + std::to_string(*pid) + "/ns/net").c_str(), &theirs) == 0 &&
                      theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
    if (same) kill_and_wait(static_cast<int>(*pid), start_ticks(static_cast<int>(*pid)));
    [[maybe_unused]] const auto removed = remove_tree(entry.path());
  }
}

}  // namespace minik::runtime
