#include "proxy/service_piece.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/service.h"
#include "proxy/service_tables.h"

namespace minik::proxy {
namespace {

constexpr const char* kProxyNameLabel = "service.kubernetes.io/service-proxy-name";
constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";
constexpr std::size_t kBackendsMax = 1024;  // Endpoints of one port; each count has its chain.

std::uint8_t proto_number(const std::string& protocol) {
  if (protocol == "UDP") return netd::kUdp;
  if (protocol == "SCTP") return netd::kSctp;
  return netd::kTcp;
}

bool is_port(int number) { return number > 0 && number <= 65535; }

bool is_routed(const netd::NodeConfig& config, const Ip& ip) {
  return std::any_of(config.routed.begin(), config.routed.end(),
                     [&](const netd::RoutedIp& routed) { return routed.ip == ip; });
}

// The addresses of one port in one family: the ClusterIP, then NodePorts.
struct PortVips {
  std::vector<Vip> internal, external;
};

PortVips port_vips(const api::Service& service, const api::ServicePort& port, const netd::NodeConfig& config,
                   Family family) {
  PortVips out;
  const std::uint8_t proto = proto_number(port.protocol);
  for (const Ip& ip : service.cluster_ips) {
    if (ip.family() != family || is_routed(config, ip) || !is_port(port.port)) continue;
    out.internal.push_back({ip, proto, static_cast<std::uint16_t>(port.port)});
  }
  const bool exposed =
      service.type == api::Service::Type::kNodePort || service.type == api::Service::Type::kLoadBalancer;
  if (!exposed || !is_port(port.node_port)) return out;
  for (const Ip& ip : config.node_ips) {
    if (ip.family() == family)
      out.external.push_back({ip, proto, static_cast<std::uint16_t>(port.node_port)});
  }
  return out;
}

std::vector<Family> families_of(const api::Service& service, const netd::NodeConfig& config) {
  std::vector<Family> out;
  for (const Ip& ip : service.cluster_ips) {
    if (config.has(ip.family()) && std::find(out.begin(), out.end(), ip.family()) == out.end()) {
      out.push_back(ip.family());
    }
  }
  return out;
}

// Stands for the ClusterIP itself, whatever the port.
Vip whole_address(const Ip& ip) { return {ip, 0, 0}; }

netd::Bytes vip_key(const Vip& vip) {
  return netd::Bytes().add(vip.ip).add_proto(vip.proto).add_port(vip.port);
}

class PieceBuilder {
 public:
  PieceBuilder(const api::Object& object, const netd::NodeConfig& config,
               const std::map<Vip, api::NsName>& taken)
      : name_(object.ns() + "/" + object.name()), config_(config), taken_(taken) {}

  void add_port(const api::Service& service, const api::ServicePort& port, Family family,
                const Backends& backends, const std::vector<Backend>& slots) {
    const PortVips vips = port_vips(service, port, config_, family);
    const std::string cause = port.name.empty() ? name_ : fmt::format("{} port {}", name_, port.name);
    for (const Vip& vip : vips.internal) add_vip(vip, cause, slots, backends);
    for (const Vip& vip : vips.external) {
      if (!add_vip(vip, cause, slots, backends)) continue;
      piece_.add(masquerade_set(family), {vip_key(vip), {}, cause});
    }
  }
  void add_cluster_ip(const Ip& ip) {
    if (taken_.count(whole_address(ip)) != 0) return;
    piece_.add(cluster_ips_set(ip.family()), {netd::Bytes().add(ip), {}, name_});
  }
  ServicePiece finish() && {
    piece_.finish();
    out_.piece = std::make_shared<const netd::Piece>(std::move(piece_));
    return std::move(out_);
  }
  ServicePiece& out() { return out_; }

 private:
  bool add_vip(const Vip& vip, const std::string& cause, const std::vector<Backend>& slots,
               const Backends& backends) {
    if (const auto owner = taken_.find(vip); owner != taken_.end()) {
      out_.problems.push_back(fmt::format("{} port {} is already used by service {}/{}", vip.ip.text(),
                                          vip.port, owner->second.ns, owner->second.name));
      return false;
    }
    const Family family = vip.ip.family();
    const auto count = static_cast<std::uint32_t>(slots.size());
    const std::string chain = slots.empty() ? kNoEndpoints : balancer_chain(count);
    piece_.add(services_map(family), {vip_key(vip), netd::Verdict{netd::Verdict::Kind::kGoto, chain}, cause});
    for (std::uint32_t slot = 0; slot < count; ++slot) {
      const Backend& backend = slots[slot];
      piece_.add(endpoints_map(family), {vip_key(vip).add_host32(slot),
                                         netd::Bytes().add(backend.ip).add_port(backend.port), backend.who});
    }
    if (vip.proto != netd::kUdp) return true;
    netd::UdpVip udp{vip.ip, vip.port, {}};
    for (const Backend& backend : backends.serving) udp.serving.emplace_back(backend.ip, backend.port);
    out_.udp.push_back(std::move(udp));
    return true;
  }

  std::string name_;
  const netd::NodeConfig& config_;
  const std::map<Vip, api::NsName>& taken_;
  netd::Piece piece_;
  ServicePiece out_;
};

}  // namespace

bool is_proxied(const api::Object& service) {
  const api::Labels& labels = service.meta().labels;
  const auto& view = service.view<api::Service>();
  return !view.headless && view.type != api::Service::Type::kExternalName &&
         labels.count(kProxyNameLabel) == 0 && labels.count(kHeadlessLabel) == 0;
}

std::vector<Vip> vips_of(const api::Object& object, const netd::NodeConfig& config) {
  const auto& service = object.view<api::Service>();
  std::vector<Vip> out;
  for (const Family family : families_of(service, config)) {
    for (const api::ServicePort& port : service.ports) {
      const PortVips vips = port_vips(service, port, config, family);
      out.insert(out.end(), vips.internal.begin(), vips.internal.end());
      out.insert(out.end(), vips.external.begin(), vips.external.end());
    }
  }
  for (const Ip& ip : service.cluster_ips) out.push_back(whole_address(ip));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

ServicePiece compile_service(const api::Object& object, const std::vector<api::ObjectPtr>& slices,
                             const netd::NodeConfig& config, const std::map<Vip, api::NsName>& taken,
                             const std::map<PortKey, std::vector<Backend>>& slots_before) {
  const auto& service = object.view<api::Service>();
  PieceBuilder builder(object, config, taken);
  for (const Family family : families_of(service, config)) {
    for (const api::ServicePort& port : service.ports) {
      const PortKey key{family, port.protocol, port.port};
      if (builder.out().slots.count(key) != 0) continue;
      Backends backends = backends_of(slices, port, family);
      if (backends.usable.size() > kBackendsMax) {
        builder.out().problems.push_back(fmt::format("port {} has {} endpoints, of which {} are used",
                                                     port.port, backends.usable.size(), kBackendsMax));
        backends.usable.resize(kBackendsMax);
      }
      const auto before = slots_before.find(key);
      const std::vector<Backend> none;
      auto slots = keep_slots(before == slots_before.end() ? none : before->second, backends.usable);
      builder.add_port(service, port, family, backends, slots);
      builder.out().largest = std::max(builder.out().largest, static_cast<std::uint32_t>(slots.size()));
      builder.out().slots[key] = std::move(slots);
    }
  }
  for (const Ip& ip : service.cluster_ips) {
    if (config.has(ip.family()) && !is_routed(config, ip)) builder.add_cluster_ip(ip);
  }
  return std::move(builder).finish();
}

}  // namespace minik::proxy
