// The OCI runtime configuration of a container, and of a program executed in one.
//
// Pure.  Specification: pod-runtime.md 1.3; OCI runtime-spec 1.0.2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace minik::runtime {

struct BindMount {
  std::string source, target;
  bool read_only = false;
  bool operator==(const BindMount&) const = default;
};

struct ContainerSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;
  std::string working_dir = "/";
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::int64_t> groups;  // Beside gid.
  bool privileged = false, read_only_root = false, no_new_privileges = false;
  std::string rootfs;                        // Absolute.
  std::string net_path, ipc_path, uts_path;  // Pinned namespaces; an empty one is the host's.
  std::string shm_dir;                       // The pod's shared memory, bound to /dev/shm.
  bool tty = false;                          // A terminal as stdin, stdout and stderr.
  bool message_queues = true;                // The kernel has mqueue.
  std::vector<BindMount> binds;
  std::vector<std::string> all_capabilities;  // What `privileged` gets: the daemon's own bounding set.
};

Json oci_config(const ContainerSpec& spec);

// The process of `config` with another command line, for `crun exec --process`.  With a terminal TERM is set.
Json exec_process(const Json& config, const std::vector<std::string>& argv, bool tty = false);

// Names of the capabilities of a bit set, as /proc/PID/status prints it in hex ("000001ffffffffff").
std::vector<std::string> capability_names(std::string_view hex);

}  // namespace minik::runtime
