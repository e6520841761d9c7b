#include "api/pod.h"

#include "base/text.h"

namespace minik::api {
namespace {

std::vector<std::string> strings_at(const Json& object, std::string_view member) {
  std::vector<std::string> out;
  for (const Json& item : array_at(object, member)) {
    if (item.is_string()) out.push_back(item.get_ref<const std::string&>());
  }
  return out;
}

std::string port_text(const Json& object) {
  const Json* port = find(object, "port");
  if (port == nullptr) return "";
  return port->is_string() ? port->get<std::string>() : to_text(*port);
}

KeyRef key_ref(const Json& ref) {
  return {string_at(ref, "name"), string_at(ref, "key"), bool_at(ref, "optional")};
}

EnvVar parse_env(const Json& json) {
  EnvVar var{string_at(json, "name"), string_at(json, "value"), {}, {}, {}};
  const Json& from = object_at(json, "valueFrom");
  if (const Json* field = find(from, "fieldRef")) var.field_path = string_at(*field, "fieldPath");
  if (const Json* ref = find(from, "configMapKeyRef")) var.config_map = key_ref(*ref);
  if (const Json* ref = find(from, "secretKeyRef")) var.secret = key_ref(*ref);
  return var;
}

EnvFrom parse_env_from(const Json& json) {
  EnvFrom from;
  from.prefix = string_at(json, "prefix");
  if (const Json* ref = find(json, "configMapRef")) {
    from.config_map = string_at(*ref, "name");
    from.optional = bool_at(*ref, "optional");
  }
  if (const Json* ref = find(json, "secretRef")) {
    from.secret = string_at(*ref, "name");
    from.optional = bool_at(*ref, "optional");
  }
  return from;
}

std::optional<Probe> parse_probe(const Json& container, std::string_view member) {
  const Json* json = find(container, member);
  if (json == nullptr || !json->is_object()) return std::nullopt;
  Probe probe;
  if (const Json* http = find(*json, "httpGet")) {
    probe.kind = Probe::Kind::kHttp;
    probe.path = string_at(*http, "path", "/");
    probe.host = string_at(*http, "host");
    probe.scheme = string_at(*http, "scheme", "HTTP");
    probe.port = port_text(*http);
    for (const Json& h : array_at(*http, "httpHeaders")) {
      probe.headers.emplace_back(string_at(h, "name"), string_at(h, "value"));
    }
  } else if (const Json* tcp = find(*json, "tcpSocket")) {
    probe.kind = Probe::Kind::kTcp;
    probe.host = string_at(*tcp, "host");
    probe.port = port_text(*tcp);
  } else if (const Json* exec = find(*json, "exec")) {
    probe.kind = Probe::Kind::kExec;
    probe.command = strings_at(*exec, "command");
  } else if (const Json* grpc = find(*json, "grpc")) {
    probe.kind = Probe::Kind::kGrpc;
    probe.port = port_text(*grpc);
    probe.service = string_at(*grpc, "service");
  } else {
    return std::nullopt;
  }
  probe.initial_delay = static_cast<int>(int_at(*json, "initialDelaySeconds"));
  probe.timeout = static_cast<int>(int_at(*json, "timeoutSeconds", 1));
  probe.period = static_cast<int>(int_at(*json, "periodSeconds", 10));
  probe.success_threshold = static_cast<int>(int_at(*json, "successThreshold", 1));
  probe.failure_threshold = static_cast<int>(int_at(*json, "failureThreshold", 3));
  return probe;
}

std::optional<std::int64_t> optional_int(const Json& object, std::string_view member) {
  const Json* value = find(object, member);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<std::int64_t>();
}

Container parse_container(const Json& json, const Json& pod_security) {
  Container c;
  c.name = string_at(json, "name");
  c.image = string_at(json, "image");
  c.working_dir = string_at(json, "workingDir");
  c.image_pull_policy = string_at(json, "imagePullPolicy");
  c.command = strings_at(json, "command");
  c.args = strings_at(json, "args");
  for (const Json& p : array_at(json, "ports")) {
    c.ports.push_back({string_at(p, "name"), string_at(p, "protocol", "TCP"), string_at(p, "hostIP"),
                       static_cast<int>(int_at(p, "containerPort")),
                       static_cast<int>(int_at(p, "hostPort"))});
  }
  for (const Json& e : array_at(json, "env")) c.env.push_back(parse_env(e));
  for (const Json& e : array_at(json, "envFrom")) c.env_from.push_back(parse_env_from(e));
  c.readiness = parse_probe(json, "readinessProbe");
  c.liveness = parse_probe(json, "livenessProbe");
  c.startup = parse_probe(json, "startupProbe");
  const Json& security = object_at(json, "securityContext");
  c.run_as_user = optional_int(security, "runAsUser");
  if (!c.run_as_user) c.run_as_user = optional_int(pod_security, "runAsUser");
  c.run_as_group = optional_int(security, "runAsGroup");
  if (!c.run_as_group) c.run_as_group = optional_int(pod_security, "runAsGroup");
  for (const Json& m : array_at(json, "volumeMounts"))
    c.volume_mounts.push_back({string_at(m, "name"), string_at(m, "mountPath"), string_at(m, "subPath")});
  c.privileged = bool_at(security, "privileged");
  c.read_only_root = bool_at(security, "readOnlyRootFilesystem");
  c.stdin_open = bool_at(json, "stdin");
  c.stdin_once = bool_at(json, "stdinOnce");
  c.tty = bool_at(json, "tty");
  c.termination_message_path = string_at(json, "terminationMessagePath", "/dev/termination-log");
  return c;
}

void parse_dns(const Json& spec, Pod& pod) {
  const Json& config = object_at(spec, "dnsConfig");
  pod.dns_nameservers = strings_at(config, "nameservers");
  pod.dns_searches = strings_at(config, "searches");
  for (const Json& option : array_at(config, "options")) {
    pod.dns_options.emplace_back(string_at(option, "name"), string_at(option, "value"));
  }
}

void parse_status(const Json& status, Pod& pod) {
  pod.phase = string_at(status, "phase");
  if (auto ip = Ip::parse(string_at(status, "podIP")); ip.ok()) pod.ip = *ip;
  for (const Json& entry : array_at(status, "podIPs")) {
    if (auto ip = Ip::parse(string_at(entry, "ip")); ip.ok()) pod.ips.push_back(*ip);
  }
  for (const Json& condition : array_at(status, "conditions")) {
    if (string_at(condition, "type") == "Ready") pod.ready = string_at(condition, "status") == "True";
  }
}

}  // namespace

Pod Pod::parse(const Object& object) {
  const Json& spec = object_at(object.body(), "spec");
  const Json& security = object_at(spec, "securityContext");
  Pod pod;
  for (const Json& c : array_at(spec, "initContainers"))
    pod.init_containers.push_back(parse_container(c, security));
  for (const Json& c : array_at(spec, "containers")) pod.containers.push_back(parse_container(c, security));
  pod.node_name = string_at(spec, "nodeName");
  pod.hostname = string_at(spec, "hostname");
  pod.subdomain = string_at(spec, "subdomain");
  pod.service_account = string_at(spec, "serviceAccountName");
  pod.restart_policy = string_at(spec, "restartPolicy", "Always");
  pod.dns_policy = string_at(spec, "dnsPolicy", "ClusterFirst");
  for (const Json& alias : array_at(spec, "hostAliases")) {
    pod.host_aliases.push_back({string_at(alias, "ip"), strings_at(alias, "hostnames")});
  }
  for (const Json& volume : array_at(spec, "volumes")) pod.volumes.push_back(volume);
  pod.fs_group = optional_int(security, "fsGroup");
  for (const Json& group : array_at(security, "supplementalGroups")) {
    if (group.is_number_integer()) pod.supplemental_groups.push_back(group.get<std::int64_t>());
  }
  parse_dns(spec, pod);
  pod.host_network = bool_at(spec, "hostNetwork");
  pod.enable_service_links = bool_at(spec, "enableServiceLinks", true);
  pod.grace_seconds = int_at(spec, "terminationGracePeriodSeconds", 30);
  parse_status(object_at(object.body(), "status"), pod);
  return pod;
}

std::string pod_hostname(const Object& pod) {
  std::string name = pod.view<Pod>().hostname;
  if (name.empty()) name = pod.name();
  name = name.substr(0, 63);
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name;
}

int resolve_port(const Pod& pod, const std::string& port, const std::string& protocol) {
  if (const auto number = parse_int(port)) return static_cast<int>(*number);
  for (const auto& container : pod.containers) {
    for (const auto& p : container.ports) {
      if (p.name == port && p.protocol == protocol) return p.port;
    }
  }
  return 0;
}

}  // namespace minik::api
