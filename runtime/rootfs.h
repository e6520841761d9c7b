// The root file system of a container: an overlay of the image's layers with a writable layer of its own.
//
// Threads: any.  Ownership: RUN/ctr/<cid>/rootfs and the writable layer in STATE/ctr/<cid> (or, where STATE's
// file system cannot hold one, on a tmpfs below RUN).  Errors: kKernel.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/paths.h"

namespace minik::runtime {

// The options of the overlay mount; pure.
std::string overlay_options(const std::vector<std::string>& lower, const std::string& upper,
                            const std::string& work);

// `lower`: the top layer first.
Result<> mount_rootfs(const Paths& paths, const std::string& cid, const std::vector<std::string>& lower);
// Unmounts and removes everything of the container, its bundle too.  What is not there is fine.
Result<> remove_rootfs(const Paths& paths, const std::string& cid);

}  // namespace minik::runtime
