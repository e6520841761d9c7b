// Services and Endpoints.
#include "base/text.h"
#include "kubectl-lite/describe.h"
#include "kubectl-lite/describe_text.h"

namespace minik::kubectl {
namespace {

constexpr std::size_t kEndpointsShown = 3;

std::string host_port(const std::string& ip, std::int64_t port) {
  return ip.find(':') == std::string::npos ? fmt::format("{}:{}", ip, port)
                                           : fmt::format("[{}]:{}", ip, port);
}

// The ready addresses behind one port of a Service, at most three.
std::string endpoints_of_port(const Json& endpoints, const std::string& port_name) {
  if (array_at(endpoints, "subsets").empty()) return "<none>";
  std::vector<std::string> all;
  for (const Json& subset : array_at(endpoints, "subsets")) {
    const Json &addresses = array_at(subset, "addresses"), &ports = array_at(subset, "ports");
    if (ports.empty()) {
      for (const Json& address : addresses) all.push_back(string_at(address, "ip"));
    }
    for (const Json& port : ports) {
      if (string_at(port, "name") != port_name) continue;
      for (const Json& address : addresses)
        all.push_back(host_port(string_at(address, "ip"), int_at(port, "port")));
    }
  }
  if (all.size() <= kEndpointsShown) return join(all, ",");
  const std::size_t more = all.size() - kEndpointsShown;
  all.resize(kEndpointsShown);
  return fmt::format("{} + {} more...", join(all, ","), more);
}

std::string strings_text(const Json& list) {
  std::vector<std::string> parts;
  for (const Json& item : list) parts.push_back(item.is_string() ? item.get<std::string>() : "");
  return join(parts, ",");
}

std::string selector_text(const Json& selector) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : selector.items())
    parts.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : ""));
  return or_none(join(parts, ","));
}

std::string ingress_text(const Json& list) {
  std::vector<std::string> parts;
  for (const Json& one : list)
    parts.push_back(string_at(one, "ip").empty() ? string_at(one, "hostname") : string_at(one, "ip"));
  return join(parts, ", ");
}

void service_head(DescribeText& text, const Json& service) {
  const Json &meta = object_at(service, "metadata"), &spec = object_at(service, "spec");
  text.line(0, "Name:\t{}", string_at(meta, "name"));
  text.line(0, "Namespace:\t{}", string_at(meta, "namespace"));
  text.labels("Labels", object_at(meta, "labels"));
  text.annotations("Annotations", object_at(meta, "annotations"));
  text.line(0, "Selector:\t{}", selector_text(object_at(spec, "selector")));
  text.line(0, "Type:\t{}", string_at(spec, "type"));
  if (const auto policy = string_at(spec, "ipFamilyPolicy"); !policy.empty())
    text.line(0, "IP Family Policy:\t{}", policy);
  text.line(0, "IP Families:\t{}", or_none(strings_text(array_at(spec, "ipFamilies"))));
  text.line(0, "IP:\t{}", string_at(spec, "clusterIP"));
  text.line(0, "IPs:\t{}", or_none(strings_text(array_at(spec, "clusterIPs"))));
  if (const auto ips = strings_text(array_at(spec, "externalIPs")); !ips.empty())
    text.line(0, "External IPs:\t{}", ips);
  if (const auto ip = string_at(spec, "loadBalancerIP"); !ip.empty()) text.line(0, "IP:\t{}", ip);
  if (const auto name = string_at(spec, "externalName"); !name.empty())
    text.line(0, "External Name:\t{}", name);
  const Json& ingress = array_at(object_at(object_at(service, "status"), "loadBalancer"), "ingress");
  if (!ingress.empty()) text.line(0, "LoadBalancer Ingress:\t{}", ingress_text(ingress));
}

void service_ports(DescribeText& text, const Json& spec, const Json& endpoints) {
  for (const Json& port : array_at(spec, "ports")) {
    const std::string own = string_at(port, "name"), name = own.empty() ? "<unset>" : own,
                      protocol = string_at(port, "protocol", "TCP");
    text.line(0, "Port:\t{}\t{}/{}", name, int_at(port, "port"), protocol);
    text.line(0, "TargetPort:\t{}/{}", number_or_text(port, "targetPort"), protocol);
    if (int_at(port, "nodePort") != 0)
      text.line(0, "NodePort:\t{}\t{}/{}", name, int_at(port, "nodePort"), protocol);
    text.line(0, "Endpoints:\t{}", endpoints_of_port(endpoints, own));
  }
}

std::string ips_text(const Json& addresses) {
  std::vector<std::string> ips;
  for (const Json& address : addresses) ips.push_back(string_at(address, "ip"));
  return or_none(join(ips, ","));
}

}  // namespace

std::string describe_service(const Json& service, const Json& endpoints, const Json* events, WallTime now) {
  DescribeText text(now);
  const Json& spec = object_at(service, "spec");
  service_head(text, service);
  service_ports(text, spec, endpoints);
  text.line(0, "Session Affinity:\t{}", string_at(spec, "sessionAffinity"));
  if (const auto policy = string_at(spec, "externalTrafficPolicy"); !policy.empty())
    text.line(0, "External Traffic Policy:\t{}", policy);
  if (int_at(spec, "healthCheckNodePort") != 0)
    text.line(0, "HealthCheck NodePort:\t{}", int_at(spec, "healthCheckNodePort"));
  const Json& ranges = array_at(spec, "loadBalancerSourceRanges");
  if (!ranges.empty()) text.line(0, "LoadBalancer Source Ranges:\t{}", strings_text(ranges));
  if (events != nullptr) text.events(*events);
  return text.take();
}

std::string describe_endpoints(const Json& endpoints, const Json* events, WallTime now) {
  DescribeText text(now);
  const Json& meta = object_at(endpoints, "metadata");
  text.line(0, "Name:\t{}", string_at(meta, "name"));
  text.line(0, "Namespace:\t{}", string_at(meta, "namespace"));
  text.labels("Labels", object_at(meta, "labels"));
  text.annotations("Annotations", object_at(meta, "annotations"));
  text.line(0, "Subsets:");
  for (const Json& subset : array_at(endpoints, "subsets")) {
    text.line(1, "Addresses:\t{}", ips_text(array_at(subset, "addresses")));
    text.line(1, "NotReadyAddresses:\t{}", ips_text(array_at(subset, "notReadyAddresses")));
    const Json& ports = array_at(subset, "ports");
    if (!ports.empty()) {
      text.line(1, "Ports:");
      text.line(2, "Name\tPort\tProtocol");
      text.line(2, "----\t----\t--------");
      for (const Json& port : ports) {
        const std::string name = string_at(port, "name");
        text.line(2, "{}\t{}\t{}", name.empty() ? "<unset>" : name, int_at(port, "port"),
                  string_at(port, "protocol", "TCP"));
      }
    }
    text.line(0, "");
  }
  if (events != nullptr) text.events(*events);
  return text.take();
}

}  // namespace minik::kubectl
