#include "runtime/rootfs.h"

#include <sys/mount.h>

#include <cerrno>
#include <mutex>

#include "base/files.h"
#include "runtime/mounts.h"

namespace minik::runtime {
namespace {

// A colon separates layers, a comma options.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == ':' || c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// An overlay cannot be the upper layer of another.
Result<std::string> layer_home(const Paths& paths, const std::string& cid) {
  if (!is_overlayfs(paths.state())) return paths.bundle(cid);
  static std::mutex once_at_a_time;
  const std::lock_guard lock(once_at_a_time);
  if (!is_mount_point(paths.run_layers())) {
    TRY(make_dirs(paths.run_layers(), 0700));
    TRY(mount_tmpfs(paths.run_layers(), "mode=700"));
  }
  return paths.run_layers() + "/" + cid;
}

}  // namespace

std::string overlay_options(const std::vector<std::string>& lower, const std::string& upper,
                            const std::string& work) {
  std::string layers;
  for (const auto& layer : lower) layers += (layers.empty() ? "" : ":") + escaped(layer);
  return "lowerdir=" + layers + ",upperdir=" + escaped(upper) + ",workdir=" + escaped(work) + ",volatile";
}

Result<> mount_rootfs(const Paths& paths, const std::string& cid, const std::vector<std::string>& lower) {
  const std::string home = TRY(layer_home(paths, cid));
  const std::string upper = home + "/upper";
  const std::string work = home + "/work";
  const std::string target = paths.rootfs(cid);
  TRY(make_dirs(upper));
  TRY(make_dirs(work));
  TRY(make_dirs(target));
  const std::string options = overlay_options(lower, upper, work);
  if (::mount("overlay", target.c_str(), "overlay", 0, options.c_str()) != 0) {
    return Error::from_errno(errno, "mount the root file system (" + options + ")");
  }
  return {};
}

Result<> remove_rootfs(const Paths& paths, const std::string& cid) {
  TRY(unmount(paths.rootfs(cid)));
  TRY(remove_tree(paths.run_containers() + "/" + cid));
  TRY(remove_tree(paths.crun_root() + "/" + cid));
  TRY(remove_tree(paths.run_layers() + "/" + cid));
  return remove_tree(paths.bundle(cid));
}

}  // namespace minik::runtime
