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
#include "base/ip.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::apiserver {

struct LogQuery {
  std::string container;
  bool follow = false, previous = false, timestamps = false;
  std::optional<std::int64_t> tail_lines, limit_bytes, since_seconds;
  std::optional<WallTime> since_time;
  std::string stream{};  // stdout or stderr; empty: both.
};

struct ExecQuery {
  std::string container;
  std::vector<std::string> command;
  bool stdin_open = false, stdout_open = false, stderr_open = false, tty = false;
};

// A program at work; the caller pumps the pipes, then waits.
struct Program {
  UniqueFd input, output, errors;
  bool tty = false;  // `input` is the terminal's master side, `output` has both streams, `errors` is invalid.
  UniqueFd ended;    // Readable once it has ended; invalid: the end of `output` tells.
  std::function<Result<int>()> wait;  // Exit code.
  std::function<void()> kill;
};

class PodBackend {
 public:
  virtual ~PodBackend() = default;
  virtual Result<> logs(const api::Object& pod, const LogQuery& query,
                        const std::function<bool(std::string_view)>& sink) = 0;
  virtual Result<Program> exec(const api::Object& pod, const ExecQuery& query) = 0;
  // The streams of the container's own process, from now on.
  virtual Result<Program> attach(const api::Object& pod, const ExecQuery& query) = 0;
  // A non-blocking TCP socket on its way to `address`: from inside the pod's network, or from the node if
  // there is no pod.
  virtual Result<UniqueFd> dial(const api::Object* pod, const Ip& address, int port) = 0;
  // The file that names the pod's network namespace.
  virtual Result<std::string> network_of(const api::Object& pod) = 0;
};

}  // namespace minik::apiserver
