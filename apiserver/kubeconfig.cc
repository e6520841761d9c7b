#include "apiserver/kubeconfig.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

constexpr const char* kLists[] = {"clusters", "users", "contexts"};

Result<Json> read_config(const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) {
    if (text.error().code() == Code::kNotFound) return Json::object();
    return text.error();
  }
  auto documents = parse_yaml(*text);
  if (!documents.ok()) return std::move(documents).error().wrap(path);
  if (documents->empty()) return Json::object();
  if (!documents->front().is_object()) return Error(Code::kInvalid, path + ": is no kubeconfig");
  return std::move(documents->front());
}

void drop_named(Json& config, const char* list, const std::string& name) {
  if (!config.contains(list) || !config[list].is_array()) config[list] = Json::array();
  Json& entries = config[list];
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [&](const Json& e) { return string_at(e, "name") == name; }),
                entries.end());
}

}  // namespace

Json kubeconfig_json(const std::string& name, const std::string& server, const Pki& pki) {
  return {{"apiVersion", "v1"},
          {"kind", "Config"},
          {"preferences", Json::object()},
          {"clusters",
           Json::array(
               {{{"name", name},
                 {"cluster", {{"server", server}, {"certificate-authority-data", base64(pki.ca_cert)}}}}})},
          {"users", Json::array({{{"name", name},
                                  {"user",
                                   {{"client-certificate-data", base64(pki.admin_cert)},
                                    {"client-key-data", base64(pki.admin_key)}}}}})},
          {"contexts", Json::array({{{"name", name}, {"context", {{"cluster", name}, {"user", name}}}}})},
          {"current-context", name}};
}

Result<> merge_kubeconfig(const std::string& path, const std::string& name, const Json& config) {
  Json merged = TRY(read_config(path));
  for (const char* member : {"apiVersion", "kind", "preferences"}) {
    if (!merged.contains(member)) merged[member] = config.at(member);
  }
  for (const char* list : kLists) {
    drop_named(merged, list, name);
    for (const Json& entry : config.at(list)) merged[list].push_back(entry);
  }
  merged["current-context"] = name;
  if (const auto slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    TRY(make_dirs(path.substr(0, slash), 0750));
  return write_file(path, to_yaml(merged), 0600);
}

Result<> remove_from_kubeconfig(const std::string& path, const std::string& name) {
  if (!path_exists(path)) return {};
  Json config = TRY(read_config(path));
  bool empty = true;
  for (const char* list : kLists) {
    drop_named(config, list, name);
    empty = empty && config[list].empty();
  }
  if (string_at(config, "current-context") == name) config["current-context"] = "";
  if (empty) {
    if (::unlink(path.c_str()) != 0) return Error::from_errno(errno, path);
    return {};
  }
  return write_file(path, to_yaml(config), 0600);
}

}  // namespace minik::apiserver
