#include "daemon/options.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/text.h"
#include "netd/plan/node_config.h"

namespace minik::daemon {
namespace {

Result<std::vector<Cidr>> ranges_of(const std::string& flag, const std::string& text, int longest_v4) {
  std::vector<Cidr> ranges;
  for (const auto& part : split(text, ',')) {
    auto range = Cidr::parse(trim(part));
    if (!range.ok()) return std::move(range).error().wrap(flag);
    const int longest = range->family() == Family::kV4 ? longest_v4 : longest_v4 + 96;
    if (range->prefix() > longest)
      return Error(Code::kInvalid,
                   fmt::format("{}: {} is too small: at most /{}", flag, range->text(), longest));
    for (const Cidr& other : ranges) {
      if (other.family() == range->family())
        return Error(Code::kInvalid, fmt::format("{}: at most one range of each family", flag));
    }
    ranges.push_back(*range);
  }
  return ranges;
}

Result<> check_overlap(const std::vector<std::pair<const char*, const std::vector<Cidr>*>>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      for (const Cidr& a : *all[i].second) {
        for (const Cidr& b : *all[j].second) {
          if (a.overlaps(b))
            return Error(Code::kInvalid,
                         fmt::format("{} {} overlaps {} {}", all[i].first, a.text(), all[j].first, b.text()));
        }
      }
    }
  }
  return {};
}

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Json texts(const std::vector<Cidr>& ranges) {
  Json out = Json::array();
  for (const Cidr& range : ranges) out.push_back(range.text());
  return out;
}

}  // namespace

std::string run_dir_of(const std::string& name) { return "/run/minik/" + name; }
std::string context_of(const std::string& name) { return name == "default" ? "minik" : "minik-" + name; }

std::string default_kubeconfig() {
  const std::string first = split(env("KUBECONFIG"), ':')[0];
  if (!first.empty()) return first;
  const std::string home = env("HOME");
  return (home.empty() ? "/root" : home) + "/.kube/config";
}

std::string default_state_dir(const std::string& name) { return "/var/lib/minik/" + name; }

std::string Cluster::node_netns_name() const { return netd::node_netns_name(name, node_name); }

Json Cluster::to_json() const {
  return {{"name", name},
          {"stateDir", state_dir},
          {"kubeconfig", kubeconfig},
          {"domain", domain},
          {"node", node_name},
          {"podCIDRs", texts(pod_cidrs)},
          {"serviceCIDRs", texts(service_cidrs)},
          {"nodeCIDRs", texts(node_cidrs)},
          {"egress", egress},
          {"apiPort", api_port}};
}

Result<Cluster> cluster_of(const UpOptions& options) {
  constexpr std::size_t kNameMax = 20;  // It stands in names of links and namespaces.
  if (const std::string error = dns1123_label_error(options.name);
      !error.empty() || options.name.size() > kNameMax) {
    return Error(Code::kInvalid, fmt::format("--name: '{}' must be a DNS label of at most {} characters",
                                             options.name, kNameMax));
  }
  if (const std::string error = dns1123_subdomain_error(options.cluster_domain); !error.empty()) {
    return Error(Code::kInvalid, fmt::format("--cluster-domain: '{}': {}", options.cluster_domain, error));
  }
  if (options.egress != "none" && options.egress != "host") {
    return Error(Code::kInvalid, fmt::format("--egress: '{}' must be none or host", options.egress));
  }
  if (options.api_port < 0 || options.api_port > 65535)
    return Error(Code::kInvalid, "--api-port: must be between 0 and 65535");
  Cluster cluster;
  cluster.name = options.name;
  cluster.context = context_of(options.name);
  cluster.state_dir = options.state_dir.empty() ? default_state_dir(options.name) : options.state_dir;
  if (cluster.state_dir[0] != '/') return Error(Code::kInvalid, "--state-dir: must be an absolute path");
  cluster.run_dir = run_dir_of(options.name);
  cluster.kubeconfig = options.kubeconfig.empty() ? default_kubeconfig() : options.kubeconfig;
  cluster.domain = options.cluster_domain;
  cluster.node_name = "node-1";
  cluster.pod_cidrs = TRY(ranges_of("--pod-cidr", options.pod_cidr, 24));
  cluster.service_cidrs = TRY(ranges_of("--service-cidr", options.service_cidr, 26));
  cluster.node_cidrs = TRY(ranges_of("--node-cidr", options.node_cidr, 29));
  if (cluster.pod_cidrs.size() != cluster.service_cidrs.size() ||
      cluster.pod_cidrs.size() != cluster.node_cidrs.size()) {
    return Error(Code::kInvalid,
                 "--pod-cidr, --service-cidr and --node-cidr: must hold the same address families");
  }
  TRY(check_overlap({{"--pod-cidr", &cluster.pod_cidrs},
                     {"--service-cidr", &cluster.service_cidrs},
                     {"--node-cidr", &cluster.node_cidrs}}));
  for (const Cidr& range : cluster.node_cidrs) {
    cluster.host_ips.push_back(range.at(1));
    cluster.node_ips.push_back(range.at(2));
  }
  cluster.egress = options.egress == "host";
  cluster.api_port = options.api_port;
  cluster.verbose = options.verbose;
  return cluster;
}

}  // namespace minik::daemon
