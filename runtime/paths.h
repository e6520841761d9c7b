// Where the runtime keeps its things.  RUN is gone after a reboot, STATE stays.
#pragma once

#include <string>

#include "runtime/runtime.h"

namespace minik::runtime {

class Paths {
 public:
  explicit Paths(const RuntimeConfig& config) : run_(config.run_dir), state_(config.state_dir) {}

  const std::string& run() const { return run_; }
  const std::string& state() const { return state_; }
  std::string crun_root() const { return run_ + "/crun"; }
  std::string run_pods() const { return run_ + "/pods"; }
  std::string run_containers() const { return run_ + "/ctr"; }
  std::string run_pod(const std::string& uid) const { return run_pods() + "/" + uid; }
  std::string namespace_file(const std::string& uid, const char* kind) const {
    return run_pod(uid) + "/ns/" + kind;
  }
  std::string shm(const std::string& uid) const { return run_pod(uid) + "/shm"; }
  std::string exec_dir(const std::string& uid) const { return run_pod(uid) + "/exec"; }
  std::string rootfs(const std::string& cid) const { return run_containers() + "/" + cid + "/rootfs"; }
  std::string mask() const { return run_ + "/mask"; }
  // Writable layers when STATE cannot hold them.
  std::string run_layers() const { return run_ + "/layers"; }

  std::string state_pods() const { return state_ + "/pods"; }
  std::string state_pod(const std::string& uid) const { return state_pods() + "/" + uid; }
  std::string record(const std::string& uid) const { return state_pod(uid) + "/state.json"; }
  std::string state_containers() const { return state_ + "/ctr"; }
  std::string bundle(const std::string& cid) const { return state_containers() + "/" + cid; }
  std::string images() const { return state_ + "/images"; }

  // The directory of a pod's logs; the pod's name is cut so that the file name stays valid.
  std::string logs(const std::string& ns, const std::string& pod, const std::string& uid) const {
    constexpr std::size_t kNameMax = 255;
    const std::size_t rest = ns.size() + uid.size() + 2;
    return state_ + "/logs/" + ns + "_" + pod.substr(0, kNameMax > rest ? kNameMax - rest : 1) + "_" + uid;
  }

 private:
  std::string run_, state_;
};

}  // namespace minik::runtime
