// The daemon's side of a pod's shim (runtime/shim/protocol.h).
//
// Threads: a ShimClient belongs to one thread at a time; a shim serves several clients at once.
// Errors: kNotFound (no shim there), kUnavailable (it went away or does not answer), kInternal with crun's
// own words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/shim/protocol.h"

namespace minik::runtime {

struct ShimReply {
  shim::Verb verb{};
  int error = 0;
  std::string text;
  std::vector<shim::Entry> entries;
  UniqueFd passed;  // Of kAttach, perhaps.
};

struct StreamWish {
  bool stdin_open = false, stdin_once = false, tty = false;
};

// What an attached client reads and writes.
struct ShimStreams {
  UniqueFd input, output, errors;
  bool tty = false;
};

class ShimClient {
 public:
  // `pod_dir`: RUN/pods/<uid>.
  static Result<ShimClient> connect(const std::string& pod_dir);
  // Starts a shim unless one answers.
  static Result<ShimClient> connect_or_start(const std::string& pod_dir, const std::string& shim_program,
                                             const std::string& crun, const std::string& crun_root);

  Result<shim::Entry> create(const std::string& cid, const std::string& bundle, const std::string& log,
                             const StreamWish& streams);
  // The container's streams from now on; `input` is its terminal if it has one.
  Result<ShimStreams> attach(const std::string& cid, bool stdin_open);
  Result<shim::Entry> start(const std::string& cid);
  Result<> remove(const std::string& cid);
  Result<> quit();
  Result<std::vector<shim::Entry>> status();

  // Without waiting for the answer, for the thread that reads all replies by `receive`.
  Result<> send_watch();
  Result<> send_signal(const std::string& cid, int signal);
  // Nothing: no message waits.  Errors: kUnavailable when the shim has gone.
  Result<std::optional<ShimReply>> receive();
  int fd() const { return socket_.get(); }

 private:
  explicit ShimClient(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<> send(const shim::Request& request, const std::vector<int>& fds = {});
  Result<ShimReply> answer(Millis limit);
  Result<ShimReply> call(const shim::Request& request, Millis limit);

  UniqueFd socket_;
};

}  // namespace minik::runtime
