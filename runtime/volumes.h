// PodVolumes: the volumes of pods as directories, and their places in containers.
//
// Made before the first container that mounts them, kept up to date, gone with the pod; they are on a tmpfs
// (secrets never touch a disk) and survive the daemon.  Kinds: configMap, secret, downwardAPI, projected.
//
// Threads: any, one call per pod at a time.  Ownership: RUN/pods/<uid>/volumes.
// Errors: kInvalid with the kubelet's text: MountVolume.SetUp failed for volume "v" : configmap "c" not
// found.
#pragma once

#include <optional>
#include <vector>

#include "api/pod.h"
#include "api/snapshot.h"
#include "runtime/container_env.h"
#include "runtime/oci_config.h"
#include "runtime/paths.h"

namespace minik::runtime {

class PodVolumes {
 public:
  explicit PodVolumes(const RuntimeConfig& config) : paths_(config), tokens_(config.tokens) {}

  struct Made {
    std::vector<BindMount> binds;
    std::optional<std::chrono::seconds> refresh_in;  // When the first token is to be replaced.
  };
  // Makes what the container mounts.
  Result<Made> make(const api::Object& pod, const api::Container& container, const api::Snapshot& objects,
                    const PodPlace& place) const;
  // Brings the volumes that were made up to date.
  Result<std::optional<std::chrono::seconds>> refresh(const api::Object& pod, const api::Snapshot& objects,
                                                      const PodPlace& place) const;
  Result<> remove(const std::string& uid) const;

 private:
  Result<> prepare_home(const std::string& uid) const;
  Result<> write(const api::Object& pod, const Json& volume, const api::Snapshot& objects,
                 const PodPlace& place, std::optional<std::chrono::seconds>& refresh_in) const;
  std::string directory(const std::string& uid, const std::string& volume) const;

  Paths paths_;
  TokenSource tokens_;
};

}  // namespace minik::runtime
