// From a Service and its pods to Endpoints and EndpointSlices.  Pure.
#include <algorithm>

#include "api/pod.h"
#include "api/service.h"
#include "base/files.h"
#include "base/limits.h"
#include "controllers/endpoints.h"

namespace minik::controllers {
namespace {

using api::Object;
using api::ObjectPtr;

constexpr std::size_t kEndpointsAddressesMax = 1000;
constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

struct Member {
  ObjectPtr pod;
  Ip ip;
  bool serving = false, terminating = false, ready = false;
  Json ports = Json::array();  // As in a slice, by the Service's order.
};

bool is_headless(const Object& service) { return service.view<api::Service>().headless; }

// The Service's ports as this pod has them; a named port that the pod lacks is left out.
Json ports_of(const Object& service, const api::Pod& pod) {
  Json ports = Json::array();
  for (const auto& port : service.view<api::Service>().ports) {
    const int number = api::resolve_port(pod, port.target_port, port.protocol);
    if (number != 0) ports.push_back({{"name", port.name}, {"protocol", port.protocol}, {"port", number}});
  }
  return ports;
}

std::vector<Member> members_of(const Object& service, const std::vector<ObjectPtr>& pods, Family family) {
  std::vector<Member> members;
  const bool publish = service.view<api::Service>().publish_not_ready;
  for (const ObjectPtr& pod : pods) {
    const auto& view = pod->view<api::Pod>();
    if (view.finished()) continue;
    std::optional<Ip> ip;
    for (const Ip& candidate : view.ips) {
      if (!ip && candidate.family() == family) ip = candidate;
    }
    if (!ip && view.ip && view.ip->family() == family) ip = view.ip;
    if (!ip) continue;
    Member member{pod, *ip, view.ready, pod->meta().deletion.has_value(), false, ports_of(service, view)};
    member.ready = publish || (member.serving && !member.terminating);
    members.push_back(std::move(member));
  }
  return members;
}

Json target_ref(const Object& pod) {
  return {{"kind", "Pod"}, {"namespace", pod.ns()}, {"name", pod.name()}, {"uid", pod.uid()}};
}

// Endpoint hostname: only for pods that name this Service as their subdomain.
std::string hostname_of(const Object& service, const Object& pod) {
  const auto& view = pod.view<api::Pod>();
  return view.subdomain == service.name() ? view.hostname : "";
}

Json endpoint_of(const Object& service, const Member& member) {
  Json endpoint = {
      {"addresses", {member.ip.text()}},
      {"conditions",
       {{"ready", member.ready}, {"serving", member.serving}, {"terminating", member.terminating}}},
      {"targetRef", target_ref(*member.pod)}};
  const auto& view = member.pod->view<api::Pod>();
  if (!view.node_name.empty()) endpoint["nodeName"] = view.node_name;
  if (const std::string hostname = hostname_of(service, *member.pod); !hostname.empty())
    endpoint["hostname"] = hostname;
  return endpoint;
}

Json labels_for(const Object& service) {
  Json labels = object_at(object_at(service.body(), "metadata"), "labels");
  labels[api::kServiceNameLabel] = service.name();
  labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io";
  if (is_headless(service)) labels[kHeadlessLabel] = "";
  return labels;
}

Json new_slice(const Object& service, Family family, const Json& ports) {
  Json slice = {{"kind", "EndpointSlice"},
                {"apiVersion", "discovery.k8s.io/v1"},
                {"addressType", family == Family::kV4 ? "IPv4" : "IPv6"},
                {"endpoints", Json::array()},
                {"ports", ports}};
  slice["metadata"] = {{"name", service.name() + "-" + random_suffix(5)},
                       {"generateName", service.name() + "-"},
                       {"namespace", service.ns()},
                       {"labels", labels_for(service)},
                       {"ownerReferences", Json::array({owner_reference(service)})}};
  return slice;
}

// One group: endpoints of one family that share their ports.  Existing slices keep the endpoints they have.
void fill_group(const Object& service, Family family, const Json& ports, std::vector<const Member*> members,
                const std::vector<ObjectPtr>& existing, std::vector<Json>& slices) {
  std::vector<Json> mine;
  for (const ObjectPtr& slice : existing) {
    if (slice->view<api::EndpointSlice>().family != family || array_at(slice->body(), "ports") != ports)
      continue;
    Json body = slice->body();
    body["metadata"]["labels"] = labels_for(service);
    Json kept = Json::array();
    for (const Json& endpoint : array_at(body, "endpoints")) {
      const std::string uid = string_at(object_at(endpoint, "targetRef"), "uid");
      const auto it =
          std::find_if(members.begin(), members.end(), [&](const Member* m) { return m->pod->uid() == uid; });
      if (it == members.end()) continue;
      kept.push_back(endpoint_of(service, **it));
      members.erase(it);
    }
    body["endpoints"] = std::move(kept);
    mine.push_back(std::move(body));
  }
  for (const Member* member : members) {
    auto room = std::find_if(mine.begin(), mine.end(), [](const Json& slice) {
      return slice["endpoints"].size() < kEndpointsPerSlice;
    });
    if (room == mine.end()) room = mine.insert(mine.end(), new_slice(service, family, ports));
    (*room)["endpoints"].push_back(endpoint_of(service, *member));
  }
  for (Json& slice : mine) {
    if (!slice["endpoints"].empty()) slices.push_back(std::move(slice));
  }
}

// With no endpoint at all there is exactly one empty slice per family.
void add_placeholder(const Object& service, Family family, const std::vector<ObjectPtr>& existing,
                     std::vector<Json>& slices) {
  for (const ObjectPtr& slice : existing) {
    if (slice->view<api::EndpointSlice>().family != family) continue;
    Json body = slice->body();
    body["metadata"]["labels"] = labels_for(service);
    body["endpoints"] = Json::array();
    body["ports"] = Json::array();
    slices.push_back(std::move(body));
    return;
  }
  slices.push_back(new_slice(service, family, Json::array()));
}

Json address_of(const Object& service, const Member& member) {
  Json address = {{"ip", member.ip.text()}, {"targetRef", target_ref(*member.pod)}};
  const auto& view = member.pod->view<api::Pod>();
  if (!view.node_name.empty()) address["nodeName"] = view.node_name;
  if (const std::string hostname = hostname_of(service, *member.pod); !hostname.empty())
    address["hostname"] = hostname;
  return address;
}

// Names may be absent in the old form.
Json old_ports(const Json& ports) {
  Json out = Json::array();
  for (const Json& port : ports) {
    Json entry = port;
    if (string_at(entry, "name").empty()) entry.erase("name");
    out.push_back(std::move(entry));
  }
  return out;
}

Json old_endpoints(const Object& service, std::vector<Member> members) {
  Json object = {{"kind", "Endpoints"},
                 {"apiVersion", "v1"},
                 {"metadata", {{"name", service.name()}, {"namespace", service.ns()}}}};
  Json labels = object_at(object_at(service.body(), "metadata"), "labels");
  labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
  if (is_headless(service)) labels[kHeadlessLabel] = "";
  object["metadata"]["labels"] = labels;
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    return std::pair(!a.ready, a.ip) < std::pair(!b.ready, b.ip);
  });
  if (members.size() > kEndpointsAddressesMax) {
    members.resize(kEndpointsAddressesMax);
    object["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] = "truncated";
  }
  Json subsets = Json::array();
  for (const Member& member : members) {
    if (member.terminating && !member.ready) continue;
    const Json ports = old_ports(member.ports);
    auto it = std::find_if(subsets.begin(), subsets.end(),
                           [&](const Json& s) { return array_at(s, "ports") == ports; });
    if (it == subsets.end()) {
      subsets.push_back(Json::object());
      it = std::prev(subsets.end());
      if (!ports.empty()) (*it)["ports"] = ports;
    }
    (*it)[member.ready ? "addresses" : "notReadyAddresses"].push_back(address_of(service, member));
  }
  object["subsets"] = std::move(subsets);
  return object;
}

}  // namespace

ServiceEndpoints endpoints_of(const Object& service, const std::vector<ObjectPtr>& pods,
                              const std::vector<ObjectPtr>& existing) {
  ServiceEndpoints result;
  const auto& families = service.view<api::Service>().ip_families;
  for (std::size_t i = 0; i < std::max<std::size_t>(families.size(), 1); ++i) {
    const Family family = !families.empty() && families[i] == "IPv6" ? Family::kV6 : Family::kV4;
    std::vector<Member> members = members_of(service, pods, family);
    std::vector<Json> groups;
    for (const Member& member : members) {
      if (std::find(groups.begin(), groups.end(), member.ports) == groups.end())
        groups.push_back(member.ports);
    }
    const std::size_t before = result.slices.size();
    for (const Json& ports : groups) {
      std::vector<const Member*> group;
      for (const Member& member : members) {
        if (member.ports == ports) group.push_back(&member);
      }
      fill_group(service, family, ports, std::move(group), existing, result.slices);
    }
    if (result.slices.size() == before) add_placeholder(service, family, existing, result.slices);
    if (i == 0) result.endpoints = old_endpoints(service, std::move(members));
  }
  return result;
}

}  // namespace minik::controllers
