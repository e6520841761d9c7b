#include "controllers/system.h"

#include <fmt/format.h>

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kSlices = "endpointslices.discovery.k8s.io";

Json object_of(const char* kind, const char* version, const std::string& name, const std::string& ns) {
  Json object = {{"kind", kind}, {"apiVersion", version}, {"metadata", {{"name", name}}}};
  if (!ns.empty()) object["metadata"]["namespace"] = ns;
  return object;
}

Json kubernetes_service(const SystemConfig& config) {
  Json service = object_of("Service", "v1", "kubernetes", "default");
  service["metadata"]["labels"] = {{"component", "apiserver"}, {"provider", "kubernetes"}};
  service["spec"] = {
      {"type", "ClusterIP"},
      {"clusterIP", config.kubernetes_ip.text()},
      {"clusterIPs", {config.kubernetes_ip.text()}},
      {"ports",
       Json::array(
           {{{"name", "https"}, {"protocol", "TCP"}, {"port", 443}, {"targetPort", config.api_port}}})}};
  return service;
}

Json kubernetes_endpoints(const SystemConfig& config) {
  Json endpoints = object_of("Endpoints", "v1", "kubernetes", "default");
  endpoints["subsets"] = Json::array(
      {{{"addresses", Json::array({{{"ip", config.node_addresses[0].text()}}})},
        {"ports", Json::array({{{"name", "https"}, {"port", config.api_port}, {"protocol", "TCP"}}})}}});
  return endpoints;
}

Json kubernetes_slice(const SystemConfig& config) {
  Json slice = object_of("EndpointSlice", "discovery.k8s.io/v1", "kubernetes", "default");
  slice["metadata"]["labels"] = {{"kubernetes.io/service-name", "kubernetes"}};
  slice["addressType"] = config.node_addresses[0].is_v4() ? "IPv4" : "IPv6";
  slice["endpoints"] =
      Json::array({{{"addresses", {config.node_addresses[0].text()}},
                    {"conditions", {{"ready", true}, {"serving", true}, {"terminating", false}}}}});
  slice["ports"] = Json::array({{{"name", "https"}, {"port", config.api_port}, {"protocol", "TCP"}}});
  return slice;
}

Json dns_service(const SystemConfig& config) {
  Json service = object_of("Service", "v1", "kube-dns", "kube-system");
  service["metadata"]["labels"] = {
      {"k8s-app", "kube-dns"}, {"kubernetes.io/cluster-service", "true"}, {"kubernetes.io/name", "CoreDNS"}};
  service["spec"] = {{"type", "ClusterIP"},
                     {"clusterIP", config.dns_ip.text()},
                     {"clusterIPs", {config.dns_ip.text()}},
                     {"selector", {{"k8s-app", "kube-dns"}}}};
  service["spec"]["ports"] =
      Json::array({{{"name", "dns"}, {"protocol", "UDP"}, {"port", 53}, {"targetPort", 53}},
                   {{"name", "dns-tcp"}, {"protocol", "TCP"}, {"port", 53}, {"targetPort", 53}}});
  return service;
}

Json dns_pod(const SystemConfig&) {
  Json pod = object_of("Pod", "v1", "kube-dns", "kube-system");
  pod["metadata"]["labels"] = {{"k8s-app", "kube-dns"}};
  pod["metadata"]["annotations"] = {{kBuiltInAnnotation, "dns"}};
  pod["spec"]["dnsPolicy"] = "Default";
  pod["spec"]["automountServiceAccountToken"] = false;
  pod["spec"]["containers"] = Json::array(
      {{{"name", "dns"},
        {"image", "minik/dns"},
        {"imagePullPolicy", "Never"},
        {"ports", Json::array({{{"name", "dns"}, {"containerPort", 53}, {"protocol", "UDP"}},
                               {{"name", "dns-tcp"}, {"containerPort", 53}, {"protocol", "TCP"}}})}}});
  return pod;
}

std::string kib(std::uint64_t bytes) { return fmt::format("{}Ki", bytes / 1024); }

Json node_status(const SystemConfig& config, const Json& before, WallTime now) {
  Json status = before;
  const Json resources = {{"cpu", std::to_string(config.cpus)},
                          {"memory", kib(config.memory_bytes)},
                          {"pods", std::to_string(config.pods)}};
  status["capacity"] = status["allocatable"] = resources;
  status["addresses"] = Json::array();
  for (const Ip& ip : config.node_addresses)
    status["addresses"].push_back({{"type", "InternalIP"}, {"address", ip.text()}});
  status["addresses"].push_back({{"type", "Hostname"}, {"address", config.node_name}});
  status["nodeInfo"] = {{"kernelVersion", config.kernel},
                        {"osImage", config.os_image},
                        {"containerRuntimeVersion", config.runtime_version},
                        {"kubeletVersion", config.version},
                        {"kubeProxyVersion", config.version},
                        {"operatingSystem", "linux"},
                        {"architecture", "amd64"},
                        {"machineID", config.machine_id},
                        {"systemUUID", config.machine_id},
                        {"bootID", config.boot_id}};
  Json conditions = array_at(before, "conditions");
  set_condition(conditions, "MemoryPressure", false, "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available", now);
  set_condition(conditions, "DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure",
                now);
  set_condition(conditions, "PIDPressure", false, "KubeletHasSufficientPID",
                "kubelet has sufficient PID available", now);
  set_condition(conditions, "Ready", true, "KubeletReady", "kubelet is posting ready status", now);
  for (Json& condition : conditions) {
    if (!condition.contains("lastHeartbeatTime")) condition["lastHeartbeatTime"] = rfc3339(now);
  }
  status["conditions"] = std::move(conditions);
  return status;
}

// Whether every member of `wanted` that is listed stands in `stored` as it should; members of objects one by
// one.
bool holds(const Json& stored, const Json& wanted) {
  if (wanted.is_object()) {
    for (const auto& [name, value] : wanted.items()) {
      const Json* member = find(stored, name);
      if (member == nullptr || !holds(*member, value)) return false;
    }
    return true;
  }
  if (wanted.is_array()) {
    if (!stored.is_array() || stored.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!holds(stored[i], wanted[i])) return false;
    }
    return true;
  }
  return stored == wanted;
}

}  // namespace

bool is_built_in(const Object& pod) {
  return pod.ns() == "kube-system" && pod.meta().annotations.contains(kBuiltInAnnotation);
}

void SystemController::ensure(const World& world, const std::string& resource, Json wanted,
                              std::initializer_list<const char*> members, std::vector<Write>& writes) const {
  const Json& meta = wanted["metadata"];
  const ObjectPtr stored =
      world.objects->find(resource, string_at(meta, "namespace"), string_at(meta, "name"));
  if (stored == nullptr) {
    writes.push_back(create(resource, std::move(wanted)));
    return;
  }
  if (stored->meta().deletion) return;
  Json body = stored->body();
  bool wrong = false;
  for (const char* member : members) {
    if (holds(object_at(body, member).empty() ? body.value(member, Json()) : body[member], wanted[member]))
      continue;
    wrong = true;
    if (wanted[member].is_object())
      body[member].update(wanted[member]);
    else
      body[member] = wanted[member];
  }
  if (wrong) writes.push_back(put(*stored, std::move(body)));
}

void SystemController::ensure_node(const World& world, std::vector<Write>& writes) const {
  const ObjectPtr stored = world.objects->find("nodes", "", config_.node_name);
  if (stored == nullptr) {
    Json node = object_of("Node", "v1", config_.node_name, "");
    node["metadata"]["labels"] = {{"kubernetes.io/hostname", config_.node_name},
                                  {"kubernetes.io/os", "linux"},
                                  {"kubernetes.io/arch", "amd64"},
                                  {"beta.kubernetes.io/os", "linux"},
                                  {"beta.kubernetes.io/arch", "amd64"},
                                  {"node-role.kubernetes.io/control-plane", ""}};
    node["spec"]["podCIDR"] = config_.pod_cidrs[0].text();
    for (const Cidr& range : config_.pod_cidrs) node["spec"]["podCIDRs"].push_back(range.text());
    writes.push_back(create("nodes", std::move(node)));
    return;
  }
  Json status = node_status(config_, object_at(stored->body(), "status"), world.now);
  if (status != object_at(stored->body(), "status")) writes.push_back(put_status(*stored, std::move(status)));
}

std::vector<Write> SystemController::reconcile(const World& world) {
  bool look = seen_ == nullptr;
  for (const char* resource : {"namespaces", "services", "endpoints", kSlices, "pods", "nodes"}) {
    if (look || api::Snapshot::same(seen_.get(), *world.objects, resource)) continue;
    api::Snapshot::diff(seen_.get(), *world.objects, resource,
                        [&](const ObjectPtr& before, const ObjectPtr& after) {
                          const Object& object = after != nullptr ? *after : *before;
                          look = look || object.ns() == "kube-system" || object.ns().empty() ||
                                 (object.ns() == "default" && object.name() == "kubernetes");
                        });
  }
  seen_ = world.objects;
  std::vector<Write> writes;
  if (!look) return writes;
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"})
    ensure(world, "namespaces", object_of("Namespace", "v1", name, ""), {}, writes);
  ensure_node(world, writes);
  ensure(world, "services", kubernetes_service(config_), {"spec"}, writes);
  ensure(world, "endpoints", kubernetes_endpoints(config_), {"subsets"}, writes);
  ensure(world, kSlices, kubernetes_slice(config_), {"endpoints", "ports"}, writes);
  ensure(world, "services", dns_service(config_), {"spec"}, writes);
  ensure(world, "pods", dns_pod(config_), {}, writes);
  return writes;
}

}  // namespace minik::controllers
