// Processes of others: starting a program, naming a process for good, ending it.
//
// Threads: any.  Pids are reused, so a process is named by its pid and its start time (pid, start ticks) of
// this boot.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::runtime {

// Field 22 of /proc/PID/stat; 0 if there is no such process or it is a zombie.
std::uint64_t start_ticks(int pid);
bool is_alive(int pid, std::uint64_t ticks);
// SIGKILL, and waits up to two seconds until it is gone or a zombie.
void kill_and_wait(int pid, std::uint64_t ticks);
std::string boot_id();

struct Stdio {
  int input = -1, output = -1, errors = -1;  // -1: /dev/null
};
// Starts argv[0] (a path) with an empty environment but PATH.  The child is the caller's to reap.
Result<int> spawn(const std::vector<std::string>& argv, const Stdio& stdio);
// Starts, waits, and answers the exit code (128 + signal); its stderr goes to `errors`.
Result<int> run_program(const std::vector<std::string>& argv, std::string& errors);
// Waits for a child: its exit code or 128 + signal.
int wait_for(int pid);

// The first of `names` that exists in the usual directories of programs; empty if none does.
std::string find_program(const std::vector<std::string>& names);

}  // namespace minik::runtime
