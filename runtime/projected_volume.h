// Projected volumes: what configMap, secret, downwardAPI and projected volumes of a pod hold, and how it gets
// onto the disk.
//
// `volume_files` is pure but for the token source.  `write_payload` swaps everything at once, as the kubelet
// does: files in a directory of their own, the link ..data to it renamed into place, and links from the
// visible names through ..data.  Readers see the old or the new set, never a mixture.
//
// Threads: any; one writer per directory.
// Errors: kNotFound and kInvalid in the kubelet's words for MountVolume.SetUp, from_errno.
// Specification: pod-runtime.md 7.10; design proposal "atomic writer" of Kubernetes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/pod.h"
#include "api/snapshot.h"
#include "runtime/container_env.h"
#include "runtime/runtime.h"

namespace minik::runtime {

struct VolumeFile {
  std::string path;  // Relative, without "..".
  std::string bytes;
  unsigned mode = 0644;
  bool operator==(const VolumeFile&) const = default;
};

// Who owns the files.
struct VolumeOwner {
  std::optional<std::int64_t> user, group;  // The user of all containers; fsGroup.
};

// What a volume is made from.
struct VolumeSources {
  const api::Snapshot& objects;
  const PodPlace& place;
  // The token for this wish; answers the one on disk while that is fresh.
  std::function<Result<std::string>(const TokenWish& wish, const std::string& path)> token;
};

// Whether it is of a kind that is made here.
bool is_projected(const Json& volume);
// The ConfigMaps and Secrets that it reads, as store keys.
std::vector<api::Key> objects_of(const std::string& ns, const Json& volume);
bool has_token(const Json& volume);

Result<std::vector<VolumeFile>> volume_files(const api::Object& pod, const Json& volume,
                                             const VolumeSources& sources);
VolumeOwner owner_of(const api::Pod& pod);

// Nothing is written when all is as it should be.
Result<> write_payload(const std::string& directory, const std::vector<VolumeFile>& files,
                       const VolumeOwner& owner);

// When a token made at `issued` for `seconds` is to be replaced: at 80 % of its life, at most a day.
std::int64_t token_due(std::int64_t issued, std::int64_t expires);
// Of a token's own claims, unchecked; nothing if it is none.
std::optional<std::int64_t> token_due(std::string_view token);

}  // namespace minik::runtime
