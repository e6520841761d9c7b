#include "runtime/container_env.h"

#include <algorithm>
#include <functional>

#include "api/service.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::runtime {
namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

using Known = std::map<std::string, std::string>;

void set(Env& env, const std::string& name, const std::string& value) {
  for (auto& [key, held] : env) {
    if (key != name) continue;
    held = value;
    return;
  }
  env.emplace_back(name, value);
}

Known known_of(const Env& env) { return {env.begin(), env.end()}; }

bool valid_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

std::string variable_name(std::string_view name) { return replace_all(upper(name), "-", "_"); }

void service_variables(const api::Object& object, Env& env) {
  const auto& service = object.view<api::Service>();
  if (service.cluster_ips.empty() || service.ports.empty()) return;
  const std::string name = variable_name(object.name());
  const std::string ip = service.cluster_ips[0].text();
  const std::string host = service.cluster_ips[0].is_v4() ? ip : "[" + ip + "]";
  const auto url = [&](const api::ServicePort& port) {
    return lower(port.protocol) + "://" + host + ":" + std::to_string(port.port);
  };
  set(env, name + "_SERVICE_HOST", ip);
  set(env, name + "_SERVICE_PORT", std::to_string(service.ports[0].port));
  for (const auto& port : service.ports) {
    if (!port.name.empty())
      set(env, name + "_SERVICE_PORT_" + variable_name(port.name), std::to_string(port.port));
  }
  set(env, name + "_PORT", url(service.ports[0]));
  for (const auto& port : service.ports) {
    const std::string prefix = name + "_PORT_" + std::to_string(port.port) + "_" + upper(port.protocol);
    set(env, prefix, url(port));
    set(env, prefix + "_PROTO", lower(port.protocol));
    set(env, prefix + "_PORT", std::to_string(port.port));
    set(env, prefix + "_ADDR", ip);
  }
}

// The value of a key of a ConfigMap or Secret, decoded.
std::optional<std::string> entry_of(const api::Object& object, const std::string& key, bool secret) {
  const Json* text = find(object.body(), "data", key);
  if (text != nullptr && text->is_string()) {
    if (!secret) return text->get<std::string>();
    auto decoded = base64_decode(text->get_ref<const std::string&>());
    return decoded.ok() ? std::optional(*decoded) : std::nullopt;
  }
  return std::nullopt;
}

struct Source {
  const api::Snapshot& objects;
  std::string ns;
  bool secret;
  const char* resource() const { return secret ? "secrets" : "configmaps"; }
  std::string absent(const std::string& name) const {
    return std::string(secret ? "secret" : "configmap") + " \"" + name + "\" not found";
  }
};

// Nothing for an optional reference that leads nowhere.
Result<std::optional<std::string>> key_value(const Source& source, const api::KeyRef& ref) {
  const api::ObjectPtr object = source.objects.find(source.resource(), source.ns, ref.name);
  if (object == nullptr) {
    if (ref.optional) return std::optional<std::string>();
    return Error(Code::kInvalid, source.absent(ref.name));
  }
  auto value = entry_of(*object, ref.key, source.secret);
  if (value || ref.optional) return value;
  return Error(Code::kInvalid, "couldn't find key " + ref.key + " in " +
                                   (source.secret ? "Secret " : "ConfigMap ") + source.ns + "/" + ref.name);
}

Result<> add_all_of(const Source& source, const std::string& name, const api::EnvFrom& from, Env& env,
                    std::vector<std::string>& skipped) {
  const api::ObjectPtr object = source.objects.find(source.resource(), source.ns, name);
  if (object == nullptr) {
    if (from.optional) return {};
    return Error(Code::kInvalid, source.absent(name));
  }
  for (const auto& [key, value] : object_at(object->body(), "data").items()) {
    const std::string variable = from.prefix + key;
    const auto text = entry_of(*object, key, source.secret);
    if (!valid_name(variable))
      skipped.push_back(variable);
    else if (text)
      set(env, variable, *text);
  }
  return {};
}

// 'k' of "metadata.labels['k']".
std::optional<std::string> subscript(std::string_view path, std::string_view of) {
  const std::string head = std::string(of) + "['";
  if (!starts_with(path, head) || !ends_with(path, "']")) return std::nullopt;
  return std::string(path.substr(head.size(), path.size() - head.size() - 2));
}

// Nothing: the variable stays unset.
Result<std::optional<std::string>> value_of(const api::Object& pod, const api::EnvVar& var,
                                            const api::Snapshot& objects, const PodPlace& place,
                                            const Env& env) {
  if (var.field_path) {
    std::string value = TRY(field_value(pod, *var.field_path, place));
    return std::optional(std::move(value));
  }
  if (var.config_map) return key_value({objects, pod.ns(), false}, *var.config_map);
  if (var.secret) return key_value({objects, pod.ns(), true}, *var.secret);
  return std::optional(expand(var.value, known_of(env)));
}

void add_image_and_runtime(const api::Object& pod, const api::Container& container,
                           const ImageDefaults& image, Env& env) {
  const auto add_missing = [&](const std::string& name, const std::string& value) {
    const auto has = [&](const auto& entry) { return entry.first == name; };
    if (std::none_of(env.begin(), env.end(), has)) env.emplace_back(name, value);
  };
  for (const std::string& assignment : image.env) {
    const auto equals = assignment.find('=');
    if (equals != std::string::npos) add_missing(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
  add_missing("PATH", kPath);
  add_missing("HOSTNAME", api::pod_hostname(pod));
  if (container.tty) add_missing("TERM", "xterm");
}

}  // namespace

Result<std::string> field_value(const api::Object& pod, const std::string& path, const PodPlace& place) {
  const auto at = [](const api::Labels& labels, const std::string& key) {
    const auto it = labels.find(key);
    return it == labels.end() ? std::string() : it->second;
  };
  if (path == "metadata.name") return pod.name();
  if (path == "metadata.namespace") return pod.ns();
  if (path == "metadata.uid") return pod.uid();
  if (path == "spec.nodeName") return place.node_name;
  if (path == "spec.serviceAccountName") return pod.view<api::Pod>().service_account;
  if (path == "status.podIP") return place.pod_ips.empty() ? std::string() : place.pod_ips[0];
  if (path == "status.podIPs") return join(place.pod_ips, ",");
  if (path == "status.hostIP" || path == "status.hostIPs") return place.host_ip;
  if (const auto key = subscript(path, "metadata.labels")) return at(pod.meta().labels, *key);
  if (const auto key = subscript(path, "metadata.annotations")) return at(pod.meta().annotations, *key);
  return Error(Code::kInvalid, "unsupported fieldPath: " + path);
}

std::string expand(std::string_view text, const Known& known) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '$' && next == '$') {
      out += '$';
      ++i;
      continue;
    }
    const auto end = text[i] == '$' && next == '(' ? text.find(')', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const std::string name(text.substr(i + 2, end - i - 2));
    const auto it = known.find(name);
    out += it == known.end() ? "$(" + name + ")" : it->second;
    i = end;
  }
  return out;
}

Env service_env(const api::Snapshot& objects, const std::string& ns, bool all_services) {
  std::vector<api::ObjectPtr> services;
  if (all_services) services = objects.list("services", ns);
  const api::ObjectPtr kubernetes = objects.find("services", "default", "kubernetes");
  const bool shadowed = objects.find("services", ns, "kubernetes") != nullptr && all_services;
  if (kubernetes != nullptr && !shadowed) services.push_back(kubernetes);
  std::stable_sort(services.begin(), services.end(),
                   [](const auto& a, const auto& b) { return a->meta().created < b->meta().created; });
  Env env;
  for (const auto& service : services) service_variables(*service, env);
  return env;
}

Result<Env> container_env(const api::Object& pod, const api::Container& container,
                          const api::Snapshot& objects, const PodPlace& place, const ImageDefaults& image,
                          std::vector<std::string>& skipped) {
  Env env = service_env(objects, pod.ns(), pod.view<api::Pod>().enable_service_links);
  for (const auto& from : container.env_from) {
    if (!from.config_map.empty()) {
      TRY(add_all_of({objects, pod.ns(), false}, from.config_map, from, env, skipped));
    }
    if (!from.secret.empty()) TRY(add_all_of({objects, pod.ns(), true}, from.secret, from, env, skipped));
  }
  for (const auto& var : container.env) {
    const auto value = TRY(value_of(pod, var, objects, place, env));
    if (value) set(env, var.name, *value);
  }
  add_image_and_runtime(pod, container, image, env);
  return env;
}

std::vector<std::string> container_argv(const api::Container& container, const ImageDefaults& image,
                                        const Env& env) {
  const Known known = known_of(env);
  std::vector<std::string> argv;
  const auto add = [&](const std::vector<std::string>& words, bool expanded) {
    for (const auto& word : words) argv.push_back(expanded ? expand(word, known) : word);
  };
  if (!container.command.empty()) {
    add(container.command, true);
    add(container.args, true);
    return argv;
  }
  add(image.entrypoint, false);
  if (container.args.empty())
    add(image.command, false);
  else
    add(container.args, true);
  return argv;
}

}  // namespace minik::runtime
