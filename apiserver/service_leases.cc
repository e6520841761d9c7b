#include "apiserver/service_leases.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/service.h"
#include "base/files.h"

namespace minik::apiserver {
namespace {

std::uint64_t random_below(std::uint64_t bound) { return std::stoull(random_hex(7), nullptr, 16) % bound; }

// Addresses that automatic allocation avoids: min(max(16, n/16), 256), none for tiny ranges.
std::uint64_t static_band(std::uint64_t size) {
  if (size <= 16) return 0;
  return std::min<std::uint64_t>(std::max<std::uint64_t>(16, size / 16), 256);
}

bool wants_node_ports(const Json& spec) {
  const std::string type = string_at(spec, "type");
  return type == "NodePort" || type == "LoadBalancer";
}

void cause_allocation(api::Causes& causes, const std::string& ip, std::string_view why) {
  causes.push_back(
      {"FieldValueInvalid", "spec.clusterIPs",
       fmt::format("Invalid value: {}: failed to allocate IP {}: {}", to_text(Json::array({ip})), ip, why)});
}

// Keeps what the client left empty: kubectl replace without clusterIP must work.
void inherit(Json& spec, const Json& old) {
  const bool both_have_ips =
      string_at(spec, "type") != "ExternalName" && string_at(old, "type") != "ExternalName";
  if (both_have_ips && string_at(spec, "clusterIP").empty() && old.contains("clusterIP")) {
    spec["clusterIP"] = old["clusterIP"];
    spec["clusterIPs"] = array_at(old, "clusterIPs");
  }
  if (both_have_ips && !spec.contains("ipFamilies") && old.contains("ipFamilies"))
    spec["ipFamilies"] = old["ipFamilies"];
  if (both_have_ips && !spec.contains("ipFamilyPolicy") && old.contains("ipFamilyPolicy")) {
    spec["ipFamilyPolicy"] = old["ipFamilyPolicy"];
  }
  if (!wants_node_ports(spec) || !wants_node_ports(old) || !spec.contains("ports")) return;
  for (Json& port : spec["ports"]) {
    if (int_at(port, "nodePort") != 0) continue;
    for (const Json& before : array_at(old, "ports")) {
      const bool same = int_at(before, "port") == int_at(port, "port") &&
                        string_at(before, "protocol", "TCP") == string_at(port, "protocol", "TCP");
      if (same && int_at(before, "nodePort") != 0) port["nodePort"] = before["nodePort"];
    }
  }
}

// A client that changes clusterIP alone means clusterIPs too; the rules then say whether it may.
void follow_cluster_ip(Json& spec, const Json& old) {
  const std::string now = string_at(spec, "clusterIP");
  if (!now.empty() && now != string_at(old, "clusterIP") &&
      array_at(spec, "clusterIPs") == array_at(old, "clusterIPs")) {
    spec["clusterIPs"] = {now};
  }
}

// Values that the old type had, that the new one cannot have and the client did not touch.
void clear_after_type_change(Json& spec, const Json& old) {
  const std::string type = string_at(spec, "type");
  if (type == "ExternalName" && string_at(spec, "clusterIP") == string_at(old, "clusterIP")) {
    for (const char* member :
         {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"})
      spec.erase(member);
  }
  if (!wants_node_ports(spec) && wants_node_ports(old) && spec.contains("ports")) {
    for (Json& port : spec["ports"]) {
      for (const Json& before : array_at(old, "ports")) {
        if (int_at(before, "port") == int_at(port, "port") &&
            before.value("nodePort", 0) == port.value("nodePort", 0))
          port.erase("nodePort");
      }
    }
    if (array_at(spec, "externalIPs").empty()) spec.erase("externalTrafficPolicy");
  }
  if (type != "LoadBalancer") {
    for (const char* member : {"allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"}) {
      if (spec.contains(member) && old.contains(member) && spec[member] == old[member]) spec.erase(member);
    }
  }
}

}  // namespace

Result<> ServiceLeases::allocate(const api::Snapshot& now, Json& service, const Json* old,
                                 api::Causes& causes) {
  sync(now);
  if (old != nullptr) {
    inherit(service["spec"], object_at(*old, "spec"));
    follow_cluster_ip(service["spec"], object_at(*old, "spec"));
    clear_after_type_change(service["spec"], object_at(*old, "spec"));
  }
  TRY(allocate_ips(service, old, causes));
  return allocate_node_ports(service, old, causes);
}

void ServiceLeases::sync(const api::Snapshot& now) {
  api::Snapshot::diff(&seen_, now, "services",
                      [&](const api::ObjectPtr& before, const api::ObjectPtr& after) {
                        count(before, -1);
                        count(after, +1);
                      });
  seen_ = now;
}

void ServiceLeases::count(const api::ObjectPtr& service, int by) {
  if (service == nullptr) return;
  const auto& view = service->view<api::Service>();
  for (const Ip& ip : view.cluster_ips) {
    if ((ips_[ip] += by) <= 0) ips_.erase(ip);
  }
  for (const auto& port : view.ports) {
    if (port.node_port != 0 && (node_ports_[port.node_port] += by) <= 0) node_ports_.erase(port.node_port);
  }
}

const Cidr* ServiceLeases::range_of(std::string_view family) const {
  for (const Cidr& range : ranges_.cluster_ips) {
    if ((range.family() == Family::kV4) == (family == "IPv4")) return &range;
  }
  return nullptr;
}

std::optional<Ip> ServiceLeases::free_ip(const Cidr& range) const {
  const std::uint64_t first = 1;  // The base is no host address.
  const std::uint64_t end =
      range.family() == Family::kV4 ? range.size() - 1 : range.size();  // Nor is broadcast.
  const std::uint64_t band = std::min(first + static_band(range.size()), end);
  for (const auto& [low, high] : {std::pair{band, end}, std::pair{first, band}}) {
    if (low >= high) continue;
    const std::uint64_t start = random_below(high - low);
    for (std::uint64_t i = 0; i < high - low; ++i) {
      const Ip ip = range.at(low + (start + i) % (high - low));
      if (!ips_.contains(ip)) return ip;
    }
  }
  return std::nullopt;
}

Result<> ServiceLeases::allocate_ips(Json& service, const Json* old, api::Causes& causes) {
  Json& spec = service["spec"];
  if (string_at(spec, "type") == "ExternalName") return {};
  const bool headless = string_at(spec, "clusterIP") == "None";
  const std::string primary = ranges_.cluster_ips[0].family() == Family::kV4 ? "IPv4" : "IPv6";
  if (!spec.contains("ipFamilyPolicy")) {
    spec["ipFamilyPolicy"] =
        headless && object_at(spec, "selector").empty() ? "RequireDualStack" : "SingleStack";
    if (spec["ipFamilyPolicy"] == "RequireDualStack" && !spec.contains("ipFamilies")) {
      spec["ipFamilies"] = {primary, primary == "IPv4" ? "IPv6" : "IPv4"};
    }
  } else if (spec["ipFamilyPolicy"] == "RequireDualStack" && ranges_.cluster_ips.size() < 2 &&
             old == nullptr) {
    api::cause_invalid(causes, "spec.ipFamilyPolicy", spec["ipFamilyPolicy"],
                       "this cluster is not configured for dual-stack services");
    return {};
  }
  if (!spec.contains("ipFamilies")) {
    std::string family = primary;
    if (const auto wanted = Ip::parse(string_at(spec, "clusterIP")); wanted.ok())
      family = wanted->is_v4() ? "IPv4" : "IPv6";
    spec["ipFamilies"] = {family};
    const bool dual = spec["ipFamilyPolicy"] != "SingleStack" && ranges_.cluster_ips.size() > 1;
    if (dual) spec["ipFamilies"].push_back(family == "IPv4" ? "IPv6" : "IPv4");
  }
  if (headless) {
    spec["clusterIPs"] = {"None"};
    return {};
  }
  std::vector<std::string> kept;
  if (old != nullptr) {
    for (const Json& ip : array_at(object_at(*old, "spec"), "clusterIPs"))
      kept.push_back(ip.get<std::string>());
  }
  Json ips = Json::array();
  const Json& families = array_at(spec, "ipFamilies");
  for (std::size_t i = 0; i < families.size(); ++i) {
    const std::string family = families[i].is_string() ? families[i].get<std::string>() : "";
    const Cidr* range = range_of(family);
    if (range == nullptr) {
      api::cause_invalid(causes, fmt::format("spec.ipFamilies[{}]", i), families[i],
                         "not configured on this cluster");
      continue;
    }
    const Json& given = array_at(spec, "clusterIPs");
    if (i < given.size() && given[i].is_string()) {
      const std::string text = given[i].get<std::string>();
      ips.push_back(text);
      const auto ip = Ip::parse(text);
      if (!ip.ok() || std::find(kept.begin(), kept.end(), text) != kept.end())
        continue;  // Malformed: the rules say so.
      if (!range->contains(*ip) || *ip == range->base() || range->index_of(*ip) == range->size() - 1) {
        cause_allocation(
            causes, text,
            fmt::format("the provided IP ({}) is not in the valid range. The range of valid IPs is {}", text,
                        range->text()));
      } else if (ips_.contains(*ip)) {
        cause_allocation(causes, text, "provided IP is already allocated");
      }
      continue;
    }
    const auto ip = free_ip(*range);
    if (!ip) return Error(Code::kInternal, "failed to allocate a serviceIP: range is full");
    ips.push_back(ip->text());
  }
  if (!ips.empty()) {
    spec["clusterIPs"] = ips;
    spec["clusterIP"] = ips[0];
  }
  return {};
}

std::optional<int> ServiceLeases::free_node_port(const std::map<int, bool>& taken) const {
  const int size = ranges_.node_port_high - ranges_.node_port_low + 1;
  const int band = std::min(std::max(16, size / 32), 128);
  const int middle = std::min(ranges_.node_port_low + band, ranges_.node_port_high + 1);
  for (const auto& [low, high] :
       {std::pair{middle, ranges_.node_port_high + 1}, std::pair{ranges_.node_port_low, middle}}) {
    if (low >= high) continue;
    const int start = static_cast<int>(random_below(static_cast<std::uint64_t>(high - low)));
    for (int i = 0; i < high - low; ++i) {
      const int port = low + (start + i) % (high - low);
      if (!node_ports_.contains(port) && !taken.contains(port)) return port;
    }
  }
  return std::nullopt;
}

Result<> ServiceLeases::allocate_node_ports(Json& service, const Json* old, api::Causes& causes) {
  Json& spec = service["spec"];
  if (!wants_node_ports(spec) || !spec.contains("ports")) return {};
  const bool allocate =
      string_at(spec, "type") == "NodePort" || bool_at(spec, "allocateLoadBalancerNodePorts", true);
  std::map<int, bool> mine;
  if (old != nullptr) {
    for (const Json& port : array_at(object_at(*old, "spec"), "ports"))
      mine[static_cast<int>(int_at(port, "nodePort"))] = true;
  }
  std::map<int, bool> taken;
  std::map<std::int64_t, int> by_port;  // TCP and UDP of one port share a NodePort.
  for (std::size_t i = 0; i < spec["ports"].size(); ++i) {
    const int wanted = static_cast<int>(int_at(spec["ports"][i], "nodePort"));
    if (wanted == 0) continue;
    by_port.emplace(int_at(spec["ports"][i], "port"), wanted);
    taken[wanted] = true;
    const std::string field = fmt::format("spec.ports[{}].nodePort", i);
    if (wanted < ranges_.node_port_low || wanted > ranges_.node_port_high) {
      api::cause_invalid(
          causes, field, wanted,
          fmt::format("provided port is not in the valid range. The range of valid ports is {}-{}",
                      ranges_.node_port_low, ranges_.node_port_high));
    } else if (!mine.contains(wanted) && node_ports_.contains(wanted)) {
      api::cause_invalid(causes, field, wanted, "provided port is already allocated");
    }
  }
  if (!allocate) return {};
  for (Json& port : spec["ports"]) {
    if (int_at(port, "nodePort") != 0) continue;
    const auto shared = by_port.find(int_at(port, "port"));
    if (shared != by_port.end()) {
      port["nodePort"] = shared->second;
      continue;
    }
    const auto free = free_node_port(taken);
    if (!free) return Error(Code::kInternal, "failed to allocate a nodePort: range is full");
    port["nodePort"] = *free;
    taken[*free] = true;
    by_port.emplace(int_at(port, "port"), *free);
  }
  return {};
}

}  // namespace minik::apiserver
