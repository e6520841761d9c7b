#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/unique_fd.h"

namespace minik {
namespace {

Result<> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "write " + path);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> remove_below(int parent, const char* name, dev_t device) {
  struct stat info {};
  if (::fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, std::string("stat ") + name);
  }
  if (!S_ISDIR(info.st_mode)) {
    if (::unlinkat(parent, name, 0) != 0 && errno != ENOENT) {
      return Error::from_errno(errno, std::string("unlink ") + name);
    }
    return {};
  }
  if (info.st_dev != device) return Error::from_errno(EBUSY, std::string("still a mount point: ") + name);
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return Error::from_errno(errno, std::string("open ") + name);
  DIR* dir = ::fdopendir(fd);
  if (dir == nullptr) return Error::from_errno(errno, std::string("open ") + name);
  Result<> result;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view child = entry->d_name;
    if (child == "." || child == "..") continue;
    if (result = remove_below(::dirfd(dir), entry->d_name, device); !result.ok()) break;
  }
  ::closedir(dir);
  if (!result.ok()) return result;
  if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return Error::from_errno(errno, std::string("rmdir ") + name);
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, path);
  std::string content;
  std::array<char, 65536> chunk;
  for (;;) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "read " + path);
    }
    if (got == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Result<> write_file(const std::string& path, std::string_view content, unsigned mode) {
  const std::string beside = path + ".tmp" + random_hex(4);
  {
    const UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) return Error::from_errno(errno, beside);
    ::fchmod(fd.get(), mode);
    if (auto written = write_all(fd.get(), content, beside); !written.ok()) {
      ::unlink(beside.c_str());
      return written;
    }
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const int err = errno;
    ::unlink(beside.c_str());
    return Error::from_errno(err, "rename to " + path);
  }
  return {};
}

Result<> rewrite_file(const std::string& path, std::string_view content, unsigned mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return Error::from_errno(errno, path);
  return write_all(fd.get(), content, path);
}

Result<> make_dirs(const std::string& path, unsigned mode) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return Error::from_errno(errno, "mkdir " + part);
    if (at != std::string::npos) ++at;
  }
  return {};
}

Result<> remove_tree(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, path);
  }
  return remove_below(AT_FDCWD, path.c_str(), info.st_dev);
}

bool path_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string program_beside(const std::string& name) {
  std::array<char, 4096> self{};
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  const std::string path(self.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string beside = path.substr(0, path.rfind('/') + 1) + name;
  return path_exists(beside) ? beside : "/usr/libexec/minik/" + name;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char b : digest) {
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n =
      ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    if (c != '\n' && c != '\r') clean += c;
  }
  if (clean.size() % 4 != 0) return Error(Code::kInvalid, "illegal base64 data: length is no multiple of 4");
  std::string out(clean.size() / 4 * 3 + 1, '\0');
  const int n =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(clean.data()), static_cast<int>(clean.size()));
  if (n < 0) return Error(Code::kInvalid, "illegal base64 data");
  std::size_t size = static_cast<std::size_t>(n);
  for (std::size_t i = clean.size(); i > 0 && i + 2 > clean.size() && clean[i - 1] == '='; --i) --size;
  out.resize(size);
  return out;
}

std::string random_hex(std::size_t bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::vector<unsigned char> raw(bytes);
  MINIK_ASSERT(::RAND_bytes(raw.data(), static_cast<int>(raw.size())) == 1);
  std::string out;
  for (const unsigned char b : raw) {
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

std::string random_uuid() {
  std::string h = random_hex(16);
  h[12] = '4';
  h[16] = "89ab"[h[16] & 3];
  return h.substr(0, 8) + "-" + h.substr(8, 4) + "-" + h.substr(12, 4) + "-" + h.substr(16, 4) + "-" +
         h.substr(20);
}

std::string random_suffix(std::size_t length) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::vector<unsigned char> raw(length);
  MINIK_ASSERT(::RAND_bytes(raw.data(), static_cast<int>(raw.size())) == 1);
  std::string out;
  for (const unsigned char b : raw) out += kAlphabet[b % kAlphabet.size()];
  return out;
}

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

}  // namespace minik
