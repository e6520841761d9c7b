// The image `host`: the machine's own root file system as a read-only overlay layer, with everything that is
// none of a pod's business hidden by a mask layer on top of it.
//
// Threads: any.  Ownership: the mask, a small tmpfs at RUN/mask, made once and kept over a restart of the
// daemon. Errors: kKernel.  Specification: pod-runtime.md 2.2.  What lies on other mounts than `/` is not
// visible.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/paths.h"

namespace minik::runtime {

struct MaskEntry {
  std::string path;      // Absolute, on the host.
  bool opaque = true;    // An empty directory hides it; else a whiteout.
  unsigned mode = 0755;  // Of the empty directory.
  bool operator==(const MaskEntry&) const = default;
};

struct TopEntry {
  std::string name;
  bool directory = true;
};
// What the mask holds: pure.  `top`: what is in `/`; `own`: minik's own directories, resolved.
std::vector<MaskEntry> mask_entries(const std::vector<TopEntry>& top, const std::vector<std::string>& own);

class HostImage {
 public:
  HostImage(const Paths& paths);
  // Makes the mask unless it is there.  The lower layers of the overlay, top first.
  Result<std::vector<std::string>> layers();
  // Changes with the system and the mask: "sha256:…".
  const std::string& id() const { return id_; }

 private:
  Result<> make_mask();

  std::string mask_;
  std::vector<std::string> own_;
  std::string id_;
  std::mutex mutex_;
};

}  // namespace minik::runtime
