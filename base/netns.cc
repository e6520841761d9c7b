#include "base/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <thread>

#include "base/unique_fd.h"

namespace minik {

Result<> in_netns(const std::string& path, const std::function<Result<>()>& work) {
  if (path.empty()) return work();
  const UniqueFd ns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns.valid()) return Error::from_errno(errno, "open network namespace " + path);
  Result<> result;
  std::thread([&] {
    if (::setns(ns.get(), CLONE_NEWNET) != 0) {
      result = Error::from_errno(errno, "enter network namespace " + path);
    } else {
      result = work();
    }
  }).join();
  return result;
}

}  // namespace minik
