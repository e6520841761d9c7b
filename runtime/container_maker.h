// ContainerMaker: the slow work of one container: root file system, files, configuration, and crun through
// the shim.
//
// Threads: any; each call is about one container and waits for its work.
// Errors: what a container's status says, in CreateOutcome; else kInternal, kKernel, kUnavailable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/container_env.h"
#include "runtime/image_resolve.h"
#include "runtime/oci_config.h"
#include "runtime/paths.h"
#include "runtime/shim_client.h"
#include "runtime/volumes.h"

namespace minik::runtime {

struct CreateWish {
  api::ObjectPtr pod;
  std::size_t container = 0;  // Init containers first.
  std::string cid;
  int restarts = 0;
  api::SnapshotPtr objects;
};

struct CreateOutcome {
  enum class Kind : std::uint8_t {
    kCreated,
    kMount,    // A volume could not be made: try again soon.
    kImage,    // ErrImagePull and its like: try again with the pull's back-off.
    kConfig,   // CreateContainerConfigError: try again soon.
    kFailed,   // CreateContainerError: try again soon.
    kNoStart,  // crun refuses the program: the run counts as ended with 128.
  } kind = Kind::kCreated;
  std::string reason, message;
  std::string image_id, pulled_text;
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::vector<std::string> skipped_env;
  std::string dns_warning;
  std::optional<std::chrono::seconds> refresh_in;  // When its volumes want a look.
};

class ContainerMaker {
 public:
  ContainerMaker(RuntimeConfig config, ImageStore& store);

  // Starts the pod's shim unless it runs.
  Result<ShimClient> shim(const std::string& uid) const;
  CreateOutcome create(const CreateWish& wish);
  Result<shim::Entry> start(const std::string& uid, const std::string& cid) const;
  // Ends and removes a container with all that belongs to it; without a shim, too.
  Result<> remove(const std::string& uid, const std::string& cid) const;
  // Brings a pod's volumes up to date; answers when they want the next look.
  Result<std::optional<std::chrono::seconds>> refresh_volumes(const api::Object& pod,
                                                              const api::Snapshot& objects) const;
  Result<> remove_volumes(const std::string& uid) const { return volumes_.remove(uid); }
  // What a container left in its termination log.
  std::string termination_message(const std::string& cid) const;

  HostImage& host_image() { return host_; }
  const std::string& crun() const { return crun_; }

 private:
  Result<std::vector<BindMount>> pod_files(const api::Object& pod, std::string& dns_warning) const;
  CreateOutcome create_in(const CreateWish& wish, const api::Container& container, const ResolvedImage& image,
                          Env env, std::vector<BindMount> volumes);
  ContainerSpec container_spec(const CreateWish& wish, const api::Container& container,
                               const ResolvedImage& image, Env env) const;
  Result<std::string> prepare_log(const CreateWish& wish, const std::string& container) const;

  RuntimeConfig config_;
  Paths paths_;
  ImageStore& store_;
  HostImage host_;
  PodVolumes volumes_;
  std::string crun_;
  std::vector<std::string> capabilities_;
  bool message_queues_;
};

// The container of the pod's spec at this place, init containers first.
const api::Container& container_at(const api::Pod& pod, std::size_t index);
PodPlace pod_place(const api::Object& pod, const RuntimeConfig& config);

}  // namespace minik::runtime
