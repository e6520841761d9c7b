// Pod: the typed view that controllers, cni and the runtime read.  Wire form: core/v1 Pod.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/ip.h"

namespace minik::api {

struct ContainerPort {
  std::string name, protocol = "TCP", host_ip;
  int port = 0, host_port = 0;
};

// A reference that env and volumes make to an entry of another object.
struct KeyRef {
  std::string name, key;
  bool optional = false;
};

struct EnvVar {
  std::string name, value;
  std::optional<std::string> field_path;     // valueFrom.fieldRef
  std::optional<KeyRef> config_map, secret;  // valueFrom.configMapKeyRef, .secretKeyRef
};

struct EnvFrom {
  std::string prefix, config_map, secret;
  bool optional = false;
};

struct Probe {
  enum class Kind : unsigned char { kHttp, kTcp, kExec, kGrpc } kind = Kind::kTcp;
  std::string path, host, scheme = "HTTP", service;
  std::string port;  // Number or name.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> command;
  int initial_delay = 0, timeout = 1, period = 10;  // Seconds.
  int success_threshold = 1, failure_threshold = 3;
};

struct VolumeMount {
  std::string name, path, sub_path;
};

struct Container {
  std::string name, image, working_dir, image_pull_policy;
  std::vector<std::string> command, args;
  std::vector<ContainerPort> ports;
  std::vector<EnvVar> env;
  std::vector<EnvFrom> env_from;
  std::optional<Probe> readiness, liveness, startup;
  std::optional<std::int64_t> run_as_user, run_as_group;
  std::vector<VolumeMount> volume_mounts;
  bool privileged = false, read_only_root = false;
  bool stdin_open = false, stdin_once = false, tty = false;
  std::string termination_message_path = "/dev/termination-log";
};

struct HostAlias {
  std::string ip;
  std::vector<std::string> hostnames;
};

struct Pod {
  std::vector<Container> init_containers, containers;
  std::string node_name, hostname, subdomain, service_account, restart_policy = "Always",
                                                               dns_policy = "ClusterFirst";
  std::vector<HostAlias> host_aliases;
  std::vector<std::string> dns_nameservers, dns_searches;
  std::vector<std::pair<std::string, std::string>> dns_options;  // Name and value (may be empty).
  std::vector<Json> volumes;                                     // As in the spec.
  std::optional<std::int64_t> fs_group;
  std::vector<std::int64_t> supplemental_groups;
  bool host_network = false, enable_service_links = true;
  std::int64_t grace_seconds = 30;
  // Status.
  std::string phase;
  std::optional<Ip> ip;  // status.podIP: also the lease of the address.
  std::vector<Ip> ips;
  bool ready = false;  // Condition Ready is True.
  bool finished() const { return phase == "Succeeded" || phase == "Failed"; }

  static Pod parse(const Object& object);
};

// The hostname inside: spec.hostname, else the name, cut to 63 characters and trimmed of '-' and '.'.
std::string pod_hostname(const Object& pod);
// The container port that a number or a name means; 0 if the pod has no such port.
int resolve_port(const Pod& pod, const std::string& port, const std::string& protocol);

}  // namespace minik::api
