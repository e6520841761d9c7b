#include "kubectl-lite/kubeconfig_file.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"
#include "kubectl-lite/failure.h"

namespace minik::kubectl {
namespace {

constexpr const char* kLists[] = {"clusters", "contexts", "users"};

const Json* entry_of(const Json& config, const char* list, const std::string& name) {
  for (const Json& entry : array_at(config, list)) {
    if (string_at(entry, "name") == name) return &entry;
  }
  return nullptr;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Paths inside a kubeconfig are relative to the file.
void make_paths_absolute(Json& config, const std::string& folder) {
  const auto fix = [&](Json& value, const char* member) {
    const std::string path = string_at(value, member);
    if (!path.empty() && path[0] != '/') value[member] = folder + "/" + path;
  };
  for (const char* list : {"clusters", "users"}) {
    if (!config.contains(list) || !config[list].is_array()) continue;
    for (Json& entry : config[list]) {
      const char* body = std::string_view(list) == "clusters" ? "cluster" : "user";
      if (!entry.is_object() || !entry.contains(body) || !entry[body].is_object()) continue;
      for (const char* member : {"certificate-authority", "client-certificate", "client-key", "tokenFile"}) {
        fix(entry[body], member);
      }
    }
  }
}

void merge_into(Json& config, const Json& more) {
  for (const char* list : kLists) {
    for (const Json& entry : array_at(more, list)) {
      if (entry_of(config, list, string_at(entry, "name")) == nullptr) config[list].push_back(entry);
    }
  }
  if (string_at(config, "current-context").empty())
    config["current-context"] = string_at(more, "current-context");
}

Result<Json> read_one(const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) return failed(text.error());
  auto documents = parse_yaml(*text);
  if (!documents.ok())
    return failed(fmt::format("error loading config file \"{}\": {}", path, documents.error().message()));
  if (documents->empty()) return Json::object();
  if (!documents->front().is_object())
    return failed(fmt::format("error loading config file \"{}\": it is no kubeconfig", path));
  Json config = std::move(documents->front());
  make_paths_absolute(config, folder_of(path));
  return config;
}

// "<member>-data" in base64, or the file that "<member>" names; empty when neither is there.
Result<std::string> pem_of(const Json& entry, const std::string& member) {
  const std::string data = string_at(entry, member + "-data");
  if (!data.empty()) {
    auto decoded = base64_decode(data);
    if (!decoded.ok()) return failed(fmt::format("kubeconfig: {}-data is no base64", member));
    return decoded;
  }
  const std::string path = string_at(entry, member);
  if (path.empty()) return std::string();
  auto text = read_file(path);
  if (!text.ok()) return failed(text.error());
  return text;
}

Result<> parse_server(const std::string& url, ClusterAccess& access) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme))
    return failed(fmt::format("kubeconfig: server \"{}\" is no https:// address", url));
  std::string rest = url.substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  auto colon = rest.rfind(':');
  if (rest.starts_with("[")) {
    const auto end = rest.find(']');
    if (end == std::string::npos) return failed(fmt::format("kubeconfig: server \"{}\" is no address", url));
    access.host = rest.substr(1, end - 1);
    colon = rest.find(':', end);
  } else {
    access.host = rest.substr(0, colon);
  }
  if (colon != std::string::npos) {
    const auto port = parse_int(std::string_view(rest).substr(colon + 1));
    if (!port || *port < 1 || *port > 65535)
      return failed(fmt::format("kubeconfig: server \"{}\" has no valid port", url));
    access.port = static_cast<int>(*port);
  }
  return {};
}

}  // namespace

std::string ClusterAccess::address() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<Json> load_kubeconfig(const std::string& flag) {
  if (!flag.empty()) return read_one(flag);
  std::vector<std::string> paths;
  if (const char* list = std::getenv("KUBECONFIG"); list != nullptr && *list != '\0') {
    paths = split(list, ':');
  } else if (const char* home = std::getenv("HOME"); home != nullptr) {
    paths = {std::string(home) + "/.kube/config"};
  }
  Json config = Json::object();
  for (const std::string& path : paths) {
    if (path.empty() || !path_exists(path)) continue;
    merge_into(config, TRY(read_one(path)));
  }
  return config;
}

Result<std::string> choose_context(const Json& config, const std::string& context_flag,
                                   const std::string& name_flag) {
  std::string context = context_flag;
  if (context.empty() && !name_flag.empty())
    context = name_flag == "default" ? "minik" : "minik-" + name_flag;
  const bool asked = !context.empty();
  if (!asked) context = string_at(config, "current-context");
  if (context.empty())
    return failed(
        "no cluster is configured: the kubeconfig has no current context (start one with \"minik up\")");
  if (entry_of(config, "contexts", context) == nullptr) {
    if (!name_flag.empty() && context_flag.empty()) {
      return failed(fmt::format("no cluster named \"{}\" is configured: context \"{}\" does not exist",
                                name_flag, context));
    }
    return failed(fmt::format("context \"{}\" does not exist", context));
  }
  return context;
}

Result<ClusterAccess> access_of(const Json& config, const std::string& context) {
  const Json* entry = entry_of(config, "contexts", context);
  if (entry == nullptr) return failed(fmt::format("context \"{}\" does not exist", context));
  const Json& chosen = object_at(*entry, "context");
  const Json* cluster = entry_of(config, "clusters", string_at(chosen, "cluster"));
  if (cluster == nullptr)
    return failed(fmt::format("cluster \"{}\" does not exist", string_at(chosen, "cluster")));
  ClusterAccess access;
  access.context = context;
  const Json& server = object_at(*cluster, "cluster");
  TRY(parse_server(string_at(server, "server"), access));
  access.verify = !bool_at(server, "insecure-skip-tls-verify");
  access.ca = TRY(pem_of(server, "certificate-authority"));
  if (const std::string ns = string_at(chosen, "namespace"); !ns.empty()) access.ns = ns;
  const Json* user = entry_of(config, "users", string_at(chosen, "user"));
  if (user == nullptr) return access;
  const Json& credentials = object_at(*user, "user");
  access.client_cert = TRY(pem_of(credentials, "client-certificate"));
  access.client_key = TRY(pem_of(credentials, "client-key"));
  access.token = string_at(credentials, "token");
  if (const std::string path = string_at(credentials, "tokenFile"); access.token.empty() && !path.empty()) {
    const auto text = read_file(path);
    if (!text.ok()) return failed(text.error());
    access.token = std::string(trim(*text));
  }
  return access;
}

Result<Json> minify(const Json& config, const std::string& context) {
  const Json* entry = entry_of(config, "contexts", context);
  if (entry == nullptr) return failed(fmt::format("context \"{}\" does not exist", context));
  const Json& chosen = object_at(*entry, "context");
  Json out = {{"apiVersion", "v1"},
              {"kind", "Config"},
              {"preferences", Json::object()},
              {"current-context", context}};
  out["contexts"] = Json::array({*entry});
  out["clusters"] = Json::array();
  out["users"] = Json::array();
  if (const Json* cluster = entry_of(config, "clusters", string_at(chosen, "cluster")))
    out["clusters"].push_back(*cluster);
  if (const Json* user = entry_of(config, "users", string_at(chosen, "user"))) out["users"].push_back(*user);
  return out;
}

}  // namespace minik::kubectl
