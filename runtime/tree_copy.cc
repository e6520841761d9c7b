#include "runtime/tree_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include "base/unique_fd.h"

namespace minik::runtime {
namespace {

class Sha256 {
 public:
  Sha256() : context_(::EVP_MD_CTX_new(), ::EVP_MD_CTX_free) {
    ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned size = 0;
    ::EVP_DigestFinal_ex(context_.get(), raw.data(), &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", raw[i]);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context_;
};

Error failed(const std::string& path) { return Error::from_errno(errno, path); }

Result<std::vector<std::string>> names_in(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  if (dir == nullptr) return failed(directory);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Copy {
 public:
  Copy(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  Result<CopiedTree> run() {
    struct stat info {};
    if (::stat(from_.c_str(), &info) != 0) return failed(from_);
    if (!S_ISDIR(info.st_mode)) return Error(Code::kInvalid, from_ + " is no directory");
    device_ = info.st_dev;
    TRY(directory("", info));
    return CopiedTree{manifest_.hex(), bytes_};
  }

 private:
  // `path` is relative, with a leading slash, or empty for the root.
  Result<> directory(const std::string& path, const struct stat& info) {
    if (::mkdir((to_ + path).c_str(), 0700) != 0 && errno != EEXIST) return failed(to_ + path);
    note(path, info, "");
    if (info.st_dev == device_) {
      for (const auto& name : TRY(names_in(from_ + path))) TRY(entry(path + "/" + name));
    }
    return attributes(path, info);
  }

  Result<> entry(const std::string& path) {
    struct stat info {};
    if (::lstat((from_ + path).c_str(), &info) != 0) return failed(from_ + path);
    if (S_ISDIR(info.st_mode)) return directory(path, info);
    if (S_ISSOCK(info.st_mode)) return {};
    if (info.st_nlink > 1) {
      const auto [it, first] = links_.emplace(std::pair{info.st_dev, info.st_ino}, path);
      if (!first) return hard_link(path, it->second, info);
    }
    if (S_ISLNK(info.st_mode))
      TRY(symbolic_link(path, info));
    else if (S_ISREG(info.st_mode))
      TRY(regular_file(path, info));
    else
      TRY(special_file(path, info));
    return attributes(path, info);
  }

  Result<> hard_link(const std::string& path, const std::string& first, const struct stat& info) {
    if (::link((to_ + first).c_str(), (to_ + path).c_str()) != 0) return failed(to_ + path);
    note(path, info, "link " + first);
    return {};
  }

  Result<> symbolic_link(const std::string& path, const struct stat& info) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink((from_ + path).c_str(), target.data(), target.size() - 1);
    if (size < 0) return failed(from_ + path);
    if (::symlink(target.data(), (to_ + path).c_str()) != 0) return failed(to_ + path);
    note(path, info, target.data());
    return {};
  }

  Result<> special_file(const std::string& path, const struct stat& info) {
    if (::mknod((to_ + path).c_str(), info.st_mode, info.st_rdev) != 0) return failed(to_ + path);
    note(path, info, std::to_string(info.st_rdev));
    return {};
  }

  Result<> regular_file(const std::string& path, const struct stat& info) {
    const UniqueFd source(::open((from_ + path).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!source.valid()) return failed(from_ + path);
    const UniqueFd target(::open((to_ + path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!target.valid()) return failed(to_ + path);
    Sha256 content;
    std::vector<char> chunk(256 * 1024);
    for (;;) {
      const ssize_t got = ::read(source.get(), chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed(from_ + path);
      if (got == 0) break;
      const auto size = static_cast<std::size_t>(got);
      if (::write(target.get(), chunk.data(), size) != got) return failed(to_ + path);
      content.add({chunk.data(), size});
      bytes_ += size;
    }
    note(path, info, content.hex());
    return {};
  }

  // Owner before mode, because chown clears the setuid bits; times last.
  Result<> attributes(const std::string& path, const struct stat& info) {
    const std::string target = to_ + path;
    if (::lchown(target.c_str(), info.st_uid, info.st_gid) != 0 && errno != EPERM) return failed(target);
    TRY(extended_attributes(from_ + path, target));
    if (!S_ISLNK(info.st_mode) && ::chmod(target.c_str(), info.st_mode & 07777) != 0) return failed(target);
    const std::array<timespec, 2> times{info.st_atim, info.st_mtim};
    if (::utimensat(AT_FDCWD, target.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) return failed(target);
    return {};
  }

  static Result<> extended_attributes(const std::string& source, const std::string& target) {
    std::array<char, 65536> names;
    const ssize_t size = ::llistxattr(source.c_str(), names.data(), names.size());
    if (size <= 0) return {};
    std::vector<char> value(65536);
    for (const char* name = names.data(); name < names.data() + size;
         name += std::char_traits<char>::length(name) + 1) {
      const ssize_t got = ::lgetxattr(source.c_str(), name, value.data(), value.size());
      if (got < 0) continue;
      const int set = ::lsetxattr(target.c_str(), name, value.data(), static_cast<std::size_t>(got), 0);
      if (set != 0 && errno != EPERM && errno != ENOTSUP) return failed(target + " " + name);
    }
    return {};
  }

  void note(const std::string& path, const struct stat& info, const std::string& content) {
    manifest_.add(fmt::format("{} {:o} {} {} ", path, info.st_mode, info.st_uid, info.st_gid));
    manifest_.add(content + '\0');
  }

  std::string from_, to_;
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  Sha256 manifest_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<CopiedTree> copy_tree(const std::string& from, const std::string& to) { return Copy(from, to).run(); }

}  // namespace minik::runtime
