// Service, Endpoints, EndpointSlice, Ingress, IngressClass, NetworkPolicy.
#include <fmt/format.h>

#include <set>

#include "apiserver/table_cells.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Object;

std::string external_ip_of(const Json& spec, const Json& status) {
  const std::string type = string_at(spec, "type");
  std::vector<std::string> ips;
  if (type == "ExternalName") return string_at(spec, "externalName");
  for (const Json& ingress : array_at(object_at(status, "loadBalancer"), "ingress")) {
    ips.push_back(string_at(ingress, "ip", string_at(ingress, "hostname")));
  }
  for (const Json& ip : array_at(spec, "externalIPs")) ips.push_back(ip.get<std::string>());
  if (!ips.empty()) return join(ips, ",");
  return type == "LoadBalancer" ? "<pending>" : "<none>";
}

Json service_cells(const Object& service, WallTime now) {
  const Json& spec = spec_of(service);
  std::vector<std::string> ports;
  for (const Json& port : array_at(spec, "ports")) {
    std::string text = std::to_string(int_at(port, "port"));
    if (int_at(port, "nodePort") != 0) text += fmt::format(":{}", int_at(port, "nodePort"));
    ports.push_back(text + "/" + string_at(port, "protocol", "TCP"));
  }
  return {service.name(),
          string_at(spec, "type"),
          or_none(string_at(spec, "clusterIP")),
          external_ip_of(spec, status_of(service)),
          or_none(join(ports, ",")),
          age_of(service, now),
          labels_text(object_at(spec, "selector"))};
}

// The first three, and how many more there are.
std::string few(const std::vector<std::string>& all) {
  constexpr std::size_t kShown = 3;
  if (all.empty()) return "<none>";
  if (all.size() <= kShown) return join(all, ",");
  return join({all.begin(), all.begin() + kShown}, ",") + fmt::format(" + {} more...", all.size() - kShown);
}

Json endpoints_cells(const Object& endpoints, WallTime now) {
  std::vector<std::string> all;
  for (const Json& subset : array_at(endpoints.body(), "subsets")) {
    const Json& ports = array_at(subset, "ports");
    if (ports.empty()) {
      for (const Json& address : array_at(subset, "addresses")) all.push_back(string_at(address, "ip"));
    }
    for (const Json& port : ports) {
      for (const Json& address : array_at(subset, "addresses")) {
        const std::string ip = string_at(address, "ip");
        all.push_back(fmt::format("{}:{}", ip.find(':') == std::string::npos ? ip : "[" + ip + "]",
                                  int_at(port, "port")));
      }
    }
  }
  return {endpoints.name(), few(all), age_of(endpoints, now)};
}

Json slice_cells(const Object& slice, WallTime now) {
  std::vector<std::string> ports, addresses;
  for (const Json& port : array_at(slice.body(), "ports"))
    ports.push_back(port.contains("port") ? std::to_string(int_at(port, "port")) : "*");
  for (const Json& endpoint : array_at(slice.body(), "endpoints")) {
    for (const Json& address : array_at(endpoint, "addresses"))
      addresses.push_back(address.get<std::string>());
  }
  return {slice.name(), string_at(slice.body(), "addressType"), ports.empty() ? "<unset>" : few(ports),
          addresses.empty() ? "<unset>" : few(addresses), age_of(slice, now)};
}

// The first three hosts; how many rules there are beyond three, with a host or without.
std::string hosts_text(const Json& rules) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> hosts;
  bool more = false;
  for (const Json& rule : rules) {
    more |= hosts.size() == kShown;
    const std::string host = string_at(rule, "host");
    if (!more && !host.empty()) hosts.push_back(host);
  }
  if (hosts.empty()) return "*";
  return join(hosts, ",") + (more ? fmt::format(" + {} more...", rules.size() - kShown) : "");
}

Json ingress_cells(const Object& ingress, WallTime now) {
  const Json& spec = spec_of(ingress);
  std::set<std::string> addresses;
  for (const Json& at : array_at(object_at(status_of(ingress), "loadBalancer"), "ingress")) {
    if (const std::string text = string_at(at, "ip", string_at(at, "hostname")); !text.empty())
      addresses.insert(text);
  }
  return {ingress.name(),
          string_at(spec, "ingressClassName", "<none>"),
          hosts_text(array_at(spec, "rules")),
          join({addresses.begin(), addresses.end()}, ","),
          array_at(spec, "tls").empty() ? "80" : "80, 443",
          age_of(ingress, now)};
}

Json ingress_class_cells(const Object& object, WallTime now) {
  const Json& parameters = object_at(spec_of(object), "parameters");
  std::string text = "<none>";
  if (!parameters.empty()) {
    const std::string group = string_at(parameters, "apiGroup");
    text = string_at(parameters, "kind") + (group.empty() ? "" : "." + group) + "/" +
           string_at(parameters, "name");
  }
  return {object.name(), string_at(spec_of(object), "controller"), text, age_of(object, now)};
}

Json policy_cells(const Object& policy, WallTime now) {
  return {policy.name(), selector_text(object_at(spec_of(policy), "podSelector")), age_of(policy, now)};
}

}  // namespace

std::map<std::string, CellsOf> network_cells() {
  return {{"services", service_cells},
          {"endpoints", endpoints_cells},
          {"endpointslices.discovery.k8s.io", slice_cells},
          {"ingresses.networking.k8s.io", ingress_cells},
          {"ingressclasses.networking.k8s.io", ingress_class_cells},
          {"networkpolicies.networking.k8s.io", policy_cells}};
}

}  // namespace minik::apiserver
