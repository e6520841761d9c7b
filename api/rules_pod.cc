// Pod specs, alone and in templates.
#include <fmt/format.h>

#include <set>

#include "api/rules.h"
#include "base/ip.h"
#include "base/text.h"

namespace minik::api {
namespace {

// The tag of an image reference; "latest" when none is given, "" with a digest.
std::string tag_of(const std::string& image) {
  if (image.find('@') != std::string::npos) return "";
  const auto slash = image.rfind('/');
  const auto colon = image.rfind(':');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return "latest";
  return image.substr(colon + 1);
}

void default_container(Json& container, bool host_network) {
  if (!container.contains("imagePullPolicy")) {
    container["imagePullPolicy"] =
        tag_of(string_at(container, "image")) == "latest" ? "Always" : "IfNotPresent";
  }
  if (host_network && container.contains("ports") && container["ports"].is_array()) {
    for (Json& port : container["ports"]) {
      if (port.is_object() && !port.contains("hostPort") && port.contains("containerPort"))
        port["hostPort"] = port["containerPort"];
    }
  }
}

std::string env_name_error(const std::string& name) {
  if (name.empty()) return "must not be empty";
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x21 || u > 0x7e || c == '=')
      return "a valid environment variable name must consist only of printable ASCII characters other than "
             "'='";
  }
  return "";
}

void validate_probe(Causes& causes, const Json& container, const char* member, const std::string& at) {
  const Json* probe = find(container, member);
  if (probe == nullptr) return;
  const std::string here = at + "." + member;
  int handlers = 0;
  for (const char* handler : {"exec", "httpGet", "tcpSocket", "grpc"})
    handlers += probe->contains(handler) ? 1 : 0;
  if (handlers == 0) cause_required(causes, here, "must specify a handler type");
  if (handlers > 1) cause_forbidden(causes, here, "may not specify more than 1 handler type");
  for (const char* handler : {"httpGet", "tcpSocket"}) {
    const Json* port = find(*probe, handler, "port");
    if (port == nullptr) continue;
    const std::string field = fmt::format("{}.{}.port", here, handler);
    if (port->is_number())
      check_port(causes, *port, field);
    else if (const std::string error = port_name_error(port->get<std::string>()); !error.empty())
      cause_invalid(causes, field, *port, error);
  }
  for (const char* number :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"}) {
    if (int_at(*probe, number, 1) < 0)
      cause_invalid(causes, here + "." + number, (*probe)[number], "must be greater than or equal to 0");
  }
  if (std::string_view(member) != "readinessProbe" && int_at(*probe, "successThreshold", 1) != 1) {
    cause_invalid(causes, here + ".successThreshold", (*probe)["successThreshold"], "must be 1");
  }
}

void validate_container_ports(Causes& causes, const Json& container, const std::string& at) {
  std::set<std::string> names;
  const Json& ports = array_at(container, "ports");
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string here = fmt::format("{}.ports[{}]", at, i);
    if (ports[i].contains("containerPort"))
      check_port(causes, ports[i]["containerPort"], here + ".containerPort");
    if (int_at(ports[i], "hostPort") != 0) check_port(causes, ports[i]["hostPort"], here + ".hostPort");
    const std::string name = string_at(ports[i], "name");
    if (name.empty()) continue;
    if (const std::string error = port_name_error(name); !error.empty())
      cause_invalid(causes, here + ".name", name, error);
    else if (!names.insert(name).second)
      cause_duplicate(causes, here + ".name", name);
  }
}

void validate_container(Causes& causes, const Json& container, const std::string& at,
                        const std::set<std::string>& volumes) {
  const std::string name = string_at(container, "name");
  if (!name.empty() && !dns1123_label_error(name).empty())
    cause_invalid(causes, at + ".name", name, dns1123_label_error(name));
  if (string_at(container, "image").empty()) cause_required(causes, at + ".image");
  validate_container_ports(causes, container, at);
  const Json& env = array_at(container, "env");
  for (std::size_t i = 0; i < env.size(); ++i) {
    const std::string variable = string_at(env[i], "name");
    if (variable.empty()) continue;  // The schema already asks for it.
    if (const std::string error = env_name_error(variable); !error.empty())
      cause_invalid(causes, fmt::format("{}.env[{}].name", at, i), variable, error);
    if (!string_at(env[i], "value").empty() && env[i].contains("valueFrom")) {
      cause_invalid(causes, fmt::format("{}.env[{}].valueFrom", at, i), "",
                    "may not be specified when `value` is not empty");
    }
  }
  const Json& mounts = array_at(container, "volumeMounts");
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const std::string volume = string_at(mounts[i], "name");
    if (!volume.empty() && !volumes.contains(volume)) {
      causes.push_back({"FieldValueNotFound", fmt::format("{}.volumeMounts[{}].name", at, i),
                        "Not found: " + to_text(Json(volume))});
    }
  }
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"})
    validate_probe(causes, container, probe, at);
}

std::set<std::string> validate_volumes(Causes& causes, const Json& spec, const std::string& path) {
  std::set<std::string> names;
  const Json& volumes = array_at(spec, "volumes");
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const std::string name = string_at(volumes[i], "name");
    const std::string field = fmt::format("{}.volumes[{}].name", path, i);
    if (name.empty()) continue;
    if (const std::string error = dns1123_label_error(name); !error.empty())
      cause_invalid(causes, field, name, error);
    else if (!names.insert(name).second)
      cause_duplicate(causes, field, name);
  }
  return names;
}

// What an update of a pod may touch: images, tolerations, the deadline; metadata is checked elsewhere.
Json frozen_part(Json spec) {
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list) || !spec[list].is_array()) continue;
    for (Json& container : spec[list]) {
      if (container.is_object()) container.erase("image");
    }
  }
  for (const char* member :
       {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"})
    spec.erase(member);
  return spec;
}

}  // namespace

void default_pod_spec(Json& spec) {
  if (!spec.is_object()) return;
  const bool host_network = bool_at(spec, "hostNetwork");
  for (const char* list : {"initContainers", "containers"}) {
    if (!spec.contains(list) || !spec[list].is_array()) continue;
    for (Json& container : spec[list]) {
      if (container.is_object()) default_container(container, host_network);
    }
  }
  const std::string account = string_at(spec, "serviceAccountName", string_at(spec, "serviceAccount"));
  if (!account.empty()) spec["serviceAccountName"] = spec["serviceAccount"] = account;
}

void validate_pod_spec(Causes& causes, const Json& spec, const std::string& path) {
  const std::set<std::string> volumes = validate_volumes(causes, spec, path);
  std::set<std::string> names;
  for (const char* list : {"initContainers", "containers"}) {
    const Json& containers = array_at(spec, list);
    for (std::size_t i = 0; i < containers.size(); ++i) {
      const std::string at = fmt::format("{}.{}[{}]", path, list, i);
      validate_container(causes, containers[i], at, volumes);
      const std::string name = string_at(containers[i], "name");
      if (!name.empty() && !names.insert(name).second) cause_duplicate(causes, at + ".name", name);
    }
  }
  for (const char* member : {"hostname", "subdomain"}) {
    const std::string text = string_at(spec, member);
    if (!text.empty() && !dns1123_label_error(text).empty())
      cause_invalid(causes, path + "." + member, text, dns1123_label_error(text));
  }
  if (int_at(spec, "terminationGracePeriodSeconds") < 0) {
    cause_invalid(causes, path + ".terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"],
                  "must be greater than or equal to 0");
  }
  const Json& aliases = array_at(spec, "hostAliases");
  for (std::size_t i = 0; i < aliases.size(); ++i) {
    const std::string ip = string_at(aliases[i], "ip");
    if (!ip.empty() && !Ip::parse(ip).ok())
      cause_invalid(causes, fmt::format("{}.hostAliases[{}].ip", path, i), ip, "must be valid IP address");
  }
  const Json& servers = array_at(object_at(spec, "dnsConfig"), "nameservers");
  if (string_at(spec, "dnsPolicy") == "None" && servers.empty()) {
    cause_required(causes, path + ".dnsConfig.nameservers",
                   "must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].is_string() && !Ip::parse(servers[i].get<std::string>()).ok()) {
      cause_invalid(causes, fmt::format("{}.dnsConfig.nameservers[{}]", path, i), servers[i],
                    "must be valid IP address");
    }
  }
}

void validate_pod_update(Causes& causes, const Json& pod, const Json& old) {
  Json before = object_at(old, "spec");
  const Json& now = object_at(pod, "spec");
  if (string_at(before, "nodeName").empty() && now.contains("nodeName")) before["nodeName"] = now["nodeName"];
  if (frozen_part(now) != frozen_part(before)) {
    cause_forbidden(
        causes, "spec",
        "pod updates may not change fields other than "
        "`spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
  }
}

}  // namespace minik::api
