#include "kubectl-lite/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <istream>
#include <iterator>

#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"
#include "kubectl-lite/failure.h"

namespace minik::kubectl {
namespace {

namespace fs = std::filesystem;

bool is_manifest_name(const fs::path& path) {
  const std::string ending = path.extension().string();
  return ending == ".yaml" || ending == ".yml" || ending == ".json";
}

// The files that one -f means, in order of their names.
Result<std::vector<std::string>> expand(const std::string& path, bool recursive) {
  std::error_code error;
  if (!fs::exists(path, error)) return failed(fmt::format("the path \"{}\" does not exist", path));
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) {
      if (!recursive) it.disable_recursion_pending();
    } else if (is_manifest_name(it->path())) {
      files.push_back(it->path().string());
    }
  }
  if (error) return failed(fmt::format("{}: {}", path, error.message()));
  if (files.empty()) {
    return failed(fmt::format("error reading [{}]: recognized file extensions are [.json .yaml .yml]", path));
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<Json>> parse_text(const std::string& text, const std::string& source) {
  if (trim(text).starts_with("{")) {
    auto json = parse_json(text);
    if (json.ok()) return std::vector<Json>{*std::move(json)};
    if (source.ends_with(".json"))
      return failed(fmt::format("error parsing {}: {}", source, json.error().message()));
  }
  auto documents = parse_yaml(text);
  if (!documents.ok())
    return failed(fmt::format("error parsing {}: {}", source, documents.error().message()));
  return documents;
}

Result<Manifest> manifest_of(Json object, const std::string& source, const std::string& ns, bool ns_given) {
  const std::string kind = string_at(object, "kind"), version = string_at(object, "apiVersion");
  if (kind.empty() || version.empty()) {
    std::vector<std::string> missing;
    if (version.empty()) missing.push_back("apiVersion not set");
    if (kind.empty()) missing.push_back("kind not set");
    return failed(fmt::format(
        "error validating \"{}\": error validating data: [{}]; if you choose to ignore these errors, "
        "turn validation off with --validate=false",
        source, join(missing, ", ")));
  }
  Manifest manifest{source, api::Schema::builtin().by_kind(version, kind), std::move(object)};
  const std::string name = name_of(manifest.object), own_ns = namespace_of(manifest.object);
  if (manifest.kind == nullptr) {
    return failed(fmt::format(
        "resource mapping not found for name: \"{}\" namespace: \"{}\" from \"{}\": no matches for kind "
        "\"{}\" in version \"{}\"\nensure CRDs are installed first",
        name, own_ns, source, kind, version));
  }
  if (!manifest.kind->namespaced) return manifest;
  if (own_ns.empty()) {
    if (!manifest.object["metadata"].is_object()) manifest.object["metadata"] = Json::object();
    manifest.object["metadata"]["namespace"] = ns;
  } else if (ns_given && own_ns != ns) {
    return failed(fmt::format(
        "the namespace from the provided object \"{}\" does not match the namespace \"{}\". You must pass "
        "'--namespace={}' to perform this operation.",
        own_ns, ns, own_ns));
  }
  return manifest;
}

}  // namespace

Result<std::vector<Manifest>> parse_manifests(const std::string& text, const std::string& source,
                                              const std::string& ns, bool ns_given) {
  std::vector<Manifest> manifests;
  for (Json& document : TRY(parse_text(text, source))) {
    if (!document.is_object())
      return failed(fmt::format("error parsing {}: a document must be a map", source));
    const Json* items = find(document, "items");
    if (string_at(document, "kind").ends_with("List") && items != nullptr && items->is_array()) {
      for (const Json& item : *items) manifests.push_back(TRY(manifest_of(item, source, ns, ns_given)));
    } else {
      manifests.push_back(TRY(manifest_of(std::move(document), source, ns, ns_given)));
    }
  }
  return manifests;
}

Result<std::vector<Manifest>> load_manifests(Session& session, const std::vector<std::string>& files,
                                             bool recursive) {
  std::vector<Manifest> all;
  const auto take = [&](const std::string& text, const std::string& source) -> Result<> {
    std::vector<Manifest> some = TRY(parse_manifests(text, source, session.ns, session.ns_given));
    std::move(some.begin(), some.end(), std::back_inserter(all));
    return {};
  };
  for (const std::string& file : files) {
    if (file == "-") {
      TRY(take(std::string(std::istreambuf_iterator<char>(session.in), {}), "STDIN"));
      continue;
    }
    for (const std::string& path : TRY(expand(file, recursive))) {
      const auto text = read_file(path);
      if (!text.ok()) return failed(text.error());
      TRY(take(*text, path));
    }
  }
  return all;
}

}  // namespace minik::kubectl
