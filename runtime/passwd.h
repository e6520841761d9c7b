// Users inside a root file system: /etc/passwd, read without leaving the root by links.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minik::runtime {

struct User {
  std::uint32_t uid = 0, gid = 0;
  std::string home = "/";
};
// Nothing when no line has this uid.  Pure.
std::optional<User> find_user(std::string_view passwd, std::uint32_t uid);
// The content of a small file of the root file system; empty if there is none.
std::string read_inside(const std::string& rootfs, const std::string& path);

}  // namespace minik::runtime
