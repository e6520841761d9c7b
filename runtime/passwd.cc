#include "runtime/passwd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "base/unique_fd.h"

namespace minik::runtime {
namespace {

constexpr std::size_t kFileMax = 1024 * 1024;

}  // namespace

std::optional<User> find_user(std::string_view passwd, std::uint32_t uid) {
  for (const auto& line : split(passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 6 || parse_int(fields[2]) != static_cast<std::int64_t>(uid)) continue;
    return User{uid, static_cast<std::uint32_t>(parse_int(fields[3]).value_or(0)),
                fields[5].empty() ? "/" : fields[5]};
  }
  return std::nullopt;
}

std::string read_inside(const std::string& rootfs, const std::string& path) {
  const UniqueFd root(::open(rootfs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT;
  const UniqueFd file(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  if (!file.valid()) return "";
  std::string content;
  std::array<char, 65536> chunk;
  for (ssize_t got = 0;
       content.size() < kFileMax && (got = ::read(file.get(), chunk.data(), chunk.size())) > 0;) {
    content.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return content;
}

}  // namespace minik::runtime
