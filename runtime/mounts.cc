#include "runtime/mounts.h"

#include <sys/mount.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"

namespace minik::runtime {
namespace {

constexpr long kOverlayMagic = 0x794c7630;

// \040 for a blank and its like.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> mount_points() {
  const auto info = read_file("/proc/self/mountinfo");
  return info.ok() ? parse_mount_points(*info) : std::vector<std::string>();
}

Result<> do_mount(const char* source, const std::string& target, const char* type, unsigned long flags,
                  const char* options, const char* what) {
  if (::mount(source, target.c_str(), type, flags, options) == 0) return {};
  return Error::from_errno(errno, what + std::string(" ") + target);
}

}  // namespace

std::vector<std::string> parse_mount_points(std::string_view mountinfo) {
  std::vector<std::string> points;
  for (const auto& line : split(mountinfo, '\n')) {
    const auto words = split_words(line);
    if (words.size() > 4) points.push_back(unescape(words[4]));
  }
  return points;
}

std::vector<std::string> mounts_below(const std::vector<std::string>& points, const std::string& directory) {
  std::vector<std::string> below;
  for (const auto& point : points) {
    if (point == directory || starts_with(point, directory + "/")) below.push_back(point);
  }
  std::reverse(below.begin(), below.end());
  return below;
}

bool is_mount_point(const std::string& path) {
  const auto points = mount_points();
  return std::find(points.begin(), points.end(), path) != points.end();
}

Result<> unmount_below(const std::string& directory) {
  for (const auto& point : mounts_below(mount_points(), directory)) TRY(unmount(point));
  return {};
}

Result<> unmount(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EINVAL || errno == ENOENT) return {};
  return Error::from_errno(errno, "unmount " + path);
}

Result<> make_private_mount(const std::string& directory) {
  if (!is_mount_point(directory)) TRY(bind_mount(directory, directory));
  return do_mount(nullptr, directory, nullptr, MS_PRIVATE, nullptr, "make private");
}

Result<> mount_tmpfs(const std::string& directory, const std::string& options) {
  return do_mount("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV, options.c_str(), "mount tmpfs on");
}

Result<> bind_mount(const std::string& source, const std::string& target) {
  return do_mount(source.c_str(), target, nullptr, MS_BIND, nullptr, "bind to");
}

bool is_overlayfs(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == kOverlayMagic;
}

}  // namespace minik::runtime
