// write_payload: all files of a volume at once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "runtime/projected_volume.h"

namespace minik::runtime {
namespace {

namespace fs = std::filesystem;

constexpr const char* kData = "..data";
constexpr const char* kNewData = "..data_tmp";

std::string read_link(const std::string& path) {
  std::error_code failed;
  const auto target = fs::read_symlink(path, failed);
  return failed ? "" : target.string();
}

// The visible names: the first part of each path.
std::set<std::string> names_of(const std::vector<VolumeFile>& files) {
  std::set<std::string> names;
  for (const auto& file : files) names.insert(file.path.substr(0, file.path.find('/')));
  return names;
}

std::size_t count_files(const std::string& directory) {
  std::size_t count = 0;
  std::error_code failed;
  for (const auto& entry : fs::recursive_directory_iterator(directory, failed)) {
    if (entry.is_regular_file(failed)) ++count;
  }
  return count;
}

// With fsGroup the group may read what the owner may.
unsigned mode_for(const VolumeFile& file, const VolumeOwner& owner) {
  return owner.group ? file.mode | 0440 : file.mode;
}

bool holds(const std::string& data, const std::vector<VolumeFile>& files, const VolumeOwner& owner) {
  for (const auto& file : files) {
    const auto bytes = read_file(data + "/" + file.path);
    struct stat info {};
    if (!bytes.ok() || *bytes != file.bytes || ::stat((data + "/" + file.path).c_str(), &info) != 0 ||
        (info.st_mode & 0777) != mode_for(file, owner))
      return false;
  }
  return count_files(data) == files.size();
}

Result<> give(const std::string& path, const VolumeOwner& owner) {
  const auto user = owner.user ? static_cast<uid_t>(*owner.user) : static_cast<uid_t>(-1);
  const auto group = owner.group ? static_cast<gid_t>(*owner.group) : static_cast<gid_t>(-1);
  if (::chown(path.c_str(), user, group) != 0) return Error::from_errno(errno, "chown " + path);
  return {};
}

Result<> write_files(const std::string& home, const std::vector<VolumeFile>& files,
                     const VolumeOwner& owner) {
  TRY(make_dirs(home, 0755));
  for (const auto& file : files) {
    const std::string path = home + "/" + file.path;
    TRY(make_dirs(path.substr(0, path.rfind('/')), 0755));
    TRY(write_file(path, file.bytes, mode_for(file, owner)));
    TRY(give(path, owner));
  }
  return {};
}

Result<> link_to(const std::string& target, const std::string& path) {
  if (read_link(path) == target) return {};
  TRY(remove_tree(path));
  if (::symlink(target.c_str(), path.c_str()) != 0) return Error::from_errno(errno, "link " + path);
  return {};
}

}  // namespace

Result<> write_payload(const std::string& directory, const std::vector<VolumeFile>& files,
                       const VolumeOwner& owner) {
  const std::string data = directory + "/" + kData;
  const std::string old = read_link(data);
  if (!old.empty() && holds(data, files, owner)) return {};
  const std::string fresh = "..minik_" + random_hex(8);
  TRY(write_files(directory + "/" + fresh, files, owner));
  TRY(link_to(fresh, directory + "/" + kNewData));
  if (::rename((directory + "/" + kNewData).c_str(), data.c_str()) != 0)
    return Error::from_errno(errno, "rename to " + data);
  const auto names = names_of(files);
  for (const auto& name : names) TRY(link_to(std::string(kData) + "/" + name, directory + "/" + name));
  std::error_code failed;
  std::vector<std::string> gone;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename();
    if (name != kData && name != fresh && !names.contains(name)) gone.push_back(entry.path());
  }
  for (const auto& path : gone) TRY(remove_tree(path));
  return {};
}

}  // namespace minik::runtime
