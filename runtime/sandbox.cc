#include "runtime/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/files.h"
#include "base/unique_fd.h"
#include "runtime/mounts.h"

namespace minik::runtime {
namespace {

constexpr long kNsfsMagic = 0x6e736673;
constexpr std::size_t kNameMax = 255;

Result<> touch(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
  if (!fd.valid()) return Error::from_errno(errno, path);
  return {};
}

// As `ip netns add` does it: a shared mount point, so that other mount namespaces see the names.
Result<> prepare_netns_dir() {
  static std::mutex once_at_a_time;
  const std::lock_guard lock(once_at_a_time);
  TRY(make_dirs(kNetnsDir));
  if (::mount("", kNetnsDir, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  if (errno != EINVAL) return Error::from_errno(errno, "make /run/netns shared");
  if (::mount(kNetnsDir, kNetnsDir, "none", MS_BIND | MS_REC, nullptr) != 0) {
    return Error::from_errno(errno, "bind /run/netns");
  }
  if (::mount("", kNetnsDir, "none", MS_SHARED | MS_REC, nullptr) != 0) {
    return Error::from_errno(errno, "make /run/netns shared");
  }
  return {};
}

Result<> loopback_up() {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::from_errno(errno, "socket");
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return Error::from_errno(errno, "bring lo up");
  return {};
}

// Absent without IPv6, which is fine.
void refuse_redirects() {
  for (const char* which : {"all", "default"}) {
    const std::string path = fmt::format("/proc/sys/net/ipv6/conf/{}/accept_redirects", which);
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.valid()) [[maybe_unused]]
      const auto written = ::write(fd.get(), "0", 1);
  }
}

Result<> pin(const char* kind, const std::string& path) {
  TRY(touch(path));
  return bind_mount(std::string("/proc/thread-self/ns/") + kind, path);
}

// On a thread that ends afterwards.
Result<> make_namespaces(const Paths& paths, const SandboxWish& wish) {
  const int flags = CLONE_NEWIPC | CLONE_NEWUTS | (wish.host_network ? 0 : CLONE_NEWNET);
  if (::unshare(flags) != 0) return Error::from_errno(errno, "make the pod's namespaces");
  if (::sethostname(wish.hostname.data(), wish.hostname.size()) != 0)
    return Error::from_errno(errno, "sethostname");
  TRY(pin("ipc", paths.namespace_file(wish.uid, "ipc")));
  TRY(pin("uts", paths.namespace_file(wish.uid, "uts")));
  if (wish.host_network) return {};
  TRY(loopback_up());
  refuse_redirects();
  TRY(pin("net", paths.namespace_file(wish.uid, "net")));
  return pin("net", wish.netns_path);
}

Result<> remove_pin(const std::string& path) {
  TRY(unmount(path));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Error::from_errno(errno, "unlink " + path);
  return {};
}

}  // namespace

Result<> make_sandbox(const Paths& paths, const SandboxWish& wish) {
  TRY(remove_sandbox(paths, wish));
  if (!wish.host_network) TRY(prepare_netns_dir());
  TRY(make_dirs(paths.run_pod(wish.uid) + "/ns"));
  TRY(make_dirs(paths.exec_dir(wish.uid), 0700));
  TRY(write_file(paths.run_pod(wish.uid) + "/netns", wish.host_network ? "" : wish.netns_path));
  TRY(make_dirs(paths.shm(wish.uid)));
  TRY(mount_tmpfs(paths.shm(wish.uid), "mode=1777,size=65536k"));
  Result<> result;
  std::thread([&] { result = make_namespaces(paths, wish); }).join();
  return result;
}

Result<> remove_sandbox(const Paths& paths, const SandboxWish& wish) {
  if (!wish.host_network && !wish.netns_path.empty()) TRY(remove_pin(wish.netns_path));
  for (const char* kind : {"net", "ipc", "uts"}) TRY(remove_pin(paths.namespace_file(wish.uid, kind)));
  return unmount(paths.shm(wish.uid));
}

bool sandbox_exists(const Paths& paths, const std::string& uid) {
  struct statfs info {};
  return ::statfs(paths.namespace_file(uid, "uts").c_str(), &info) == 0 && info.f_type == kNsfsMagic;
}

std::string netns_name(const std::string& cluster, const std::string& ns, const std::string& pod) {
  const std::string name = "minik-" + cluster + "-" + ns + "-" + pod;
  if (name.size() <= kNameMax) return name;
  return name.substr(0, kNameMax - 17) + fmt::format("-{:016x}", fnv1a(name));
}

}  // namespace minik::runtime
