// Runtime: runs Pods as containers on one node.  The world's edge for processes, mounts and images.
//
// Threads: every method from any thread; `want` returns at once and the work happens on the runtime's own
// threads.
//          Reports arrive through the callback given at construction, on a runtime thread: only post them on.
// Ownership: everything it makes carries the pod's uid in its path; nothing else is ever touched.
// Errors: what goes wrong with one pod is part of that pod's facts, in Kubernetes' words, never an Error.
// Specification: reference notes pod-runtime.md; core/v1 ContainerStatus.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/pod_fact.h"
#include "api/snapshot.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::runtime {

// What shall be of one pod.  A pod with a deletion timestamp is being stopped: TERM now, KILL when its grace
// is over.  A pod that is no longer wished for is torn down completely, at once.
struct PodWish {
  api::ObjectPtr pod;
  bool wired = false;     // The kernel holds its link, address and rules: containers may start.
  bool built_in = false;  // Only the sandbox is made; minik itself serves from its network namespace.
};

using api::ContainerFact;
using api::ContainerState;
using api::PodFact;

// Something worth an Event on the pod.
struct PodEvent {
  api::ObjectPtr pod;
  bool warning = false;
  std::string container;  // Empty: the pod itself.
  std::string reason, message;
};

struct LogRequest {
  std::string ns, pod, uid, container;
  bool follow = false, previous = false, timestamps = false;
  std::optional<std::int64_t> tail_lines, limit_bytes, since_seconds;
  std::optional<WallTime> since_time;
  std::string stream{};  // stdout or stderr; empty: both.
};

struct ExecRequest {
  std::string uid, container;
  std::vector<std::string> command;
  bool stdin_open = false;
  bool tty = false;
};

struct AttachRequest {
  std::string uid, container;
  bool stdin_open = false;
};

// A program running in a container; the caller pumps the pipes.
struct ExecSession {
  UniqueFd input, output, errors;  // Our ends; `input` invalid without stdin_open or a terminal.
  bool tty = false;  // `input` is the terminal's master side, `output` has both streams, `errors` is invalid.
  UniqueFd ended;    // Readable once the program has ended; invalid: the end of `output` tells.
  // Blocks until the program ended: its exit code.  Errors: it could not be started (with the runtime's
  // text).
  std::function<Result<int>()> wait;
  // Ends the program early; safe after its end.
  std::function<void()> kill;
};

struct ImageInfo {
  std::string name, id, source;  // Normalised name, sha256:…, where it came from.
  std::uint64_t bytes = 0;
  WallTime created{};
};

class Runtime {
 public:
  virtual ~Runtime() = default;

  // Finds what an earlier daemon left running and reports it.  Once, before the first `want`.
  virtual Result<> adopt() = 0;
  // The whole wish: pods that are not in it are torn down.  `objects` serves env and files at container
  // start.
  virtual void want(std::vector<PodWish> wishes, api::SnapshotPtr objects) = 0;

  // Calls `sink` with pieces of text until the log's end (follow: until the container ends) or `sink` says
  // false; with follow and nothing to say, `sink` is called with empty text about once a second. Errors:
  // kInvalid in the API's words ("container \"c\" in pod \"p\" is waiting to start: ContainerCreating").
  virtual Result<> logs(const LogRequest& request, const std::function<bool(std::string_view)>& sink) = 0;
  // Errors: kNotFound (no such container running), kInternal.
  virtual Result<ExecSession> exec(const ExecRequest& request) = 0;

  // The streams of the container's own process, from now on; `wait` answers 0 and `kill` leaves it alone.
  // Errors: kNotFound (no such container running), kUnavailable (its shim does not answer).
  virtual Result<ExecSession> attach(const AttachRequest& request) = 0;
  // The file that names the pod's network namespace.  Errors: kNotFound.
  virtual Result<std::string> network_of(const std::string& uid) = 0;

  // Makes an image of a root file system.  `name` as in a pod's image.  Errors: kInvalid, kKernel.
  virtual Result<ImageInfo> add_image(const std::string& name, const std::string& directory) = 0;
  virtual Result<std::vector<ImageInfo>> images() = 0;
  virtual Result<> remove_image(const std::string& name) = 0;

  // Ends every container and removes everything the runtime made.  The last call.
  virtual void tear_down() = 0;
};

// A token that a projected volume of a pod shall hold.
struct TokenWish {
  std::string ns, pod, uid, account;
  std::string audience;  // Empty: the API server.
  std::int64_t seconds = 3600;
};
// Asked on a worker thread.
using TokenSource = std::function<Result<std::string>(const TokenWish&)>;

struct RuntimeConfig {
  std::string cluster;    // "default"
  std::string run_dir;    // /run/minik/<cluster>: sockets, mounts; gone after a reboot.
  std::string state_dir;  // Images, logs, writable layers.
  std::string node_name, node_ip, node_netns;
  std::string cluster_domain;  // cluster.local
  std::string dns_ip;          // ClusterIP of kube-dns.
  std::string shim;            // Path of minik-shim.
  std::string version;         // For the User-Agent of probes: kube-probe/1.33.
  TokenSource tokens;          // Unset: pods that project a token wait for ever.
};

}  // namespace minik::runtime
