#include "runtime/host_image.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"
#include "runtime/mounts.h"

namespace minik::runtime {
namespace {

constexpr std::array kShownTop{"bin", "sbin", "usr", "etc", "opt", "var"};
// Directories that are there and empty, whatever the host has.
constexpr std::array kAlwaysThere{"run", "tmp", "root", "home", "mnt", "media", "srv", "proc", "sys", "dev"};
constexpr std::array kHiddenDirectories{"/var/tmp",    "/var/log",       "/var/cache",       "/var/lib/minik",
                                        "/var/spool",  "/etc/ssh",       "/etc/ssl/private", "/etc/minik",
                                        "/etc/docker", "/etc/kubernetes"};
constexpr std::array kHiddenFiles{"/etc/shadow",  "/etc/shadow-",    "/etc/gshadow",    "/etc/gshadow-",
                                  "/etc/sudoers", "/etc/machine-id", "/etc/krb5.keytab"};

bool shown(const std::string& name) {
  return starts_with(name, "lib") || std::find(kShownTop.begin(), kShownTop.end(), name) != kShownTop.end();
}

unsigned mode_of(std::string_view path) {
  if (path == "/tmp" || path == "/var/tmp") return 01777;
  if (path == "/root") return 0700;
  return 0755;
}

bool hidden_by(const std::vector<MaskEntry>& entries, const std::string& path) {
  return std::any_of(entries.begin(), entries.end(), [&](const MaskEntry& entry) {
    return path == entry.path || starts_with(path, entry.path + "/");
  });
}

std::vector<TopEntry> top_of_host() {
  std::vector<TopEntry> top;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/", ignored)) {
    top.push_back({entry.path().filename(), entry.is_directory(ignored) && !entry.is_symlink(ignored)});
  }
  return top;
}

// Directories above `path` in the mask, each looking like the host's own.
Result<> make_parents(const std::string& mask, const std::string& path) {
  for (auto at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string parent = path.substr(0, at);
    struct stat info {};
    if (::stat(parent.c_str(), &info) != 0) return Error::from_errno(errno, parent);
    const std::string target = mask + parent;
    if (::mkdir(target.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return Error::from_errno(errno, target);
    }
    if (::chown(target.c_str(), info.st_uid, info.st_gid) != 0 ||
        ::chmod(target.c_str(), info.st_mode & 07777) != 0) {
      return Error::from_errno(errno, target);
    }
  }
  return {};
}

Result<> make_entry(const std::string& mask, const MaskEntry& entry) {
  TRY(make_parents(mask, entry.path));
  const std::string target = mask + entry.path;
  if (!entry.opaque) {
    if (::mknod(target.c_str(), S_IFCHR, makedev(0, 0)) != 0) return Error::from_errno(errno, target);
    return {};
  }
  if (::mkdir(target.c_str(), 0755) != 0 || ::chmod(target.c_str(), entry.mode) != 0 ||
      ::setxattr(target.c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0) {
    return Error::from_errno(errno, target);
  }
  return {};
}

// Whether the host has it, not through a link: a link's target is hidden by itself.
bool on_host(const MaskEntry& entry) {
  struct stat info {};
  if (::lstat(entry.path.c_str(), &info) != 0) return false;
  const std::filesystem::path path(entry.path);
  std::error_code error;
  return std::filesystem::canonical(path.parent_path(), error) == path.parent_path();
}

}  // namespace

std::vector<MaskEntry> mask_entries(const std::vector<TopEntry>& top, const std::vector<std::string>& own) {
  std::vector<MaskEntry> entries;
  for (const char* name : kAlwaysThere)
    entries.push_back({std::string("/") + name, true, mode_of(std::string("/") + name)});
  for (const auto& entry : top) {
    const std::string path = "/" + entry.name;
    if (!shown(entry.name) && !hidden_by(entries, path)) entries.push_back({path, entry.directory, 0755});
  }
  std::vector<MaskEntry> more;
  for (const char* path : kHiddenDirectories) more.push_back({path, true, mode_of(path)});
  for (const auto& path : own) more.push_back({path, true, 0755});
  for (const char* path : kHiddenFiles) more.push_back({path, false, 0755});
  for (auto& entry : more) {
    if (!hidden_by(entries, entry.path)) entries.push_back(std::move(entry));
  }
  return entries;
}

HostImage::HostImage(const Paths& paths) : mask_(paths.mask()) {
  for (const auto& path : {paths.run(), paths.state()}) {
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(path, error);
    own_.push_back(error ? path : real.string());
  }
  const auto release = read_file("/etc/os-release");
  std::string seed = release.ok() ? *release : "";
  for (const auto& entry : mask_entries(top_of_host(), {})) seed += entry.path + "\n";
  id_ = "sha256:" + sha256_hex(seed);
}

Result<std::vector<std::string>> HostImage::layers() {
  const std::lock_guard lock(mutex_);
  if (!path_exists(mask_ + "/.ready")) TRY(make_mask());
  return std::vector<std::string>{mask_ + "/fs", "/"};
}

Result<> HostImage::make_mask() {
  TRY(unmount(mask_));
  TRY(make_dirs(mask_, 0700));
  TRY(mount_tmpfs(mask_, "mode=700,size=4m"));
  TRY(make_dirs(mask_ + "/fs"));
  for (const auto& entry : mask_entries(top_of_host(), own_)) {
    const bool always = entry.path.find('/', 1) == std::string::npos;
    if (always || on_host(entry)) TRY(make_entry(mask_ + "/fs", entry));
  }
  return write_file(mask_ + "/.ready", "");
}

}  // namespace minik::runtime
