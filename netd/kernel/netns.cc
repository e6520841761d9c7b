#include "netd/kernel/netns.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>

#include "base/files.h"
#include "base/text.h"

namespace minik::netd {
namespace {

constexpr const char* kThreadNetns = "/proc/thread-self/ns/net";

// Pins must be seen by everybody, so the directory is a shared mount, as ip-netns(8) makes it.
Result<> prepare_directory() {
  TRY(make_dirs(kNetnsDir));
  if (::mount("", kNetnsDir, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  if (errno != EINVAL) return Error::from_errno(errno, "share " + std::string(kNetnsDir));
  if (::mount(kNetnsDir, kNetnsDir, "none", MS_BIND | MS_REC, nullptr) != 0) {
    return Error::from_errno(errno, "bind " + std::string(kNetnsDir));
  }
  if (::mount("", kNetnsDir, "none", MS_SHARED | MS_REC, nullptr) != 0) {
    return Error::from_errno(errno, "share " + std::string(kNetnsDir));
  }
  return {};
}

bool is_pinned(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat own {};
  struct stat directory {};
  if (!fd || ::fstat(fd.get(), &own) != 0 || ::stat(kNetnsDir, &directory) != 0) return false;
  return own.st_dev != directory.st_dev;  // A pinned namespace lives in nsfs, a left-over file does not.
}

}  // namespace

std::string netns_path(const std::string& name) { return std::string(kNetnsDir) + "/" + name; }

Result<> in_new_netns(const std::function<Result<>()>& work) {
  Result<> result;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      result = Error::from_errno(errno, "make a network namespace");
    } else {
      result = work();
    }
  }).join();
  return result;
}

Result<> create_netns(const std::string& name) {
  TRY(prepare_directory());
  const std::string path = netns_path(name);
  if (is_pinned(path)) return {};
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444));
  if (!file) return Error::from_errno(errno, "create " + path);
  return in_new_netns([&]() -> Result<> {
    if (::mount(kThreadNetns, path.c_str(), "none", MS_BIND, nullptr) != 0) {
      return Error::from_errno(errno, "pin a network namespace at " + path);
    }
    return {};
  });
}

Result<> delete_netns(const std::string& name) {
  const std::string path = netns_path(name);
  while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return Error::from_errno(errno, "unpin " + path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Error::from_errno(errno, "remove " + path);
  return {};
}

Result<std::vector<std::string>> list_netns(const std::string& prefix) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(kNetnsDir), ::closedir);
  if (directory == nullptr) {
    if (errno == ENOENT) return std::vector<std::string>{};
    return Error::from_errno(errno, "list " + std::string(kNetnsDir));
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && starts_with(name, prefix)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<> write_sysctl(const std::string& name, const std::string& value) {
  // Dots separate, slashes stand for dots inside a name ("net.ipv4.conf.eth0/1.forwarding"), as in sysctl(8).
  std::string path = name;
  for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  path = "/proc/sys/" + path;
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return Error::from_errno(errno, "set " + name);
  if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return Error::from_errno(errno, "set " + name + " to " + value);
  }
  return {};
}

}  // namespace minik::netd
