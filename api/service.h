// Service and EndpointSlice: the typed views that controllers, proxy and dns read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/ip.h"

namespace minik::api {

struct ServicePort {
  std::string name, protocol = "TCP";
  int port = 0, node_port = 0;
  std::string target_port;  // Number or name; never empty.
};

struct Service {
  enum class Type : unsigned char {
    kClusterIp,
    kNodePort,
    kLoadBalancer,
    kExternalName
  } type = Type::kClusterIp;
  std::vector<Ip> cluster_ips;  // Empty for headless and ExternalName.
  bool headless = false;
  std::vector<ServicePort> ports;
  Labels selector;  // Empty: endpoints are made by hand.
  std::string external_name;
  std::vector<std::string> ip_families;
  bool publish_not_ready = false;

  static Service parse(const Object& object);
};

struct SlicePort {
  std::string name, protocol = "TCP";
  int port = 0;
};

struct Endpoint {
  std::vector<Ip> addresses;  // The first counts.
  bool ready = true, serving = true, terminating = false;
  std::string hostname, node_name;
  std::string target_kind, target_ns, target_name;  // targetRef
};

struct EndpointSlice {
  std::string service;  // Of the label kubernetes.io/service-name.
  Family family = Family::kV4;
  bool fqdn = false;  // addressType FQDN: no addresses for us.
  std::vector<Endpoint> endpoints;
  std::vector<SlicePort> ports;

  static EndpointSlice parse(const Object& object);
};

inline constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";

}  // namespace minik::api
