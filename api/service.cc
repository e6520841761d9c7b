#include "api/service.h"

#include "base/text.h"

namespace minik::api {
namespace {

Service::Type type_of(const std::string& text) {
  if (text == "NodePort") return Service::Type::kNodePort;
  if (text == "LoadBalancer") return Service::Type::kLoadBalancer;
  if (text == "ExternalName") return Service::Type::kExternalName;
  return Service::Type::kClusterIp;
}

ServicePort parse_port(const Json& json) {
  ServicePort port;
  port.name = string_at(json, "name");
  port.protocol = string_at(json, "protocol", "TCP");
  port.port = static_cast<int>(int_at(json, "port"));
  port.node_port = static_cast<int>(int_at(json, "nodePort"));
  const Json* target = find(json, "targetPort");
  if (target == nullptr || target->is_null())
    port.target_port = std::to_string(port.port);
  else
    port.target_port = target->is_string() ? target->get<std::string>() : to_text(*target);
  return port;
}

Endpoint parse_endpoint(const Json& json) {
  Endpoint endpoint;
  for (const Json& address : array_at(json, "addresses")) {
    if (!address.is_string()) continue;
    if (auto ip = Ip::parse(address.get_ref<const std::string&>()); ip.ok())
      endpoint.addresses.push_back(*ip);
  }
  const Json& conditions = object_at(json, "conditions");
  endpoint.ready = bool_at(conditions, "ready", true);
  endpoint.serving = bool_at(conditions, "serving", true);
  endpoint.terminating = bool_at(conditions, "terminating", false);
  endpoint.hostname = string_at(json, "hostname");
  endpoint.node_name = string_at(json, "nodeName");
  const Json& target = object_at(json, "targetRef");
  endpoint.target_kind = string_at(target, "kind");
  endpoint.target_ns = string_at(target, "namespace");
  endpoint.target_name = string_at(target, "name");
  return endpoint;
}

}  // namespace

Service Service::parse(const Object& object) {
  const Json& spec = object_at(object.body(), "spec");
  Service service;
  service.type = type_of(string_at(spec, "type"));
  service.headless = string_at(spec, "clusterIP") == "None";
  for (const Json& text : array_at(spec, "clusterIPs")) {
    if (!text.is_string()) continue;
    if (auto ip = Ip::parse(text.get_ref<const std::string&>()); ip.ok()) service.cluster_ips.push_back(*ip);
  }
  for (const Json& port : array_at(spec, "ports")) service.ports.push_back(parse_port(port));
  for (const auto& [key, value] : object_at(spec, "selector").items()) {
    if (value.is_string()) service.selector.emplace(key, value.get<std::string>());
  }
  service.external_name = string_at(spec, "externalName");
  for (const Json& family : array_at(spec, "ipFamilies")) {
    if (family.is_string()) service.ip_families.push_back(family.get<std::string>());
  }
  service.publish_not_ready = bool_at(spec, "publishNotReadyAddresses");
  return service;
}

EndpointSlice EndpointSlice::parse(const Object& object) {
  EndpointSlice slice;
  const auto label = object.meta().labels.find(kServiceNameLabel);
  if (label != object.meta().labels.end()) slice.service = label->second;
  const std::string type = string_at(object.body(), "addressType");
  slice.family = type == "IPv6" ? Family::kV6 : Family::kV4;
  slice.fqdn = type == "FQDN";
  for (const Json& endpoint : array_at(object.body(), "endpoints"))
    slice.endpoints.push_back(parse_endpoint(endpoint));
  for (const Json& port : array_at(object.body(), "ports")) {
    slice.ports.push_back({string_at(port, "name"), string_at(port, "protocol", "TCP"),
                           static_cast<int>(int_at(port, "port"))});
  }
  return slice;
}

}  // namespace minik::api
