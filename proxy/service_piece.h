// One Service as elements of the service tables.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "api/object.h"
#include "netd/plan/node_config.h"
#include "netd/plan/plan.h"
#include "proxy/service_endpoints.h"

namespace minik::proxy {

// One address of a Service that answers.
struct Vip {
  Ip ip;
  std::uint8_t proto = 0;
  std::uint16_t port = 0;
  friend auto operator<=>(const Vip&, const Vip&) = default;
};

// A Service port in one family.
struct PortKey {
  Family family = Family::kV4;
  std::string protocol;
  int port = 0;
  friend auto operator<=>(const PortKey&, const PortKey&) = default;
};

// What was compiled of a Service; the next compilation starts from it.
struct ServicePiece {
  std::shared_ptr<const netd::Piece> piece;
  std::map<PortKey, std::vector<Backend>> slots;
  std::vector<netd::UdpVip> udp;
  std::vector<std::string> problems;
  std::uint32_t largest = 0;  // Endpoints of its largest port.
};

// Whether the proxy looks at the Service at all (rows 15 to 17).
bool is_proxied(const api::Object& service);

// `taken` are addresses that another Service has already; they are left out and named in the problems.
ServicePiece compile_service(const api::Object& service, const std::vector<api::ObjectPtr>& slices,
                             const netd::NodeConfig& config, const std::map<Vip, api::NsName>& taken,
                             const std::map<PortKey, std::vector<Backend>>& slots_before);

// All addresses that the Service wants.
std::vector<Vip> vips_of(const api::Object& service, const netd::NodeConfig& config);

}  // namespace minik::proxy
