#include "apiserver/proxy_target.h"

#include <fmt/format.h>

#include "api/object.h"
#include "apiserver/registry.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::ObjectPtr;

constexpr int kSegments = 7;  // api v1 namespaces NS pods NAME proxy

Result<int> number_of(const std::string& port) {
  const auto number = parse_int(port);
  if (number && *number >= 1 && *number <= 65535) return static_cast<int>(*number);
  return Error(Code::kInvalid, fmt::format("invalid port \"{}\"", port));
}

// The port of the pod that is meant: a number, a name, or the first one of its containers.
Result<int> pod_port(const api::Object& pod, const std::string& wanted) {
  if (parse_int(wanted)) return number_of(wanted);
  for (const Json& container : array_at(object_at(pod.body(), "spec"), "containers")) {
    for (const Json& port : array_at(container, "ports")) {
      if (wanted.empty() || string_at(port, "name") == wanted)
        return static_cast<int>(int_at(port, "containerPort"));
    }
  }
  return wanted.empty() ? Result<int>(80) : number_of(wanted);
}

Result<ProxyTarget> pod_target(const api::Snapshot& objects, const Route& route, const SchemeNamePort& id) {
  const ObjectPtr pod = objects.find("pods", route.ns, id.name);
  if (pod == nullptr) return not_found(Target{route.kind, route.ns, id.name, ""});
  const auto ip = Ip::parse(string_at(object_at(pod->body(), "status"), "podIP"));
  if (!ip.ok()) return Error(Code::kInvalid, "address not allowed");
  return ProxyTarget{id.scheme == "https", *ip, TRY(pod_port(*pod, id.port))};
}

// The name of the Service's port that is meant; "" is the name of an unnamed one.
Result<std::string> service_port_name(const api::Object& service, const std::string& wanted) {
  const auto number = parse_int(wanted);
  if (!number) return wanted;
  for (const Json& port : array_at(object_at(service.body(), "spec"), "ports")) {
    if (int_at(port, "port") == *number) return string_at(port, "name");
  }
  return Error(Code::kUnavailable,
               fmt::format("no service port {} found for service \"{}\"", *number, service.name()));
}

std::optional<ProxyTarget> ready_endpoint(const Json& slice, const std::string& port_name) {
  for (const Json& port : array_at(slice, "ports")) {
    if (string_at(port, "name") != port_name) continue;
    for (const Json& endpoint : array_at(slice, "endpoints")) {
      const Json& addresses = array_at(endpoint, "addresses");
      if (!bool_at(object_at(endpoint, "conditions"), "ready", true) || addresses.empty()) continue;
      const auto ip = Ip::parse(addresses[0].get<std::string>());
      if (ip.ok()) return ProxyTarget{false, *ip, static_cast<int>(int_at(port, "port"))};
    }
  }
  return std::nullopt;
}

Result<ProxyTarget> service_target(const api::Snapshot& objects, const Route& route,
                                   const SchemeNamePort& id) {
  const ObjectPtr service = objects.find("services", route.ns, id.name);
  if (service == nullptr) return not_found(Target{route.kind, route.ns, id.name, ""});
  const std::string port = TRY(service_port_name(*service, id.port));
  std::optional<ProxyTarget> target;
  objects.for_each("endpointslices.discovery.k8s.io", route.ns, [&](const ObjectPtr& slice) {
    const auto label = slice->meta().labels.find("kubernetes.io/service-name");
    if (target || label == slice->meta().labels.end() || label->second != id.name) return;
    target = ready_endpoint(slice->body(), port);
  });
  if (!target)
    return Error(Code::kUnavailable, fmt::format("no endpoints available for service \"{}\"", id.name));
  target->https = id.scheme == "https";
  return *target;
}

}  // namespace

std::optional<SchemeNamePort> split_scheme_name_port(std::string_view id) {
  const auto parts = split(id, ':');
  SchemeNamePort out;
  if (parts.size() == 1) {
    out.name = parts[0];
  } else if (parts.size() == 2) {
    out = {"", parts[0], parts[1]};
  } else if (parts.size() == 3) {
    out = {parts[0], parts[1], parts[2]};
    if (!out.scheme.empty() && out.scheme != "http" && out.scheme != "https") return std::nullopt;
  }
  if (out.name.empty()) return std::nullopt;
  return out;
}

Result<ProxyTarget> proxy_target(const api::Snapshot& objects, const Route& route) {
  const bool pod = route.kind->kind == "Pod";
  const auto id = split_scheme_name_port(route.name);
  if (!id) {
    return Error(Code::kInvalid,
                 fmt::format("invalid {} request \"{}\"", pod ? "pod" : "service", route.name));
  }
  return pod ? pod_target(objects, route, *id) : service_target(objects, route, *id);
}

std::pair<std::string, std::string> split_proxy_path(std::string_view path) {
  std::size_t at = 0;
  for (int i = 0; i < kSegments; ++i) {
    at = path.find_first_not_of('/', at);
    if (at == std::string_view::npos) return {std::string(path), ""};
    at = std::min(path.find('/', at), path.size());
  }
  return {std::string(path.substr(0, at)), std::string(path.substr(at))};
}

std::string rewrite_location(const std::string& location, const std::string& host,
                             const std::string& prefix) {
  std::string path = location;
  if (const auto scheme = location.find("://"); scheme != std::string::npos) {
    const auto slash = location.find('/', scheme + 3);
    const std::string there =
        location.substr(scheme + 3, slash == std::string::npos ? slash : slash - scheme - 3);
    if (there != host) return location;
    path = slash == std::string::npos ? "/" : location.substr(slash);
  }
  const bool absolute = !path.empty() && path[0] == '/' && !path.starts_with("//");
  if (!absolute || path.starts_with(prefix + "/")) return path;
  return prefix + path;
}

}  // namespace minik::apiserver
