// Service, Endpoints and EndpointSlice.  Texts: service-proxy.md section 2.4.
#include <fmt/format.h>

#include <set>

#include "api/rules.h"
#include "base/ip.h"
#include "base/text.h"

namespace minik::api {
namespace {

bool is_external(const std::string& type) { return type == "NodePort" || type == "LoadBalancer"; }

void validate_service_port(Causes& causes, const Json& port, const std::string& at, bool names_required,
                           const std::string& type) {
  const std::string name = string_at(port, "name");
  if (name.empty()) {
    if (names_required) cause_required(causes, at + ".name");
  } else if (const std::string error = dns1123_label_error(name); !error.empty()) {
    cause_invalid(causes, at + ".name", name, error);
  }
  if (port.contains("port")) check_port(causes, port["port"], at + ".port");
  if (const Json* target = find(port, "targetPort"); target != nullptr) {
    if (target->is_number())
      check_port(causes, *target, at + ".targetPort");
    else if (const std::string error = port_name_error(string_at(port, "targetPort")); !error.empty()) {
      cause_invalid(causes, at + ".targetPort", *target, error);
    }
  }
  if (int_at(port, "nodePort") != 0 && !is_external(type)) {
    cause_forbidden(causes, at + ".nodePort", fmt::format("may not be used when `type` is '{}'", type));
  }
}

void validate_ports(Causes& causes, const Json& spec, const std::string& type, bool headless) {
  const Json& ports = array_at(spec, "ports");
  if (ports.empty() && !headless && type != "ExternalName") cause_required(causes, "spec.ports");
  std::set<std::string> names;
  std::set<std::pair<std::string, std::int64_t>> pairs, node_pairs;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string at = fmt::format("spec.ports[{}]", i);
    const std::string name = string_at(ports[i], "name"), protocol = string_at(ports[i], "protocol", "TCP");
    validate_service_port(causes, ports[i], at, ports.size() > 1, type);
    if (!name.empty() && !names.insert(name).second) cause_duplicate(causes, at + ".name", name);
    const std::int64_t port = int_at(ports[i], "port"), node_port = int_at(ports[i], "nodePort");
    if (!pairs.insert({protocol, port}).second) {
      cause_duplicate(causes, at, Json{{"protocol", protocol}, {"port", port}});
    }
    if (node_port != 0 && !node_pairs.insert({protocol, node_port}).second) {
      cause_duplicate(causes, at + ".nodePort", node_port);
    }
  }
}

void validate_cluster_ips(Causes& causes, const Json& spec, const std::string& type) {
  const Json& ips = array_at(spec, "clusterIPs");
  const std::string first = string_at(spec, "clusterIP");
  if (type == "ExternalName") {
    if (!first.empty() || !ips.empty())
      cause_forbidden(causes, "spec.clusterIPs", "may not be set for ExternalName services");
    return;
  }
  if (!ips.empty() && ips[0] != Json(first))
    cause_invalid(causes, "spec.clusterIPs", ips, "first value must match `clusterIP`");
  if (first == "None" && is_external(type)) {
    cause_invalid(causes, "spec.clusterIPs[0]", "None",
                  fmt::format("may not be set to 'None' for {} services", type));
  }
  if (ips.size() > 2) cause_invalid(causes, "spec.clusterIPs", ips, "may only hold up to 2 values");
  std::set<Family> families;
  for (std::size_t i = 0; i < ips.size(); ++i) {
    const std::string field = fmt::format("spec.clusterIPs[{}]", i);
    const std::string text = ips[i].is_string() ? ips[i].get<std::string>() : "";
    if (text == "None") {
      if (ips.size() > 1)
        cause_invalid(causes, "spec.clusterIPs", ips, "'None' must be the first and only value");
      continue;
    }
    const auto ip = Ip::parse(text);
    if (!ip.ok())
      cause_invalid(causes, field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    else if (!families.insert(ip->family()).second) {
      cause_invalid(causes, "spec.clusterIPs", ips, "may specify no more than one IP for each IP family");
    }
  }
}

void validate_external_name(Causes& causes, const Json& spec, const std::string& type) {
  if (type != "ExternalName") return;
  std::string name = string_at(spec, "externalName");
  if (name.empty()) return cause_required(causes, "spec.externalName");
  if (name.back() == '.') name.pop_back();
  if (const std::string error = dns1123_subdomain_error(lower(name)); !error.empty()) {
    cause_invalid(causes, "spec.externalName", name, error);
  }
}

void validate_traffic(Causes& causes, const Json& spec, const std::string& type) {
  if (type != "LoadBalancer") {
    if (!array_at(spec, "loadBalancerSourceRanges").empty()) {
      cause_forbidden(causes, "spec.LoadBalancerSourceRanges",
                      "may only be used when `type` is 'LoadBalancer'");
    }
    if (spec.contains("allocateLoadBalancerNodePorts")) {
      cause_forbidden(causes, "spec.allocateLoadBalancerNodePorts",
                      "may only be used when `type` is 'LoadBalancer'");
    }
    if (spec.contains("loadBalancerClass")) {
      cause_forbidden(causes, "spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'");
    }
  }
  if (spec.contains("externalTrafficPolicy") && !is_external(type) && array_at(spec, "externalIPs").empty()) {
    cause_invalid(causes, "spec.externalTrafficPolicy", spec["externalTrafficPolicy"],
                  "may only be set for externally-accessible services");
  }
  if (string_at(spec, "sessionAffinity", "None") == "None" && spec.contains("sessionAffinityConfig")) {
    cause_forbidden(causes, "spec.sessionAffinityConfig", "must not be set when session affinity is None");
  }
  if (const Json* timeout = find(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")) {
    const std::int64_t seconds = timeout->is_number() ? timeout->get<std::int64_t>() : 0;
    if (seconds < 1 || seconds > 86400) {
      cause_invalid(causes, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", *timeout,
                    "must be greater than 0 and less than 86400");
    }
  }
  for (std::size_t i = 0; i < array_at(spec, "externalIPs").size(); ++i) {
    const Json& text = array_at(spec, "externalIPs")[i];
    const auto ip = Ip::parse(text.is_string() ? text.get<std::string>() : "");
    if (!ip.ok())
      cause_invalid(causes, fmt::format("spec.externalIPs[{}]", i), text,
                    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    else if (ip->is_loopback() || ip->is_unspecified()) {
      cause_invalid(causes, fmt::format("spec.externalIPs[{}]", i), text,
                    "may not be unspecified or in the loopback range");
    }
  }
}

void validate_addresses(Causes& causes, const Json& addresses, const std::string& at) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::string text = string_at(addresses[i], "ip");
    if (!text.empty() && !Ip::parse(text).ok()) {
      cause_invalid(causes, fmt::format("{}[{}].ip", at, i), text,
                    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
    const std::string hostname = string_at(addresses[i], "hostname");
    if (!hostname.empty() && !dns1123_label_error(hostname).empty()) {
      cause_invalid(causes, fmt::format("{}[{}].hostname", at, i), hostname, dns1123_label_error(hostname));
    }
  }
}

}  // namespace

void default_service(Json& service) {
  Json& spec = service["spec"];
  if (!spec.is_object()) spec = Json::object();
  const std::string type = string_at(spec, "type", "ClusterIP");
  if (spec.contains("ports") && spec["ports"].is_array()) {
    for (Json& port : spec["ports"]) {
      const Json* target = find(port, "targetPort");
      const bool absent = target == nullptr || (target->is_number() && target->get<std::int64_t>() == 0) ||
                          (target->is_string() && target->get_ref<const std::string&>().empty());
      if (port.is_object() && absent && port.contains("port")) port["targetPort"] = port["port"];
    }
  }
  if (string_at(spec, "sessionAffinity") == "ClientIP" &&
      find(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds") == nullptr) {
    spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] = 10800;
  }
  if (type != "ExternalName" && !spec.contains("internalTrafficPolicy"))
    spec["internalTrafficPolicy"] = "Cluster";
  if ((is_external(type) || !array_at(spec, "externalIPs").empty()) &&
      !spec.contains("externalTrafficPolicy")) {
    spec["externalTrafficPolicy"] = "Cluster";
  }
  if (type == "LoadBalancer" && !spec.contains("allocateLoadBalancerNodePorts"))
    spec["allocateLoadBalancerNodePorts"] = true;
  if (string_at(spec, "clusterIP").empty() && !array_at(spec, "clusterIPs").empty())
    spec["clusterIP"] = spec["clusterIPs"][0];
  if (!string_at(spec, "clusterIP").empty() && array_at(spec, "clusterIPs").empty())
    spec["clusterIPs"] = Json::array({spec["clusterIP"]});
  if (find(service, "status", "loadBalancer") == nullptr) service["status"]["loadBalancer"] = Json::object();
}

void validate_service(Causes& causes, const Json& service) {
  const Json& spec = object_at(service, "spec");
  const std::string type = string_at(spec, "type", "ClusterIP");
  const bool headless = string_at(spec, "clusterIP") == "None";
  validate_ports(causes, spec, type, headless);
  check_labels(causes, object_at(spec, "selector"), "spec.selector");
  validate_cluster_ips(causes, spec, type);
  validate_external_name(causes, spec, type);
  validate_traffic(causes, spec, type);
}

void validate_service_update(Causes& causes, const Json& service, const Json& old) {
  const Json& now = object_at(service, "spec");
  const Json& before = object_at(old, "spec");
  const bool needs_ip =
      string_at(now, "type") != "ExternalName" && string_at(before, "type") != "ExternalName";
  const std::string was = string_at(before, "clusterIP");
  if (needs_ip && !was.empty() && string_at(now, "clusterIP") != was) {
    cause_invalid(causes, "spec.clusterIPs[0]", array_at(now, "clusterIPs"), "may not change once set");
  }
}

void validate_endpoints(Causes& causes, const Json& endpoints) {
  const Json& subsets = array_at(endpoints, "subsets");
  for (std::size_t i = 0; i < subsets.size(); ++i) {
    const std::string at = fmt::format("subsets[{}]", i);
    if (array_at(subsets[i], "addresses").empty() && array_at(subsets[i], "notReadyAddresses").empty()) {
      cause_required(causes, at, "must specify `addresses` or `notReadyAddresses`");
    }
    validate_addresses(causes, array_at(subsets[i], "addresses"), at + ".addresses");
    validate_addresses(causes, array_at(subsets[i], "notReadyAddresses"), at + ".notReadyAddresses");
    const Json& ports = array_at(subsets[i], "ports");
    for (std::size_t p = 0; p < ports.size(); ++p) {
      if (ports[p].contains("port"))
        check_port(causes, ports[p]["port"], fmt::format("{}.ports[{}].port", at, p));
      if (ports.size() > 1 && string_at(ports[p], "name").empty())
        cause_required(causes, fmt::format("{}.ports[{}].name", at, p));
    }
  }
}

void validate_endpoint_slice(Causes& causes, const Json& slice) {
  const std::string type = string_at(slice, "addressType");
  const Json& endpoints = array_at(slice, "endpoints");
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const Json& addresses = array_at(endpoints[i], "addresses");
    for (std::size_t a = 0; a < addresses.size(); ++a) {
      if (type == "FQDN" || !addresses[a].is_string()) continue;
      const std::string field = fmt::format("endpoints[{}].addresses[{}]", i, a);
      const auto ip = Ip::parse(addresses[a].get<std::string>());
      if (!ip.ok())
        cause_invalid(causes, field, addresses[a],
                      "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
      else if (ip->is_v4() != (type != "IPv6")) {
        cause_invalid(causes, field, addresses[a], fmt::format("must be a valid {} address", type));
      } else if (ip->is_loopback() || ip->is_unspecified()) {
        cause_invalid(causes, field, addresses[a], "may not be unspecified or in the loopback range");
      }
    }
  }
  std::set<std::string> names;
  const Json& ports = array_at(slice, "ports");
  for (std::size_t p = 0; p < ports.size(); ++p) {
    const std::string name = string_at(ports[p], "name");
    if (!names.insert(name).second) cause_duplicate(causes, fmt::format("ports[{}].name", p), name);
    if (ports[p].contains("port")) check_port(causes, ports[p]["port"], fmt::format("ports[{}].port", p));
  }
}

}  // namespace minik::api
