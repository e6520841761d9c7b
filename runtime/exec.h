// Programs executed in a running container, through `crun exec`.
//
// Threads: an ExecProcess belongs to one thread at a time; `kill` may come from any.
// Ownership: RUN/pods/<uid>/exec/<id>/ with process.json, pid and crun.log; the directory goes with the
// object.  What a dead daemon left there is ended by `kill_leftover_execs`. Errors: kInternal with crun's
// words, kKernel.  Specification: pod-runtime.md 4.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/paths.h"

namespace minik::runtime {

struct ExecWish {
  std::string crun, uid, cid;
  std::vector<std::string> command;
  bool stdin_open = false;
  bool one_stream = false;  // Errors come with the output.
  bool tty = false;         // A terminal: `input` and `output` are its master side, `errors` is invalid.
};

class ExecProcess {
 public:
  static Result<std::shared_ptr<ExecProcess>> start(const Paths& paths, const ExecWish& wish);
  ~ExecProcess();  // Ends it if it runs.
  ExecProcess(const ExecProcess&) = delete;
  ExecProcess& operator=(const ExecProcess&) = delete;

  // Our ends of the pipes; take them.
  UniqueFd input, output, errors;

  // Blocks until the end: the exit code (128 + signal), or why it could not be started.
  Result<int> wait();
  void kill();
  // Readable once it has ended.
  int pidfd() const { return pidfd_.get(); }

 private:
  ExecProcess() = default;
  Result<> spawn_crun(const Paths& paths, const ExecWish& wish);
  Result<> spawn_on_terminal(const Paths& paths, const ExecWish& wish);
  std::vector<std::string> command_line(const Paths& paths, const ExecWish& wish) const;
  std::string directory_;
  int pid_ = 0;  // Of crun.
  UniqueFd pidfd_;
  std::mutex reaping_;
  bool ended_ = false;
  int code_ = 0;
};

// Ends the programs whose daemon died.  `net_file`: the pod's pinned network namespace, which names them for
// ours.
void kill_leftover_execs(const std::string& exec_dir, const std::string& net_file);

}  // namespace minik::runtime
