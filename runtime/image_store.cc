#include "runtime/image_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "runtime/image_name.h"

namespace minik::runtime {
namespace {

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), ::free);
  return real == nullptr ? "" : real.get();
}

bool is_inside(const std::string& path, const std::string& directory) {
  return path == directory || directory == "/" || starts_with(path, directory + "/");
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

}  // namespace

Result<std::unique_ptr<ImageStore>> ImageStore::open(const Paths& paths) {
  std::unique_ptr<ImageStore> store(new ImageStore(paths));
  TRY(make_dirs(store->root_ + "/layers", 0700));
  TRY(store->load());
  TRY(store->sweep());
  return store;
}

Result<> ImageStore::load() {
  const std::string path = root_ + "/refs.json";
  if (!path_exists(path)) return {};
  const Json json = TRY(parse_json(TRY(read_file(path))));
  references_.with([&](References& references) {
    for (const auto& [name, entry] : json.items()) {
      const auto created = parse_rfc3339(string_at(entry, "created"));
      references[name] = {string_at(entry, "digest"), string_at(entry, "source"),
                          static_cast<std::uint64_t>(int_at(entry, "bytes")), created.value_or(WallTime{})};
    }
  });
  return {};
}

// Removes what no reference names and what an interrupted import left.
Result<> ImageStore::sweep() {
  std::set<std::string> wanted;
  references_.with([&](References& references) {
    std::erase_if(references, [&](const auto& r) { return !path_exists(layer(r.second.digest) + "/ok"); });
    for (const auto& [name, reference] : references) wanted.insert(reference.digest);
  });
  for (const auto& name : names_in(root_ + "/layers")) {
    if (!wanted.contains(name)) TRY(remove_tree(layer(name)));
  }
  return {};
}

Result<> ImageStore::save(const References& references) const {
  Json json = Json::object();
  for (const auto& [name, r] : references) {
    json[name] = {
        {"digest", r.digest}, {"source", r.source}, {"bytes", r.bytes}, {"created", rfc3339_nano(r.created)}};
  }
  return write_file(root_ + "/refs.json", to_text(json), 0600);
}

Result<> ImageStore::check_directory(const std::string& directory) const {
  const std::string real = real_path(directory);
  if (real.empty()) return Error::from_errno(errno, directory);
  struct stat info {};
  if (::stat(real.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return Error(Code::kInvalid, directory + " is no directory");
  }
  const std::string state = real_path(state_);
  if (is_inside(real, state)) {
    return Error(Code::kInvalid, directory + " is inside minik's own state directory " + state_);
  }
  if (is_inside(state, real)) {
    return Error(Code::kInvalid, directory + " contains minik's own state directory " + state_);
  }
  return {};
}

Result<CopiedTree> ImageStore::import(const std::string& directory) {
  const std::string temporary = layer("new-" + random_hex(8));
  TRY(make_dirs(temporary, 0700));
  auto copied = copy_tree(directory, temporary + "/fs");
  if (!copied.ok()) {
    const auto removed = remove_tree(temporary);
    return std::move(copied).error().wrap("copy the root file system");
  }
  const std::string final = layer(copied->digest);
  if (path_exists(final + "/ok")) {
    TRY(remove_tree(temporary));
    return copied;
  }
  TRY(remove_tree(final));
  if (::rename(temporary.c_str(), final.c_str()) != 0) return Error::from_errno(errno, "rename to " + final);
  TRY(write_file(final + "/ok", ""));
  return copied;
}

Result<ImageInfo> ImageStore::add_directory(const std::string& name, const std::string& directory) {
  const std::string normalised = TRY(normalise_image(name));
  if (is_host_image(normalised)) {
    return Error(Code::kInvalid,
                 "the image name \"" + name + "\" is reserved for the machine's own root file system");
  }
  TRY(check_directory(directory));
  const CopiedTree copied = TRY(import(directory));
  const Reference reference{copied.digest, "directory " + directory, copied.bytes,
                            std::chrono::system_clock::now()};
  TRY(references_.with([&](References& references) {
    References next = references;
    next[normalised] = reference;
    auto saved = save(next);
    if (saved.ok()) references = std::move(next);
    return saved;
  }));
  return ImageInfo{normalised, "sha256:" + copied.digest, reference.source, copied.bytes, reference.created};
}

std::optional<StoredImage> ImageStore::find(const std::string& normalised) const {
  return references_.with([&](const References& references) -> std::optional<StoredImage> {
    const auto it = references.find(normalised);
    if (it == references.end()) return std::nullopt;
    return StoredImage{
        "sha256:" + it->second.digest, layer(it->second.digest) + "/fs", {{}, {"/bin/sh"}, {}, ""}};
  });
}

std::vector<ImageInfo> ImageStore::list() const {
  return references_.with([](const References& references) {
    std::vector<ImageInfo> list;
    for (const auto& [name, r] : references) {
      list.push_back({name, "sha256:" + r.digest, r.source, r.bytes, r.created});
    }
    return list;
  });
}

Result<> ImageStore::remove(const std::string& name, const std::set<std::string>& used) {
  const std::string normalised = TRY(normalise_image(name));
  std::string unreferenced;
  TRY(references_.with([&](References& references) -> Result<> {
    const auto it = references.find(normalised);
    if (it == references.end()) return Error(Code::kNotFound, "no image \"" + name + "\"");
    const std::string digest = it->second.digest;
    const auto same = [&](const auto& r) { return r.second.digest == digest; };
    const bool last = std::count_if(references.begin(), references.end(), same) == 1;
    if (last && used.contains("sha256:" + digest)) {
      return Error(Code::kConflict, "image \"" + name + "\" is in use by a container");
    }
    References next = references;
    next.erase(normalised);
    TRY(save(next));
    references = std::move(next);
    if (last) unreferenced = digest;
    return {};
  }));
  return unreferenced.empty() ? Result<>() : remove_tree(layer(unreferenced));
}

}  // namespace minik::runtime
