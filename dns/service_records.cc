// service_records: the part of records.h that concerns Services.
#include <algorithm>
#include <map>
#include <set>

#include "api/service.h"
#include "base/text.h"
#include "dns/records.h"

namespace minik::dns {
namespace {

// One ready endpoint as DNS sees it.
struct Ready {
  std::string label;  // Section 1.2.
  Ip ip;
  const api::EndpointSlice* slice;
};

struct Scope {
  const RecordContext& context;
  const api::Service& service;
  std::string name;  // svc.ns.svc.Z
  std::vector<NodePtr> nodes;
};

std::string endpoint_label(const api::Endpoint& endpoint, const Ip& ip) {
  if (!endpoint.hostname.empty() && endpoint.hostname.size() <= kLabelMax) return lower(endpoint.hostname);
  std::string label = dashed(ip);
  if (label.back() == '-') label += '0';
  return label;
}

std::vector<Ready> ready_endpoints(const std::vector<api::ObjectPtr>& slices) {
  std::vector<Ready> ready;
  for (const auto& object : slices) {
    const auto& slice = object->view<api::EndpointSlice>();
    if (slice.fqdn) continue;
    for (const api::Endpoint& endpoint : slice.endpoints) {
      if (!endpoint.ready || endpoint.addresses.empty()) continue;
      const Ip& ip = endpoint.addresses.front();
      ready.push_back({endpoint_label(endpoint, ip), ip, &slice});
    }
  }
  return ready;
}

// _port._proto in front of the Service's name.
std::optional<std::string> port_name(const Scope& scope, const std::string& port,
                                     const std::string& protocol) {
  const auto below = child_name("_" + lower(protocol), scope.name);
  return below ? child_name("_" + port, *below) : std::nullopt;
}

// The SRV records of one name: every distinct (target, address, port).
struct SrvSet {
  struct Entry {
    std::string target;
    Ip ip;
    int port;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  std::set<Entry> entries;

  void add_to(NodeDraft& draft) const {
    std::set<std::pair<Ip, int>> pairs;
    for (const Entry& entry : entries) pairs.insert({entry.ip, entry.port});
    const auto weight =
        static_cast<std::uint16_t>(std::max<std::size_t>(1, 100 / std::max<std::size_t>(1, pairs.size())));
    for (const Entry& entry : entries) {
      draft.srv(weight, static_cast<std::uint16_t>(entry.port), entry.target);
      draft.extra(entry.target, entry.ip);
    }
  }
};

void add_port_nodes(Scope& scope, const std::map<std::string, SrvSet>& by_name) {
  for (const auto& [name, set] : by_name) {
    NodeDraft draft(name, scope.context.ttl);
    set.add_to(draft);
    scope.nodes.push_back(std::move(draft).finish(scope.context.cause));
  }
}

// ep.svc.ns.svc.Z, and the way back.
void add_endpoint_nodes(Scope& scope, const std::vector<Ready>& ready) {
  std::map<std::string, NodeDraft> forward, reverse;
  const auto& own = scope.service.cluster_ips;
  for (const Ready& endpoint : ready) {
    const auto name = child_name(endpoint.label, scope.name);
    if (!name) continue;
    forward.try_emplace(*name, *name, scope.context.ttl).first->second.address(endpoint.ip);
    if (std::find(own.begin(), own.end(), endpoint.ip) != own.end()) continue;
    const std::string back = reverse_name(endpoint.ip);
    reverse.try_emplace(back, back, scope.context.ttl).first->second.name_record(kTypePtr, *name);
  }
  for (auto& [name, draft] : forward) scope.nodes.push_back(std::move(draft).finish(scope.context.cause));
  for (auto& [name, draft] : reverse) {
    scope.nodes.push_back(std::move(draft).finish(scope.context.cause, Rank::kEndpoint));
  }
}

void add_cluster_ip(Scope& scope) {
  NodeDraft main(scope.name, scope.context.ttl);
  SrvSet all;
  std::map<std::string, SrvSet> by_name;
  for (const Ip& ip : std::set<Ip>(scope.service.cluster_ips.begin(), scope.service.cluster_ips.end())) {
    main.address(ip);
    for (const api::ServicePort& port : scope.service.ports) {
      all.entries.insert({scope.name, ip, port.port});
      if (port.name.empty()) continue;
      if (const auto name = port_name(scope, port.name, port.protocol)) {
        by_name[*name].entries.insert({scope.name, ip, port.port});
      }
    }
    NodeDraft back(reverse_name(ip), scope.context.ttl);
    back.name_record(kTypePtr, scope.name);
    scope.nodes.push_back(std::move(back).finish(scope.context.cause, Rank::kClusterIp));
  }
  all.add_to(main);
  scope.nodes.push_back(std::move(main).finish(scope.context.cause));
  add_port_nodes(scope, by_name);
}

void add_headless(Scope& scope, const std::vector<Ready>& ready) {
  if (ready.empty()) return;
  NodeDraft main(scope.name, scope.context.ttl);
  SrvSet all;
  std::map<std::string, SrvSet> by_name;
  for (const Ready& endpoint : ready) {
    main.address(endpoint.ip);
    const auto target = child_name(endpoint.label, scope.name);
    if (!target) continue;
    for (const api::SlicePort& port : endpoint.slice->ports) {
      if (port.port == 0) continue;  // "All ports": nothing to announce.
      all.entries.insert({*target, endpoint.ip, port.port});
      if (port.name.empty()) continue;
      if (const auto name = port_name(scope, port.name, port.protocol)) {
        by_name[*name].entries.insert({*target, endpoint.ip, port.port});
      }
    }
  }
  all.add_to(main);
  scope.nodes.push_back(std::move(main).finish(scope.context.cause));
  add_port_nodes(scope, by_name);
}

void add_external(Scope& scope) {
  std::string_view text = scope.service.external_name;
  const auto target = wire_name(text);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (!target || text.empty() || Ip::parse(text).ok()) return;
  NodeDraft draft(scope.name, scope.context.ttl);
  draft.name_record(kTypeCname, *target);
  scope.nodes.push_back(std::move(draft).finish(scope.context.cause));
}

}  // namespace

std::vector<NodePtr> service_records(const api::Object& object, const std::vector<api::ObjectPtr>& slices,
                                     const RecordContext& context) {
  std::optional<std::string> name = context.domain;
  for (const std::string_view label :
       {std::string_view("svc"), std::string_view(object.ns()), std::string_view(object.name())}) {
    name = child_name(label, *name);
    if (!name) return {};
  }
  const auto& service = object.view<api::Service>();
  Scope scope{context, service, *name, {}};
  if (service.type == api::Service::Type::kExternalName) {
    add_external(scope);
    return std::move(scope.nodes);
  }
  const std::vector<Ready> ready = ready_endpoints(slices);
  if (service.headless) {
    add_headless(scope, ready);
  } else if (!service.cluster_ips.empty()) {
    add_cluster_ip(scope);
  } else {
    return {};
  }
  add_endpoint_nodes(scope, ready);
  return std::move(scope.nodes);
}

}  // namespace minik::dns
