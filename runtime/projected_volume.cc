#include "runtime/projected_volume.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"

namespace minik::runtime {
namespace {

constexpr unsigned kDefaultMode = 0644;
constexpr std::int64_t kDaySeconds = 24 * 3600;

using Files = std::vector<VolumeFile>;

unsigned mode_at(const Json& object, const char* member, unsigned fallback) {
  return static_cast<unsigned>(int_at(object, member, fallback)) & 0777;
}

bool is_safe(const std::string& path) {
  if (path.empty() || path[0] == '/') return false;
  const auto parts = split(path, '/');
  return !parts[0].starts_with("..") &&
         std::none_of(parts.begin(), parts.end(), [](const auto& p) { return p.empty() || p == ".."; });
}

Result<> add(Files& files, std::string path, std::string bytes, unsigned mode) {
  if (!is_safe(path)) return Error(Code::kInvalid, "invalid path \"" + path + "\" in a volume");
  std::erase_if(files, [&](const VolumeFile& file) { return file.path == path; });
  files.push_back({std::move(path), std::move(bytes), mode});
  return {};
}

// All entries of a ConfigMap or Secret, decoded.
std::map<std::string, std::string> entries_of(const api::Object& object) {
  std::map<std::string, std::string> entries;
  const bool secret = object.resource() == "secrets";
  for (const char* member : {"data", "binaryData"}) {
    for (const auto& [key, value] : object_at(object.body(), member).items()) {
      if (!value.is_string()) continue;
      const auto& text = value.get_ref<const std::string&>();
      if (!secret && member == std::string_view("data")) {
        entries[key] = text;
      } else if (auto bytes = base64_decode(text); bytes.ok()) {
        entries[key] = *std::move(bytes);
      }
    }
  }
  return entries;
}

struct Entries {
  const char* resource;
  const char* word;  // "configmap" or "secret"
  std::string name;
  const Json& source;
};

Result<> add_entries(const api::Object& pod, const Entries& from, const VolumeSources& sources, unsigned mode,
                     Files& files) {
  const bool optional = bool_at(from.source, "optional");
  const api::ObjectPtr object = sources.objects.find(from.resource, pod.ns(), from.name);
  if (object == nullptr) {
    if (optional) return {};
    return Error(Code::kNotFound, fmt::format("{} \"{}\" not found", from.word, from.name));
  }
  const auto entries = entries_of(*object);
  const Json& items = array_at(from.source, "items");
  for (const auto& [key, bytes] : entries) {
    if (items.empty()) TRY(add(files, key, bytes, mode));
  }
  for (const Json& item : items) {
    const auto entry = entries.find(string_at(item, "key"));
    if (entry != entries.end()) {
      TRY(add(files, string_at(item, "path"), entry->second, mode_at(item, "mode", mode)));
    } else if (!optional) {
      return Error(Code::kInvalid, fmt::format("references non-existent {} key: {}",
                                               from.word == std::string_view("secret") ? "secret" : "config",
                                               string_at(item, "key")));
    }
  }
  return {};
}

std::string map_text(const api::Labels& labels) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : labels) lines.push_back(key + "=" + to_text(Json(value)));
  return join(lines, "\n");
}

Result<> add_fields(const api::Object& pod, const Json& source, const VolumeSources& sources, unsigned mode,
                    Files& files) {
  for (const Json& item : array_at(source, "items")) {
    const std::string path = string_at(object_at(item, "fieldRef"), "fieldPath");
    std::string text;
    if (path == "metadata.labels")
      text = map_text(pod.meta().labels);
    else if (path == "metadata.annotations")
      text = map_text(pod.meta().annotations);
    else
      text = TRY(field_value(pod, path, sources.place));
    TRY(add(files, string_at(item, "path"), std::move(text), mode_at(item, "mode", mode)));
  }
  return {};
}

Result<> add_token(const api::Object& pod, const Json& source, const VolumeSources& sources, unsigned mode,
                   Files& files) {
  const auto& view = pod.view<api::Pod>();
  TokenWish wish{pod.ns(),
                 pod.name(),
                 pod.uid(),
                 view.service_account,
                 string_at(source, "audience"),
                 int_at(source, "expirationSeconds", 3600)};
  if (wish.account.empty()) wish.account = "default";
  const std::string path = string_at(source, "path");
  std::string token = TRY(sources.token(wish, path));
  const VolumeOwner owner = owner_of(view);
  if (owner.user || owner.group) mode = 0600;
  return add(files, path, std::move(token), mode);
}

Result<> add_source(const api::Object& pod, const Json& source, const VolumeSources& sources, unsigned mode,
                    Files& files) {
  if (const Json* map = find(source, "configMap"))
    TRY(add_entries(pod, {"configmaps", "configmap", string_at(*map, "name"), *map}, sources, mode, files));
  if (const Json* secret = find(source, "secret")) {
    const std::string name = string_at(*secret, "secretName", string_at(*secret, "name"));
    TRY(add_entries(pod, {"secrets", "secret", name, *secret}, sources, mode, files));
  }
  if (const Json* fields = find(source, "downwardAPI")) TRY(add_fields(pod, *fields, sources, mode, files));
  if (const Json* token = find(source, "serviceAccountToken"))
    TRY(add_token(pod, *token, sources, mode, files));
  return {};
}

// The parts of a volume, each as a source of a projected one.
std::vector<const Json*> parts_of(const Json& volume) {
  std::vector<const Json*> parts;
  if (!volume.contains("projected")) return {&volume};
  for (const Json& source : array_at(volume["projected"], "sources")) parts.push_back(&source);
  return parts;
}

unsigned default_mode(const Json& volume) {
  for (const char* kind : {"projected", "configMap", "secret", "downwardAPI"}) {
    if (volume.contains(kind)) return mode_at(volume[kind], "defaultMode", kDefaultMode);
  }
  return kDefaultMode;
}

}  // namespace

bool is_projected(const Json& volume) {
  return volume.contains("projected") || volume.contains("configMap") || volume.contains("secret") ||
         volume.contains("downwardAPI");
}

std::vector<api::Key> objects_of(const std::string& ns, const Json& volume) {
  std::vector<api::Key> keys;
  for (const Json* part : parts_of(volume)) {
    if (const Json* map = find(*part, "configMap"))
      keys.push_back({"configmaps", ns, string_at(*map, "name")});
    if (const Json* secret = find(*part, "secret"))
      keys.push_back({"secrets", ns, string_at(*secret, "secretName", string_at(*secret, "name"))});
  }
  return keys;
}

bool has_token(const Json& volume) {
  const auto parts = parts_of(volume);
  return std::any_of(parts.begin(), parts.end(),
                     [](const Json* part) { return part->contains("serviceAccountToken"); });
}

Result<std::vector<VolumeFile>> volume_files(const api::Object& pod, const Json& volume,
                                             const VolumeSources& sources) {
  Files files;
  for (const Json* part : parts_of(volume)) TRY(add_source(pod, *part, sources, default_mode(volume), files));
  return files;
}

VolumeOwner owner_of(const api::Pod& pod) {
  VolumeOwner owner;
  owner.group = pod.fs_group;
  std::set<std::optional<std::int64_t>> users;
  for (const auto& container : pod.init_containers) users.insert(container.run_as_user);
  for (const auto& container : pod.containers) users.insert(container.run_as_user);
  if (users.size() == 1) owner.user = *users.begin();
  return owner;
}

std::int64_t token_due(std::int64_t issued, std::int64_t expires) {
  return issued + std::min((expires - issued) * 8 / 10, kDaySeconds);
}

std::optional<std::int64_t> token_due(std::string_view token) {
  const auto parts = split(token, '.');
  if (parts.size() != 3) return std::nullopt;
  std::string claims = replace_all(replace_all(parts[1], "-", "+"), "_", "/");
  while (claims.size() % 4 != 0) claims += '=';
  const auto text = base64_decode(claims);
  if (!text.ok()) return std::nullopt;
  const auto json = parse_json(*text);
  if (!json.ok() || int_at(*json, "exp") == 0) return std::nullopt;
  return token_due(int_at(*json, "iat"), int_at(*json, "exp"));
}

}  // namespace minik::runtime
