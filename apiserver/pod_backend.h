// PodBackend: what the API server asks of whoever runs the pods; the daemon connects it to the runtime.
//
// Threads: any.  Errors: in the API's words.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::apiserver {

struct LogQuery {
  std::string container;
  bool follow = false, previous = false, timestamps = false;
  std::optional<std::int64_t> tail_lines, limit_bytes, since_seconds;
  std::optional<WallTime> since_time;
};

struct ExecQuery {
  std::string container;
  std::vector<std::string> command;
  bool stdin_open = false, stdout_open = false, stderr_open = false, tty = false;
};

// A program at work; the caller pumps the pipes, then waits.
struct Program {
  UniqueFd input, output, errors;
  std::function<Result<int>()> wait;  // Exit code.
  std::function<void()> kill;
};

class PodBackend {
 public:
  virtual ~PodBackend() = default;
  virtual Result<> logs(const api::Object& pod, const LogQuery& query,
                        const std::function<bool(std::string_view)>& sink) = 0;
  virtual Result<Program> exec(const api::Object& pod, const ExecQuery& query) = 0;
};

}  // namespace minik::apiserver
