// Mounts: what is mounted, and making and removing the few kinds that the runtime uses.
//
// Threads: any.  Errors: kKernel with the path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minik::runtime {

// Mount points of /proc/self/mountinfo in its order, unescaped.
std::vector<std::string> parse_mount_points(std::string_view mountinfo);
// Those at or below `directory`, in the order in which they can be unmounted.
std::vector<std::string> mounts_below(const std::vector<std::string>& points, const std::string& directory);

bool is_mount_point(const std::string& path);
// Unmounts everything at and below `directory`; not mounted is fine.
Result<> unmount_below(const std::string& directory);
// Lets go of one mount point at once, however busy; not mounted is fine.
Result<> unmount(const std::string& path);

// A directory bound to itself and private: what is mounted below stays in this mount namespace.
Result<> make_private_mount(const std::string& directory);
Result<> mount_tmpfs(const std::string& directory, const std::string& options);
Result<> bind_mount(const std::string& source, const std::string& target);

bool is_overlayfs(const std::string& path);

}  // namespace minik::runtime
