#include "daemon/daemon.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>

#include "apiserver/http_server.h"
#include "apiserver/kubeconfig.h"
#include "base/files.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/netns.h"
#include "base/text.h"
#include "controllers/custom_kinds.h"
#include "controllers/daemon_sets.h"
#include "controllers/deployments.h"
#include "controllers/disruption_budgets.h"
#include "controllers/endpoints.h"
#include "controllers/garbage.h"
#include "controllers/jobs.h"
#include "controllers/namespaces.h"
#include "controllers/node_leases.h"
#include "controllers/placement_witness.h"
#include "controllers/pod_status.h"
#include "controllers/rbac.h"
#include "controllers/replica_sets.h"
#include "controllers/service_accounts.h"
#include "controllers/stateful_sets.h"
#include "controllers/system.h"
#include "daemon/loop.h"
#include "daemon/minik_routes.h"
#include "daemon/pod_backend.h"
#include "netd/kernel/netlink_kernel.h"
#include "netd/kernel/netns.h"
#include "runtime/process_runtime.h"
#include "runtime/runtime_version.h"

namespace minik::daemon {
namespace {

constexpr Millis kStartLimit{30'000};  // Until the cluster's own pods and names are there.
constexpr Millis kSettleLimit{250};    // How long an answered Service write waits for DNS and rules.

std::string first_line(const std::string& path) {
  const auto text = read_file(path);
  return text.ok() ? std::string(trim(split(*text, '\n')[0])) : "";
}

std::string os_image() {
  const auto text = read_file("/etc/os-release");
  if (!text.ok()) return "Linux";
  for (const auto& line : split(*text, '\n')) {
    constexpr std::string_view kKey = "PRETTY_NAME=";
    if (line.starts_with(kKey)) return replace_all(line.substr(kKey.size()), "\"", "");
  }
  return "Linux";
}

controllers::SystemConfig system_config(const Cluster& cluster) {
  controllers::SystemConfig config;
  config.node_name = cluster.node_name;
  config.node_addresses = cluster.node_ips;
  config.pod_cidrs = cluster.pod_cidrs;
  config.service_cidrs = cluster.service_cidrs;
  config.api_port = kNodeApiPort;
  config.kubernetes_ip = cluster.kubernetes_ip();
  config.dns_ip = cluster.dns_ip();
  config.version = fmt::format("v1.31.0+minik-{}", kVersion);
  config.os_image = os_image();
  utsname host{};
  ::uname(&host);
  config.kernel = host.release;
  config.runtime_version = runtime::container_runtime_version();
  config.machine_id = first_line("/etc/machine-id");
  config.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  config.cpus = static_cast<int>(std::thread::hardware_concurrency());
  struct sysinfo memory {};
  ::sysinfo(&memory);
  config.memory_bytes = std::uint64_t{memory.totalram} * memory.mem_unit;
  config.pods = kPodsPerNodeMax;
  return config;
}

netd::NodeConfig node_config(const Cluster& cluster) {
  netd::NodeConfig config;
  config.cluster = cluster.name;
  config.node = cluster.node_name;
  config.host_ips = cluster.host_ips;
  config.node_ips = cluster.node_ips;
  config.pod_cidrs = cluster.pod_cidrs;
  config.service_cidrs = cluster.service_cidrs;
  config.routed.push_back({cluster.dns_ip(), "kube-system", "kube-dns"});
  config.egress = cluster.egress;
  return config;
}

std::vector<std::unique_ptr<controllers::Controller>> make_controllers(const Cluster& cluster,
                                                                       controllers::AccountConfig accounts) {
  std::vector<std::unique_ptr<controllers::Controller>> all;
  all.push_back(std::make_unique<controllers::SystemController>(system_config(cluster)));
  all.push_back(std::make_unique<controllers::NamespaceController>());
  all.push_back(std::make_unique<controllers::RbacController>());
  all.push_back(std::make_unique<controllers::ServiceAccountController>(std::move(accounts)));
  all.push_back(std::make_unique<controllers::PodStatusController>());
  all.push_back(std::make_unique<controllers::DeploymentController>());
  all.push_back(std::make_unique<controllers::ReplicaSetController>());
  all.push_back(controllers::ReplicaSetController::of_replication_controllers());
  all.push_back(std::make_unique<controllers::DaemonSetController>());
  all.push_back(std::make_unique<controllers::StatefulSetController>());
  all.push_back(std::make_unique<controllers::JobController>());
  all.push_back(std::make_unique<controllers::DisruptionController>());
  all.push_back(std::make_unique<controllers::PlacementWitness>());
  all.push_back(std::make_unique<controllers::NodeLeaseController>(cluster.node_name));
  all.push_back(std::make_unique<controllers::EndpointsController>());
  all.push_back(std::make_unique<controllers::CustomKindsController>());
  all.push_back(std::make_unique<controllers::GarbageController>());
  return all;
}

controllers::AccountConfig account_config(const apiserver::Pki& pki,
                                          std::shared_ptr<const apiserver::TokenIssuer> tokens) {
  return {pki.ca_cert, [tokens](const api::Object& account, const std::string& secret) {
            auto token = tokens->legacy_token(account, secret);
            if (!token.ok()) log_error("daemon", "{}", token.error().message());
            return token.ok() ? *std::move(token) : std::string();
          }};
}

// The runtime asks for its pods' tokens here.
runtime::TokenSource token_source(const apiserver::Store& store, const Clock& clock,
                                  std::shared_ptr<const apiserver::TokenIssuer> tokens) {
  return [&store, &clock, tokens](const runtime::TokenWish& wish) -> Result<std::string> {
    apiserver::TokenIssuer::Wish asked{wish.ns, wish.account, {}, wish.seconds, {"Pod", wish.pod, wish.uid}};
    if (!wish.audience.empty()) asked.audiences = {wish.audience};
    return TRY(tokens->issue(*store.snapshot(), asked, clock.now())).token;
  };
}

Result<UniqueFd> listen_in_node(const Cluster& cluster) {
  UniqueFd listener;
  TRY(in_netns(netd::netns_path(cluster.node_netns_name()), [&]() -> Result<> {
    listener = TRY(apiserver::listen_on(cluster.node_ips[0].text(), kNodeApiPort));
    return {};
  }));
  return listener;
}

runtime::RuntimeConfig runtime_config(const Cluster& cluster, runtime::TokenSource tokens) {
  runtime::RuntimeConfig config;
  config.tokens = std::move(tokens);
  config.cluster = cluster.name;
  config.run_dir = cluster.run_dir;
  config.state_dir = cluster.state_dir;
  config.node_name = cluster.node_name;
  config.node_ip = cluster.node_ips[0].text();
  config.node_netns = netd::netns_path(cluster.node_netns_name());
  config.cluster_domain = cluster.domain;
  config.dns_ip = cluster.dns_ip().text();
  config.shim = program_beside("minik-shim");
  config.version = "1.31";
  return config;
}

// Waits until the cluster's own names are served.
Result<> wait_until_ready(const apiserver::Store& store, const Loop& loop,
                          const std::function<bool()>& dns_up) {
  const auto limit = std::chrono::steady_clock::now() + kStartLimit;
  while (std::chrono::steady_clock::now() < limit) {
    if (dns_up() && store.snapshot()->find("services", "default", "kubernetes") != nullptr) return {};
    std::this_thread::sleep_for(Millis(2));
  }
  const std::string trouble = loop.trouble();
  return Error(Code::kTimeout,
               "the cluster did not get ready: " + (trouble.empty() ? "the DNS pod is not up" : trouble));
}

void wait_for_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int got = 0;
  sigwait(&signals, &got);
  log_info("daemon", "signal {}: stopping; pods stay", got);
}

// Every connection, watch and container holds files; the usual soft limit is for one small program.
void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0)
    log_warn("daemon", "cannot raise the limit of open files: {}", std::strerror(errno));
}

}  // namespace

Result<> run_daemon(const Cluster& cluster, const std::function<void(int)>& ready) {
  raise_file_limit();
  TRY(make_dirs(cluster.state_dir, 0711));
  const SystemClock clock;
  const auto store =
      TRY(apiserver::Store::open(TRY(apiserver::open_sqlite_journal(cluster.state_dir + "/store.db"))));
  apiserver::Registry registry(*store, clock, {cluster.service_cidrs});
  const apiserver::Pki pki = TRY(apiserver::ensure_pki(
      cluster.state_dir + "/pki", {"127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
                                   "kubernetes.default.svc", "kubernetes.default.svc." + cluster.domain,
                                   cluster.kubernetes_ip().text(), cluster.node_ips[0].text()}));
  const auto tokens = std::make_shared<const apiserver::TokenIssuer>(
      TRY(apiserver::ensure_signing_key(cluster.state_dir + "/pki/sa.key")),
      "https://kubernetes.default.svc." + cluster.domain);
  UniqueFd listener = TRY(apiserver::listen_on("127.0.0.1", cluster.api_port));
  const int port = TRY(apiserver::port_of(listener.get()));
  const auto kernel = TRY(netd::NetlinkKernel::open(cluster.node_netns_name()));
  Published<dns::Zone> zone;
  Loop* loop_address = nullptr;
  const auto runtime = TRY(runtime::ProcessRuntime::start(
      runtime_config(cluster, token_source(*store, clock, tokens)),
      [&loop_address](api::PodFact fact) { loop_address->post(std::move(fact)); },
      [&loop_address](runtime::PodEvent event) { loop_address->post(std::move(event)); }));
  dns::ZoneConfig zone_config{cluster.domain, cluster.dns_ip(), cluster.service_cidrs, cluster.pod_cidrs};
  Loop loop({*store, registry, clock, *kernel, *runtime,
             make_controllers(cluster, account_config(pki, tokens)),
             std::make_unique<cni::AddressController>(
                 cni::AddressConfig{cluster.node_name, cluster.node_ips, cluster.pod_cidrs}),
             std::make_unique<cni::Wiring>(node_config(cluster)),
             std::make_unique<proxy::Compiler>(node_config(cluster)),
             TRY(dns::ZoneBuilder::make(zone_config)), zone, cluster.node_name});
  loop_address = &loop;
  TRY(runtime->adopt());
  store->on_change([&loop](const std::vector<std::string>& resources) { loop.wake(resources); });
  std::thread loop_thread([&loop] { loop.run(); });

  RuntimeBackend backend(*runtime, netd::netns_path(cluster.node_netns_name()));
  MinikRoutes routes(cluster, *store, loop, *runtime);
  apiserver::Handler handler({*store, registry, clock, backend, kVersion, [&loop] { return loop.trouble(); },
                              [&routes](const apiserver::Request& request) { return routes.handle(request); },
                              [&loop](std::uint64_t revision) { loop.wait_applied(revision, kSettleLimit); },
                              tokens});
  const auto server = TRY(apiserver::HttpServer::make(handler, pki));
  Result<> result = wait_until_ready(*store, loop, [&loop] { return loop.dns_serves(); });
  if (result.ok()) result = server->serve(std::move(listener));
  if (result.ok()) {
    auto inner = listen_in_node(cluster);
    result = inner.ok() ? server->serve(*std::move(inner)) : std::move(inner).error();
  }
  if (result.ok()) {
    const Json config =
        apiserver::kubeconfig_json(cluster.context, fmt::format("https://127.0.0.1:{}", port), pki);
    result = apiserver::merge_kubeconfig(cluster.kubeconfig, cluster.context, config);
  }
  if (result.ok()) {
    log_info("daemon", "cluster {} is ready on port {}", cluster.name, port);
    ready(port);
    wait_for_signal();
  }
  store->stop_watches();
  server->stop();
  loop.stop();
  loop_thread.join();
  return result;
}

}  // namespace minik::daemon
