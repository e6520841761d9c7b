#include "runtime/container_maker.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runtime/passwd.h"
#include "runtime/pod_files.h"
#include "runtime/process.h"
#include "runtime/rootfs.h"

namespace minik::runtime {
namespace {

constexpr const char* kStandinServer = "/.minik/httpd";
constexpr int kOldLogs = 4;  // As the shim rotates.
constexpr std::size_t kTerminationMessageMax = 4096;

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::vector<std::string> own_capabilities() {
  const auto status = read_file("/proc/self/status");
  for (const auto& line : split(status.ok() ? *status : "", '\n')) {
    if (starts_with(line, "CapBnd:")) return capability_names(trim(std::string_view(line).substr(7)));
  }
  return {};
}

bool kernel_has_mqueue() {
  const auto systems = read_file("/proc/filesystems");
  return systems.ok() && systems->find("mqueue") != std::string::npos;
}

CreateOutcome failure(CreateOutcome::Kind kind, std::string reason, std::string message) {
  CreateOutcome outcome;
  outcome.kind = kind;
  outcome.reason = std::move(reason);
  outcome.message = std::move(message);
  return outcome;
}

void set_default(Env& env, const std::string& name, const std::string& value) {
  const auto has = [&](const auto& entry) { return entry.first == name; };
  if (std::none_of(env.begin(), env.end(), has)) env.emplace_back(name, value);
}

User user_of(const api::Container& container, const std::string& rootfs) {
  User user;
  user.uid = static_cast<std::uint32_t>(container.run_as_user.value_or(0));
  user = find_user(read_inside(rootfs, "etc/passwd"), user.uid).value_or(user);
  if (container.run_as_group) user.gid = static_cast<std::uint32_t>(*container.run_as_group);
  return user;
}

}  // namespace

const api::Container& container_at(const api::Pod& pod, std::size_t index) {
  const std::size_t inits = pod.init_containers.size();
  return index < inits ? pod.init_containers[index] : pod.containers[index - inits];
}

PodPlace pod_place(const api::Object& object, const RuntimeConfig& config) {
  const auto& pod = object.view<api::Pod>();
  PodPlace place{{}, config.node_ip, config.node_name};
  for (const auto& ip : pod.ips) place.pod_ips.push_back(ip.text());
  if (place.pod_ips.empty() && pod.ip) place.pod_ips.push_back(pod.ip->text());
  if (pod.host_network) place.pod_ips = {config.node_ip};
  return place;
}

ContainerMaker::ContainerMaker(RuntimeConfig config, ImageStore& store)
    : config_(std::move(config)),
      paths_(config_),
      store_(store),
      host_(paths_),
      volumes_(config_),
      crun_(find_program({"crun"})),
      capabilities_(own_capabilities()),
      message_queues_(kernel_has_mqueue()) {}

Result<ShimClient> ContainerMaker::shim(const std::string& uid) const {
  return ShimClient::connect_or_start(paths_.run_pod(uid), config_.shim, crun_, paths_.crun_root());
}

// The files are rewritten in place: running containers hold them by bind mounts.
Result<std::vector<BindMount>> ContainerMaker::pod_files(const api::Object& pod,
                                                         std::string& dns_warning) const {
  const PodPlace place = pod_place(pod, config_);
  const std::string home = paths_.state_pod(pod.uid());
  const bool host_network = pod.view<api::Pod>().host_network;
  const auto node_hosts = read_file("/etc/hosts");
  const std::string hosts =
      hosts_file(pod, place.pod_ips, config_.cluster_domain, node_hosts.ok() ? *node_hosts : "");
  const DnsSetting dns{config_.dns_ip, config_.cluster_domain, read_node_resolv_conf()};
  const ResolvConf conf = resolv_conf(pod, dns, dns_warning);
  TRY(make_dirs(home));
  TRY(rewrite_file(home + "/hosts", hosts));
  TRY(rewrite_file(home + "/hostname", (host_network ? config_.node_name : api::pod_hostname(pod)) + "\n"));
  TRY(rewrite_file(home + "/resolv.conf", conf.text()));
  return std::vector<BindMount>{{home + "/hosts", "/etc/hosts", false},
                                {home + "/hostname", "/etc/hostname", false},
                                {home + "/resolv.conf", "/etc/resolv.conf", false}};
}

Result<std::string> ContainerMaker::prepare_log(const CreateWish& wish, const std::string& container) const {
  const std::string directory =
      paths_.logs(wish.pod->ns(), wish.pod->name(), wish.pod->uid()) + "/" + container;
  TRY(make_dirs(directory));
  // The log of this run and of the one before stay.
  if (wish.restarts >= 2) {
    const std::string old = directory + "/" + std::to_string(wish.restarts - 2) + ".log";
    TRY(remove_tree(old));
    for (int i = 1; i <= kOldLogs; ++i) TRY(remove_tree(old + "." + std::to_string(i)));
  }
  return directory + "/" + std::to_string(wish.restarts) + ".log";
}

CreateOutcome ContainerMaker::create(const CreateWish& wish) {
  using Kind = CreateOutcome::Kind;
  const auto& container = container_at(wish.pod->view<api::Pod>(), wish.container);
  auto volumes = volumes_.make(*wish.pod, container, *wish.objects, pod_place(*wish.pod, config_));
  if (!volumes.ok()) return failure(Kind::kMount, "", volumes.error().message());
  const ResolvedImage image = resolve_image(container.image, container.image_pull_policy, store_, host_);
  if (!image.ok()) return failure(Kind::kImage, image.reason, image.message);
  std::vector<std::string> skipped;
  auto env = container_env(*wish.pod, container, *wish.objects, pod_place(*wish.pod, config_), image.defaults,
                           skipped);
  CreateOutcome outcome = env.ok()
                              ? create_in(wish, container, image, *std::move(env), std::move(volumes->binds))
                              : failure(Kind::kConfig, "CreateContainerConfigError", env.error().message());
  outcome.image_id = image.image_id;
  outcome.pulled_text = image.pulled_text;
  outcome.skipped_env = std::move(skipped);
  outcome.refresh_in = volumes->refresh_in;
  return outcome;
}

ContainerSpec ContainerMaker::container_spec(const CreateWish& wish, const api::Container& container,
                                             const ResolvedImage& image, Env env) const {
  const std::string& uid = wish.pod->uid();
  ContainerSpec spec;
  spec.rootfs = paths_.rootfs(wish.cid);
  const User user = user_of(container, spec.rootfs);
  set_default(env, "HOME", user.home);
  spec.argv = container_argv(container, image.defaults, env);
  spec.env = std::move(env);
  spec.working_dir = container.working_dir.empty() ? image.defaults.working_dir : container.working_dir;
  spec.uid = user.uid;
  spec.gid = user.gid;
  const auto& pod = wish.pod->view<api::Pod>();
  spec.groups = pod.supplemental_groups;
  if (pod.fs_group) spec.groups.push_back(*pod.fs_group);
  spec.tty = container.tty;
  spec.privileged = container.privileged;
  spec.read_only_root = container.read_only_root;
  spec.no_new_privileges = image.host && !container.privileged;
  spec.net_path =
      wish.pod->view<api::Pod>().host_network ? config_.node_netns : paths_.namespace_file(uid, "net");
  spec.ipc_path = paths_.namespace_file(uid, "ipc");
  spec.uts_path = paths_.namespace_file(uid, "uts");
  spec.shm_dir = paths_.shm(uid);
  spec.message_queues = message_queues_;
  spec.all_capabilities = capabilities_;
  return spec;
}

CreateOutcome ContainerMaker::create_in(const CreateWish& wish, const api::Container& container,
                                        const ResolvedImage& image, Env env, std::vector<BindMount> volumes) {
  using Kind = CreateOutcome::Kind;
  const std::string bundle = paths_.bundle(wish.cid);
  CreateOutcome outcome;
  const auto prepare = [&]() -> Result<std::string> {
    auto binds = TRY(pod_files(*wish.pod, outcome.dns_warning));
    TRY(mount_rootfs(paths_, wish.cid, image.lower));
    TRY(write_file(bundle + "/termination-log", "", 0666));
    binds.push_back({bundle + "/termination-log", container.termination_message_path, false});
    const std::string server = directory_of(config_.shim) + "/minik-standin-httpd";
    if (image.host && path_exists(server)) binds.push_back({server, kStandinServer, true});
    ContainerSpec spec = container_spec(wish, container, image, std::move(env));
    if (spec.argv.empty()) return Error(Code::kInvalid, "no command specified");
    binds.insert(binds.end(), volumes.begin(), volumes.end());
    spec.binds = std::move(binds);
    TRY(write_file(bundle + "/config.json", to_text(oci_config(spec)), 0600));
    return prepare_log(wish, container.name);
  };
  auto log = prepare();
  if (!log.ok()) return failure(Kind::kFailed, "CreateContainerError", log.error().message());
  auto client = shim(wish.pod->uid());
  if (!client.ok()) return failure(Kind::kFailed, "CreateContainerError", client.error().message());
  auto created =
      client->create(wish.cid, bundle, *log, {container.stdin_open, container.stdin_once, container.tty});
  if (!created.ok() && created.error().code() != Code::kInternal) {
    return failure(Kind::kFailed, "CreateContainerError", created.error().message());
  }
  if (!created.ok()) {
    return failure(Kind::kNoStart, "RunContainerError",
                   "OCI runtime create failed: " + created.error().message());
  }
  outcome.pid = created->pid;
  outcome.start_ticks = created->start_ticks;
  return outcome;
}

Result<shim::Entry> ContainerMaker::start(const std::string& uid, const std::string& cid) const {
  ShimClient client = TRY(ShimClient::connect(paths_.run_pod(uid)));
  return client.start(cid);
}

Result<> ContainerMaker::remove(const std::string& uid, const std::string& cid) const {
  auto client = ShimClient::connect(paths_.run_pod(uid));
  if (client.ok()) {
    // A shim that dies meanwhile leaves the process to us.
    if (auto removed = client->remove(cid); !removed.ok() && removed.error().code() == Code::kInternal) {
      return removed;
    }
  }
  if (const auto run = read_file(paths_.bundle(cid) + "/run"); run.ok()) {
    const auto words = split_words(trim(*run));
    if (words.size() == 2) {
      kill_and_wait(static_cast<int>(parse_int(words[0]).value_or(0)),
                    static_cast<std::uint64_t>(parse_int(words[1]).value_or(0)));
    }
  }
  return remove_rootfs(paths_, cid);
}

Result<std::optional<std::chrono::seconds>> ContainerMaker::refresh_volumes(
    const api::Object& pod, const api::Snapshot& objects) const {
  return volumes_.refresh(pod, objects, pod_place(pod, config_));
}

std::string ContainerMaker::termination_message(const std::string& cid) const {
  auto text = read_file(paths_.bundle(cid) + "/termination-log");
  return text.ok() ? text->substr(0, kTerminationMessageMax) : "";
}

}  // namespace minik::runtime
