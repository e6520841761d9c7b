#include "runtime/volumes.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runtime/mounts.h"
#include "runtime/projected_volume.h"

namespace minik::runtime {
namespace {

using Seconds = std::chrono::seconds;

std::int64_t now_seconds() {
  return std::chrono::duration_cast<Seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool is_tmpfs(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && static_cast<unsigned long>(info.f_type) == TMPFS_MAGIC;
}

const Json* volume_of(const api::Pod& pod, const std::string& name) {
  for (const Json& volume : pod.volumes) {
    if (string_at(volume, "name") == name) return &volume;
  }
  return nullptr;
}

Error failed(const Json& volume, const Error& why) {
  return Error(Code::kInvalid, fmt::format("MountVolume.SetUp failed for volume \"{}\" : {}",
                                           string_at(volume, "name"), why.message()));
}

void earlier(std::optional<Seconds>& time, Seconds candidate) {
  if (!time || candidate < *time) time = candidate;
}

// Where in the volume; a path that leads out of it is refused.
Result<std::string> source_of(const std::string& directory, const std::string& sub_path) {
  if (sub_path.empty()) return directory;
  const auto parts = split(sub_path, '/');
  if (sub_path[0] == '/' || std::find(parts.begin(), parts.end(), "..") != parts.end())
    return Error(Code::kInvalid, "subPath \"" + sub_path + "\" must be inside the volume");
  return directory + "/" + sub_path;
}

}  // namespace

std::string PodVolumes::directory(const std::string& uid, const std::string& volume) const {
  return paths_.run_pod(uid) + "/volumes/" + volume;
}

Result<> PodVolumes::prepare_home(const std::string& uid) const {
  const std::string home = paths_.run_pod(uid) + "/volumes";
  TRY(make_dirs(home, 0755));
  return is_tmpfs(home) ? Result<>() : mount_tmpfs(home, "mode=755");
}

Result<> PodVolumes::write(const api::Object& pod, const Json& volume, const api::Snapshot& objects,
                           const PodPlace& place, std::optional<Seconds>& refresh_in) const {
  const std::string home = directory(pod.uid(), string_at(volume, "name"));
  const std::int64_t now = now_seconds();
  const auto token = [&](const TokenWish& wish, const std::string& path) -> Result<std::string> {
    auto held = read_file(home + "/" + path);
    const auto due = held.ok() ? token_due(*held) : std::nullopt;
    if (due && *due > now) {
      earlier(refresh_in, Seconds(*due - now));
      return held;
    }
    if (!tokens_) return Error(Code::kUnavailable, "nobody issues tokens");
    std::string fresh = TRY(tokens_(wish));
    earlier(refresh_in, Seconds(token_due(fresh).value_or(now) - now));
    return fresh;
  };
  const auto files = volume_files(pod, volume, {objects, place, token});
  if (!files.ok()) return failed(volume, files.error());
  TRY(make_dirs(home, 0755));
  return write_payload(home, *files, owner_of(pod.view<api::Pod>()));
}

Result<PodVolumes::Made> PodVolumes::make(const api::Object& pod, const api::Container& container,
                                          const api::Snapshot& objects, const PodPlace& place) const {
  const auto& view = pod.view<api::Pod>();
  Made made;
  for (const auto& mount : container.volume_mounts) {
    const Json* volume = volume_of(view, mount.name);
    if (volume == nullptr || !is_projected(*volume)) continue;
    TRY(prepare_home(pod.uid()));
    TRY(write(pod, *volume, objects, place, made.refresh_in));
    const std::string source = TRY(source_of(directory(pod.uid(), mount.name), mount.sub_path));
    made.binds.push_back({source, mount.path, true});
  }
  return made;
}

Result<std::optional<Seconds>> PodVolumes::refresh(const api::Object& pod, const api::Snapshot& objects,
                                                   const PodPlace& place) const {
  std::optional<Seconds> refresh_in;
  for (const Json& volume : pod.view<api::Pod>().volumes) {
    if (!is_projected(volume) || !path_exists(directory(pod.uid(), string_at(volume, "name")))) continue;
    TRY(write(pod, volume, objects, place, refresh_in));
  }
  return refresh_in;
}

Result<> PodVolumes::remove(const std::string& uid) const {
  const std::string home = paths_.run_pod(uid) + "/volumes";
  TRY(unmount(home));
  return remove_tree(home);
}

}  // namespace minik::runtime
