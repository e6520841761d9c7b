// Options: what `minik up` was asked for, and the cluster that follows from it.
//
// Pure but for where state lives by default.  Errors: kInvalid, naming the flag.
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"
#include "base/json.h"
#include "base/result.h"

namespace minik::daemon {

// As typed; empty means the default.
struct UpOptions {
  std::string name = "default";
  std::string state_dir;
  std::string kubeconfig;
  std::string pod_cidr = "10.244.0.0/16";
  std::string service_cidr = "10.96.0.0/12";
  std::string node_cidr = "172.30.0.0/24";
  std::string cluster_domain = "cluster.local";
  std::string egress = "none";  // none, host
  int api_port = 6443;          // 0: a free one.
  bool foreground = false;
  bool verbose = false;
};

// A cluster as it is run.
struct Cluster {
  std::string name, context;       // default, minik; or lab, minik-lab
  std::string state_dir, run_dir;  // /var/lib/minik/default, /run/minik/default
  std::string kubeconfig;          // File to merge the context into.
  std::string domain;
  std::string node_name;  // node-1
  std::vector<Cidr> pod_cidrs, service_cidrs;
  std::vector<Ip> host_ips, node_ips;  // Ends of the link between host and node.
  std::vector<Cidr> node_cidrs;
  bool egress = false;
  int api_port = 6443;
  bool verbose = false;

  Ip kubernetes_ip() const { return service_cidrs[0].at(1); }
  Ip dns_ip() const { return service_cidrs[0].at(10); }
  std::string node_netns_name() const;
  Json to_json() const;  // RUN/cluster.json: for `down` and a second `up`.
};

inline constexpr const char* kVersion = "0.1.0";
inline constexpr int kNodeApiPort = 6443;  // In the node, for pods.

Result<Cluster> cluster_of(const UpOptions& options);
// Where a cluster's runtime files are; also what exists of it when nobody knows its options any more.
std::string run_dir_of(const std::string& name);
std::string context_of(const std::string& name);
std::string default_kubeconfig();
std::string default_state_dir(const std::string& name);

}  // namespace minik::daemon
