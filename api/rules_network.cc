// Ingress, IngressClass, NetworkPolicy.
#include <fmt/format.h>

#include <algorithm>

#include "api/rules.h"
#include "api/selector.h"
#include "base/ip.h"
#include "base/text.h"

namespace minik::api {
namespace {

std::string at(const std::string& path, std::size_t i) { return fmt::format("{}[{}]", path, i); }

void check_named(Causes& causes, const Json& object, const char* member, const std::string& path) {
  const std::string name = string_at(object, member);
  if (name.empty())
    cause_required(causes, path + "." + member);
  else if (const std::string error = path_segment_error(name); !error.empty())
    cause_invalid(causes, path + "." + member, name, error);
}

// Kind and name of an object, and its group.
void check_reference(Causes& causes, const Json& to, const std::string& path) {
  if (const std::string group = string_at(to, "apiGroup"); !group.empty()) {
    if (const std::string error = dns1123_subdomain_error(group); !error.empty())
      cause_invalid(causes, path + ".apiGroup", group, error);
  }
  check_named(causes, to, "kind", path);
  check_named(causes, to, "name", path);
}

void check_backend(Causes& causes, const Json& backend, const std::string& path) {
  const bool service = backend.contains("service"), resource = backend.contains("resource");
  if (service && resource) {
    cause_invalid(causes, path, "", "cannot set both resource and service backends");
    return;
  }
  if (resource) {
    check_reference(causes, backend["resource"], path + ".resource");
    return;
  }
  if (!service) {
    cause_invalid(causes, path, "", "resource or service backend is required");
    return;
  }
  const Json& to = object_at(backend, "service");
  const std::string name = string_at(to, "name");
  if (name.empty())
    cause_required(causes, path + ".service.name");
  else if (const std::string error = dns1035_label_error(name); !error.empty())
    cause_invalid(causes, path + ".service.name", name, error);
  const Json& port = object_at(to, "port");
  const bool named = !string_at(port, "name").empty(), numbered = int_at(port, "number") != 0;
  if (named && numbered)
    cause_invalid(causes, path, "", "cannot set both port name & port number");
  else if (named && !port_name_error(string_at(port, "name")).empty())
    cause_invalid(causes, path + ".service.port.name", port["name"],
                  port_name_error(string_at(port, "name")));
  else if (numbered)
    check_port(causes, port["number"], path + ".service.port.number");
  else if (!named)
    cause_required(causes, path, "port name or number is required");
}

void check_host(Causes& causes, const std::string& host, const std::string& path) {
  if (host.find('*') == std::string::npos) {
    if (const std::string error = dns1123_subdomain_error(host); !error.empty())
      cause_invalid(causes, path, host, error);
  } else if (!host.starts_with("*.") || !dns1123_subdomain_error(host.substr(2)).empty()) {
    cause_invalid(
        causes, path, host,
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
        "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
        "(e.g. '*.example.com', regex used for validation is "
        "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  }
}

void check_path(Causes& causes, const Json& rule, const std::string& path) {
  const std::string type = string_at(rule, "pathType"), text = string_at(rule, "path");
  if (type.empty()) {
    cause_required(causes, path + ".pathType", "pathType must be specified");
  } else if (type == "Exact" || type == "Prefix") {
    if (!text.starts_with("/")) cause_invalid(causes, path + ".path", text, "must be an absolute path");
    for (const char* bad : {"//", "/./", "/../", "%2f", "%2F"}) {
      if (text.find(bad) != std::string::npos)
        cause_invalid(causes, path + ".path", text, fmt::format("must not contain '{}'", bad));
    }
    for (const char* bad : {"/..", "/."}) {
      if (text.ends_with(bad))
        cause_invalid(causes, path + ".path", text, fmt::format("cannot end with '{}'", bad));
    }
  } else if (type == "ImplementationSpecific") {
    if (!text.empty() && !text.starts_with("/"))
      cause_invalid(causes, path + ".path", text, "must be an absolute path");
  } else {
    cause_unsupported(causes, path + ".pathType", type, {"Exact", "ImplementationSpecific", "Prefix"});
  }
  check_backend(causes, object_at(rule, "backend"), path + ".backend");
}

void check_peer(Causes& causes, const Json& peer, const std::string& path) {
  const bool pods = peer.contains("podSelector"), namespaces = peer.contains("namespaceSelector");
  const Json* block = find(peer, "ipBlock");
  if (!pods && !namespaces && block == nullptr) {
    cause_required(causes, path, "must specify a peer");
    return;
  }
  if (block != nullptr && (pods || namespaces)) {
    cause_forbidden(causes, path, "may not specify both ipBlock and another peer");
    return;
  }
  for (const char* member : {"podSelector", "namespaceSelector"})
    if (peer.contains(member)) check_label_selector(causes, peer[member], path + "." + member);
  if (block == nullptr) return;
  const std::string text = string_at(*block, "cidr");
  const std::string where = path + ".ipBlock";
  if (text.empty()) {
    cause_required(causes, where + ".cidr");
    return;
  }
  const auto range = Cidr::parse(text);
  if (!range.ok()) {
    cause_invalid(causes, where + ".cidr", text,
                  "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    return;
  }
  const Json& except = array_at(*block, "except");
  for (std::size_t i = 0; i < except.size(); ++i) {
    const auto inner = Cidr::parse(except[i].is_string() ? except[i].get<std::string>() : "");
    const std::string here = at(where + ".except", i);
    if (!inner.ok())
      cause_invalid(causes, here, except[i],
                    "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    else if (!range->contains(inner->base()) || inner->prefix() <= range->prefix())
      cause_invalid(causes, here, except[i], "must be a strict subset of `cidr`");
  }
}

void check_policy_port(Causes& causes, const Json& port, const std::string& path) {
  const std::string protocol = string_at(port, "protocol");
  if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP")
    cause_unsupported(causes, path + ".protocol", protocol, {"TCP", "UDP", "SCTP"});
  const Json* number = find(port, "port");
  const Json* end = find(port, "endPort");
  if (number == nullptr) {
    if (end != nullptr)
      cause_invalid(causes, path + ".endPort", *end, "may not be specified when `port` is not specified");
    return;
  }
  if (number->is_string()) {
    if (end != nullptr)
      cause_invalid(causes, path + ".endPort", *end, "may not be specified when `port` is non-numeric");
    if (const std::string error = port_name_error(number->get<std::string>()); !error.empty())
      cause_invalid(causes, path + ".port", *number, error);
    return;
  }
  check_port(causes, *number, path + ".port");
  if (end == nullptr) return;
  if (*end < *number)
    cause_invalid(causes, path + ".endPort", *end, "must be greater than or equal to `port`");
  check_port(causes, *end, path + ".endPort");
}

void check_policy_rules(Causes& causes, const Json& spec, const char* direction, const char* peers) {
  const Json& rules = array_at(spec, direction);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = at(fmt::format("spec.{}", direction), i);
    const Json& ports = array_at(rules[i], "ports");
    for (std::size_t p = 0; p < ports.size(); ++p)
      check_policy_port(causes, ports[p], at(path + ".ports", p));
    const Json& sides = array_at(rules[i], peers);
    for (std::size_t p = 0; p < sides.size(); ++p) check_peer(causes, sides[p], at(path + "." + peers, p));
  }
}

void check_tls(Causes& causes, const Json& tls) {
  for (std::size_t i = 0; i < tls.size(); ++i) {
    const std::string path = at("spec.tls", i);
    const Json& hosts = array_at(tls[i], "hosts");
    for (std::size_t h = 0; h < hosts.size(); ++h)
      check_host(causes, hosts[h].is_string() ? hosts[h].get<std::string>() : "", at(path + ".hosts", h));
    if (const std::string name = string_at(tls[i], "secretName"); !name.empty()) {
      if (const std::string error = dns1123_subdomain_error(name); !error.empty())
        cause_invalid(causes, path + ".secretName", name, error);
    }
  }
}

// example.com/ingress-controller
void check_controller(Causes& causes, const std::string& controller) {
  constexpr std::size_t kMax = 250;
  constexpr std::string_view kMarks = "/-._~%!$&'()*+,;=:";
  const std::string path = "spec.controller";
  if (controller.size() > kMax)
    causes.push_back(
        {"FieldValueTooLong", path, fmt::format("Too long: may not be more than {} bytes", kMax)});
  if (controller.empty()) return cause_required(causes, path);
  const auto slash = controller.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == controller.size())
    return cause_invalid(causes, path, controller,
                         "must be a domain-prefixed path (such as \"acme.io/foo\")");
  const std::string host = controller.substr(0, slash), rest = controller.substr(slash + 1);
  if (const std::string error = dns1123_subdomain_error(host); !error.empty())
    cause_invalid(causes, path, host, error);
  const bool fine = std::all_of(rest.begin(), rest.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.find(c) != std::string_view::npos;
  });
  if (!fine)
    cause_invalid(causes, path, rest,
                  "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
}

}  // namespace

void validate_ingress(Causes& causes, const Json& ingress) {
  const Json& spec = object_at(ingress, "spec");
  const Json& rules = array_at(spec, "rules");
  if (rules.empty() && !spec.contains("defaultBackend"))
    cause_invalid(causes, "spec", Json(), "either `defaultBackend` or `rules` must be specified");
  if (const Json* backend = find(spec, "defaultBackend"))
    check_backend(causes, *backend, "spec.defaultBackend");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = at("spec.rules", i);
    if (const std::string host = string_at(rules[i], "host"); Ip::parse(host).ok())
      cause_invalid(causes, path + ".host", host, "must be a DNS name, not an IP address");
    else if (!host.empty())
      check_host(causes, host, path + ".host");
    if (!rules[i].contains("http")) continue;
    const Json& paths = array_at(rules[i]["http"], "paths");
    if (paths.empty()) cause_required(causes, path + ".http.paths");
    for (std::size_t p = 0; p < paths.size(); ++p) check_path(causes, paths[p], at(path + ".http.paths", p));
  }
  check_tls(causes, array_at(spec, "tls"));
  const Json* name = find(spec, "ingressClassName");
  if (name == nullptr || !name->is_string()) return;
  if (const std::string error = dns1123_subdomain_error(name->get<std::string>()); !error.empty())
    cause_invalid(causes, "spec.ingressClassName", *name, error);
}

// Only for a new one: the annotation of one that is there may be from before the field.
void validate_new_ingress(Causes& causes, const Json& ingress) {
  constexpr const char* kNote = "kubernetes.io/ingress.class";
  const Json* note = find(object_at(object_at(ingress, "metadata"), "annotations"), kNote);
  const Json* name = find(object_at(ingress, "spec"), "ingressClassName");
  if (note != nullptr && name != nullptr && *note != *name)
    cause_invalid(causes, std::string("annotations.") + kNote, *note,
                  "must match `ingressClassName` when both are specified");
}

void default_ingress_class(Json& object) {
  if (!object_at(object, "spec").contains("parameters")) return;
  Json& parameters = object["spec"]["parameters"];
  if (!parameters.contains("scope")) parameters["scope"] = "Cluster";
}

void validate_ingress_class(Causes& causes, const Json& object) {
  const Json& spec = object_at(object, "spec");
  check_controller(causes, string_at(spec, "controller"));
  if (!spec.contains("parameters")) return;
  const Json& parameters = object_at(spec, "parameters");
  const std::string path = "spec.parameters", scope = string_at(parameters, "scope");
  check_reference(causes, parameters, path);
  const std::string ns = string_at(parameters, "namespace");
  if (scope == "Namespace") {
    if (ns.empty())
      cause_required(causes, path + ".namespace", "`parameters.scope` is set to 'Namespace'");
    else if (const std::string error = dns1123_label_error(ns); !error.empty())
      cause_invalid(causes, path + ".namespace", ns, error);
  } else if (scope == "Cluster") {
    if (!ns.empty()) cause_forbidden(causes, path + ".namespace", "`parameters.scope` is set to 'Cluster'");
  } else {
    cause_unsupported(causes, path + ".scope", scope, {"Cluster", "Namespace"});
  }
}

void default_network_policy(Json& policy) {
  if (!policy.contains("spec") || !policy["spec"].is_object()) return;
  Json& spec = policy["spec"];
  if (!array_at(spec, "policyTypes").empty()) return;
  spec["policyTypes"] = Json::array({"Ingress"});
  if (!array_at(spec, "egress").empty()) spec["policyTypes"].push_back("Egress");
}

void validate_network_policy(Causes& causes, const Json& policy) {
  const Json& spec = object_at(policy, "spec");
  check_label_selector(causes, object_at(spec, "podSelector"), "spec.podSelector");
  check_policy_rules(causes, spec, "ingress", "from");
  check_policy_rules(causes, spec, "egress", "to");
  const Json& types = array_at(spec, "policyTypes");
  if (types.size() > 2)
    cause_invalid(causes, "spec.policyTypes", types, "may not specify more than two policyTypes");
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] != "Ingress" && types[i] != "Egress")
      cause_unsupported(causes, at("spec.policyTypes", i), types[i], {"Egress", "Ingress"});
  }
}

}  // namespace minik::api
