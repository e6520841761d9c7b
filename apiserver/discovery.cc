#include "apiserver/discovery.h"

#include <sys/utsname.h>

#include <algorithm>

namespace minik::apiserver {
namespace {

using api::Kind;

Json verbs_of(const Kind& kind) {
  static const Json kVerbs = {"create", "delete", "deletecollection", "get",
                              "list",   "patch",  "update",           "watch"};
  return kind.verbs.empty() ? kVerbs : Json(kind.verbs);
}

struct Subresource {
  std::string group, version, kind;
  Json verbs;
};

Subresource describe_subresource(const Kind& kind, const std::string& name) {
  const Json write = {"get", "patch", "update"};
  if (name == "scale") return {"autoscaling", "v1", "Scale", write};
  if (name == "log") return {kind.group, kind.version, kind.kind, {"get"}};
  if (name == "exec") return {kind.group, kind.version, "PodExecOptions", {"create", "get"}};
  if (name == "attach") return {kind.group, kind.version, "PodAttachOptions", {"create", "get"}};
  if (name == "portforward") return {kind.group, kind.version, "PodPortForwardOptions", {"create", "get"}};
  if (name == "proxy") {
    return {kind.group, kind.version, kind.kind + "ProxyOptions", {"create", "delete", "get", "patch", "update"}};
  }
  if (name == "eviction") return {"policy", "v1", "Eviction", {"create"}};
  if (name == "binding") return {kind.group, kind.version, "Binding", {"create"}};
  if (name == "token") return {"authentication.k8s.io", "v1", "TokenRequest", {"create"}};
  if (name == "finalize") return {kind.group, kind.version, kind.kind, {"update"}};
  return {kind.group, kind.version, kind.kind, write};
}

Json response_kind(const std::string& group, const std::string& version, const std::string& kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

Json aggregated_resource(const Kind& kind) {
  Json resource = {{"resource", kind.resource},
                   {"responseKind", response_kind(kind.group, kind.version, kind.kind)},
                   {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                   {"singularResource", kind.singular},
                   {"verbs", verbs_of(kind)}};
  if (!kind.short_names.empty()) resource["shortNames"] = kind.short_names;
  if (!kind.categories.empty()) resource["categories"] = kind.categories;
  for (const auto& name : kind.subresources) {
    const Subresource sub = describe_subresource(kind, name);
    resource["subresources"].push_back({{"subresource", name},
                                        {"responseKind", response_kind(sub.group, sub.version, sub.kind)},
                                        {"verbs", sub.verbs}});
  }
  return resource;
}

// Groups and their versions, in order of first appearance.
std::vector<std::pair<std::string, std::vector<std::string>>> groups_of(const api::Schema& schema) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const Kind& kind : schema.kinds()) {
    auto it =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == kind.group; });
    if (it == groups.end()) it = groups.insert(groups.end(), {kind.group, {}});
    auto& versions = it->second;
    if (std::find(versions.begin(), versions.end(), kind.version) == versions.end())
      versions.push_back(kind.version);
  }
  return groups;
}

Json aggregated(const api::Schema& schema, bool core, const std::string& version) {
  Json list = {{"kind", "APIGroupDiscoveryList"},
               {"apiVersion", "apidiscovery.k8s.io/" + version},
               {"metadata", Json::object()},
               {"items", Json::array()}};
  for (const auto& [group, versions] : groups_of(schema)) {
    if (group.empty() != core) continue;
    Json item = {{"metadata", {{"creationTimestamp", nullptr}}}};
    if (!core) item["metadata"]["name"] = group;
    for (const auto& v : versions) {
      Json entry = {{"version", v}, {"freshness", "Current"}, {"resources", Json::array()}};
      for (const Kind& kind : schema.kinds()) {
        if (kind.group == group && kind.version == v) entry["resources"].push_back(aggregated_resource(kind));
      }
      item["versions"].push_back(entry);
    }
    list["items"].push_back(item);
  }
  return list;
}

Json group_json(const std::string& group, const std::vector<std::string>& versions) {
  Json json = {{"name", group}};
  for (const auto& v : versions)
    json["versions"].push_back({{"groupVersion", group + "/" + v}, {"version", v}});
  json["preferredVersion"] = json["versions"][0];
  return json;
}

Json legacy_root(const api::Schema& schema, bool core, const std::string& address) {
  if (core) {
    return {{"kind", "APIVersions"},
            {"versions", {"v1"}},
            {"serverAddressByClientCIDRs",
             Json::array({{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", address}}})}};
  }
  Json list = {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", Json::array()}};
  for (const auto& [group, versions] : groups_of(schema)) {
    if (!group.empty()) list["groups"].push_back(group_json(group, versions));
  }
  return list;
}

}  // namespace

Document discovery_root(const api::Schema& schema, bool core, std::string_view accept,
                        const std::string& address) {
  for (const std::string version : {"v2", "v2beta1"}) {
    const bool asked = accept.find("v=" + version + ";") != std::string_view::npos ||
                       accept.find("v=" + version + ",") != std::string_view::npos ||
                       accept.ends_with("v=" + version);
    if (!asked || accept.find("apidiscovery.k8s.io") == std::string_view::npos) continue;
    return {"application/json;g=apidiscovery.k8s.io;v=" + version + ";as=APIGroupDiscoveryList",
            to_text(aggregated(schema, core, version))};
  }
  return {"application/json", to_text(legacy_root(schema, core, address))};
}

std::string discovery_group(const api::Schema& schema, std::string_view group) {
  for (const auto& [name, versions] : groups_of(schema)) {
    if (name != group || name.empty()) continue;
    Json json = group_json(name, versions);
    json["kind"] = "APIGroup";
    json["apiVersion"] = "v1";
    return to_text(json);
  }
  return "";
}

std::string discovery_resources(const api::Schema& schema, std::string_view group, std::string_view version) {
  Json list = {{"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"resources", Json::array()}};
  list["groupVersion"] =
      group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
  for (const Kind& kind : schema.kinds()) {
    if (kind.group != group || kind.version != version) continue;
    Json resource = {{"name", kind.resource},
                     {"singularName", kind.singular},
                     {"namespaced", kind.namespaced},
                     {"kind", kind.kind},
                     {"verbs", verbs_of(kind)}};
    if (!kind.short_names.empty()) resource["shortNames"] = kind.short_names;
    if (!kind.categories.empty()) resource["categories"] = kind.categories;
    list["resources"].push_back(resource);
    for (const auto& name : kind.subresources) {
      const Subresource sub = describe_subresource(kind, name);
      Json entry = {{"name", kind.resource + "/" + name},
                    {"singularName", ""},
                    {"namespaced", kind.namespaced},
                    {"kind", sub.kind},
                    {"verbs", sub.verbs}};
      if (sub.group != kind.group) entry.update({{"group", sub.group}, {"version", sub.version}});
      list["resources"].push_back(entry);
    }
  }
  return list["resources"].empty() ? "" : to_text(list);
}

Json version_json(std::string_view minik_version) {
  utsname host{};
  ::uname(&host);
  const std::string machine = host.machine;
  const std::string arch = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
  return {{"major", "1"},
          {"minor", "31"},
          {"gitVersion", "v1.31.0+minik-" + std::string(minik_version)},
          {"gitCommit", "minik"},
          {"gitTreeState", "clean"},
          {"buildDate", "2026-01-01T00:00:00Z"},
          {"goVersion", "none"},
          {"compiler", "gcc"},
          {"platform", "linux/" + arch}};
}

}  // namespace minik::apiserver
