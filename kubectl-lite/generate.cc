#include "kubectl-lite/generate.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/resource_args.h"

namespace minik::kubectl {
namespace {

// "docker.io/library/nginx:1.25" → "nginx": how kubectl names the container of an image.
std::string container_name(const std::string& image) {
  std::string name = image.substr(image.rfind('/') + 1);
  name = name.substr(0, name.find_first_of(":@"));
  return replace_all(std::move(name), "_", "-");
}

// The ports that a workload's or pod's containers open, or a Service's own.
Json ports_of(const Json& target) {
  Json ports = Json::array();
  const Json& spec = object_at(target, "spec");
  if (spec.contains("ports")) {
    for (const Json& port : array_at(spec, "ports"))
      ports.push_back({{"port", port["port"]}, {"protocol", string_at(port, "protocol", "TCP")}});
    return ports;
  }
  const Json& pod = spec.contains("template") ? object_at(object_at(spec, "template"), "spec") : spec;
  for (const Json& container : array_at(pod, "containers")) {
    for (const Json& port : array_at(container, "ports")) {
      ports.push_back({{"port", port["containerPort"]}, {"protocol", string_at(port, "protocol", "TCP")}});
    }
  }
  return ports;
}

Result<Json> selector_of(const ExposeFlags& flags, const api::Kind& kind, const Json& target) {
  Json selector = Json::object();
  if (!flags.selector.empty()) {
    for (const std::string& part : split(flags.selector, ',')) {
      const auto at = part.find('=');
      if (at == std::string::npos) return failed(fmt::format("invalid selector: {}", part));
      selector[part.substr(0, at)] = part.substr(at + 1);
    }
    return selector;
  }
  const Json& spec = object_at(target, "spec");
  if (kind.kind == "Pod")
    selector = object_at(object_at(target, "metadata"), "labels");
  else if (kind.kind == "Service")
    selector = object_at(spec, "selector");
  else
    selector = object_at(object_at(spec, "selector"), "matchLabels");
  if (selector.empty()) {
    return failed(
        fmt::format("couldn't retrieve selectors via --selector flag or introspection: the {} has no labels "
                    "and cannot be exposed",
                    lower(kind.kind)));
  }
  return selector;
}

Json port_or_name(const std::string& text) {
  const auto number = parse_int(text);
  return number ? Json(*number) : Json(text);
}

}  // namespace

Json namespace_object(const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}};
}

Result<Json> deployment_object(const DeploymentFlags& flags, const std::string& ns) {
  if (flags.images.empty()) return usage("required flag(s) \"image\" not set");
  if (flags.images.size() > 1 && !flags.command.empty())
    return failed("cannot specify multiple --image options and command");
  const Json labels = {{"app", flags.name}};
  Json containers = Json::array();
  for (const std::string& image : flags.images) {
    Json container = {{"name", container_name(image)}, {"image", image}};
    if (!flags.command.empty()) container["command"] = flags.command;
    containers.push_back(std::move(container));
  }
  if (flags.port >= 0) containers[0]["ports"] = Json::array({{{"containerPort", flags.port}}});
  return Json{{"apiVersion", "apps/v1"},
              {"kind", "Deployment"},
              {"metadata", {{"name", flags.name}, {"namespace", ns}, {"labels", labels}}},
              {"spec",
               {{"replicas", flags.replicas},
                {"selector", {{"matchLabels", labels}}},
                {"template", {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", containers}}}}}}}};
}

Result<Json> config_map_object(const ConfigMapFlags& flags, const std::string& ns) {
  Json data = Json::object();
  for (const std::string& literal : flags.literals) {
    const auto at = literal.find('=');
    if (at == std::string::npos || at == 0)
      return failed(fmt::format("invalid literal source {}, expected key=value", literal));
    data[literal.substr(0, at)] = literal.substr(at + 1);
  }
  for (const std::string& file : flags.files) {
    const auto at = file.find('=');
    const std::string path = at == std::string::npos ? file : file.substr(at + 1);
    auto text = read_file(path);
    if (!text.ok()) return failed(text.error());
    data[at == std::string::npos ? path.substr(path.rfind('/') + 1) : file.substr(0, at)] = *std::move(text);
  }
  return Json{{"apiVersion", "v1"},
              {"kind", "ConfigMap"},
              {"metadata", {{"name", flags.name}, {"namespace", ns}}},
              {"data", data}};
}

Result<Json> service_for(const ExposeFlags& flags, const api::Kind& kind, const Json& target) {
  Json ports = Json::array();
  if (flags.port.empty()) {
    ports = ports_of(target);
    if (ports.empty()) return failed("couldn't find port via --port flag or introspection");
  } else {
    for (const std::string& word : split(flags.port, ',')) {
      const auto port = parse_int(word);
      if (!port) return failed(fmt::format("invalid port: {}", word));
      ports.push_back({{"port", *port}, {"protocol", "TCP"}});
    }
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!flags.protocol.empty()) ports[i]["protocol"] = upper(flags.protocol);
    ports[i]["targetPort"] = flags.target_port.empty() ? ports[i]["port"] : port_or_name(flags.target_port);
    if (ports.size() > 1) ports[i]["name"] = fmt::format("port-{}", i + 1);
  }
  Json spec = {{"ports", ports}, {"selector", TRY(selector_of(flags, kind, target))}};
  if (!flags.type.empty()) spec["type"] = flags.type;
  if (!flags.cluster_ip.empty()) spec["clusterIP"] = flags.cluster_ip;
  const Json& meta = object_at(target, "metadata");
  Json service_meta = {{"name", flags.name.empty() ? string_at(meta, "name") : flags.name},
                       {"namespace", string_at(meta, "namespace")}};
  if (!object_at(meta, "labels").empty()) service_meta["labels"] = object_at(meta, "labels");
  return Json{{"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", service_meta}, {"spec", spec}};
}

Result<int> expose(Session& session, const ExposeFlags& flags, const WriteOptions& options) {
  const Target target = TRY(parse_one_target(flags.args, "", "expose"));
  const Json object = TRY(session.fetch(get_call(*target.kind, session.ns, target.name)));
  Json service = TRY(service_for(flags, *target.kind, object));
  const api::Kind* services = TRY(kind_of_word("services"));
  if (options.dry_run == "client")
    return create_object(session, *services, std::move(service), options, "kubectl-expose");
  Call call;
  call.method = "POST";
  call.path = path_of(*services, namespace_of(service));
  call.query = {{"fieldManager", "kubectl-expose"}};
  call.body = to_text(service);
  TRY(session.fetch(call));
  session.out << "service/" << name_of(service) << " exposed\n";
  return 0;
}

}  // namespace minik::kubectl
