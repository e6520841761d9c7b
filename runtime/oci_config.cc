#include "runtime/oci_config.h"

#include <algorithm>
#include <charconv>

#include "runtime/seccomp_filter.h"

namespace minik::runtime {
namespace {

const std::vector<std::string>& default_capabilities() {
  static const std::vector<std::string> names{
      "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
      "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
      "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
      "CAP_KILL",    "CAP_AUDIT_WRITE"};
  return names;
}

constexpr const char* kCapabilities[] = {"CHOWN",
                                         "DAC_OVERRIDE",
                                         "DAC_READ_SEARCH",
                                         "FOWNER",
                                         "FSETID",
                                         "KILL",
                                         "SETGID",
                                         "SETUID",
                                         "SETPCAP",
                                         "LINUX_IMMUTABLE",
                                         "NET_BIND_SERVICE",
                                         "NET_BROADCAST",
                                         "NET_ADMIN",
                                         "NET_RAW",
                                         "IPC_LOCK",
                                         "IPC_OWNER",
                                         "SYS_MODULE",
                                         "SYS_RAWIO",
                                         "SYS_CHROOT",
                                         "SYS_PTRACE",
                                         "SYS_PACCT",
                                         "SYS_ADMIN",
                                         "SYS_BOOT",
                                         "SYS_NICE",
                                         "SYS_RESOURCE",
                                         "SYS_TIME",
                                         "SYS_TTY_CONFIG",
                                         "MKNOD",
                                         "LEASE",
                                         "AUDIT_WRITE",
                                         "AUDIT_CONTROL",
                                         "SETFCAP",
                                         "MAC_OVERRIDE",
                                         "MAC_ADMIN",
                                         "SYSLOG",
                                         "WAKE_ALARM",
                                         "BLOCK_SUSPEND",
                                         "AUDIT_READ",
                                         "PERFMON",
                                         "BPF",
                                         "CHECKPOINT_RESTORE"};

Json process_json(const ContainerSpec& spec) {
  Json env = Json::array();
  for (const auto& [name, value] : spec.env) env.push_back(name + "=" + value);
  const auto& capabilities = spec.privileged ? spec.all_capabilities : default_capabilities();
  Json sets{{"bounding", capabilities}, {"permitted", capabilities}, {"effective", capabilities}};
  Json user{{"uid", spec.uid}, {"gid", spec.gid}};
  if (!spec.groups.empty()) user["additionalGids"] = spec.groups;
  return {{"terminal", spec.tty},
          {"user", std::move(user)},
          {"args", spec.argv},
          {"env", std::move(env)},
          {"cwd", spec.working_dir.empty() ? "/" : spec.working_dir},
          {"capabilities", std::move(sets)},
          {"noNewPrivileges", spec.no_new_privileges}};
}

Json mount(const char* target, const char* type, std::vector<std::string> options) {
  return {{"destination", target}, {"type", type}, {"source", type}, {"options", std::move(options)}};
}

Json bind(const BindMount& bind_mount) {
  return {{"destination", bind_mount.target},
          {"type", "bind"},
          {"source", bind_mount.source},
          {"options", {"rbind", "rprivate", bind_mount.read_only ? "ro" : "rw"}}};
}

Json mounts_json(const ContainerSpec& spec) {
  Json mounts = Json::array();
  mounts.push_back(mount("/proc", "proc", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(mount("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  mounts.push_back(mount("/dev/pts", "devpts",
                         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  if (!spec.shm_dir.empty()) {
    Json shm = bind({spec.shm_dir, "/dev/shm", false});
    shm["options"] = {"bind", "rprivate", "rw", "nosuid", "nodev", "noexec"};
    mounts.push_back(std::move(shm));
  }
  if (spec.message_queues) mounts.push_back(mount("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", spec.privileged ? "rw" : "ro"}));
  for (const auto& entry : spec.binds) mounts.push_back(bind(entry));
  return mounts;
}

Json namespaces_json(const ContainerSpec& spec) {
  Json namespaces = Json::array({{{"type", "mount"}}, {{"type", "pid"}}});
  const auto join = [&](const char* type, const std::string& path) {
    if (!path.empty()) namespaces.push_back({{"type", type}, {"path", path}});
  };
  join("network", spec.net_path);
  join("ipc", spec.ipc_path);
  join("uts", spec.uts_path);
  return namespaces;
}

}  // namespace

Json oci_config(const ContainerSpec& spec) {
  Json linux_part{{"namespaces", namespaces_json(spec)}};
  Json config{{"ociVersion", "1.0.2"},
              {"process", process_json(spec)},
              {"root", {{"path", spec.rootfs}, {"readonly", spec.read_only_root}}},
              {"mounts", mounts_json(spec)}};
  if (!spec.privileged) {
    linux_part["maskedPaths"] = {"/proc/acpi",        "/proc/kcore",
                                 "/proc/keys",        "/proc/latency_stats",
                                 "/proc/timer_list",  "/proc/timer_stats",
                                 "/proc/sched_debug", "/proc/scsi",
                                 "/sys/firmware",     "/sys/devices/virtual/powercap"};
    linux_part["readonlyPaths"] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    config["annotations"] = {{"run.oci.seccomp_bpf_data", deny_filter_base64()}};
  }
  config["linux"] = std::move(linux_part);
  return config;
}

Json exec_process(const Json& config, const std::vector<std::string>& argv, bool tty) {
  Json process = object_at(config, "process");
  process["args"] = argv;
  process["terminal"] = tty;
  const auto& env = array_at(process, "env");
  const auto is_term = [](const Json& entry) { return entry.get<std::string>().starts_with("TERM="); };
  if (tty && std::none_of(env.begin(), env.end(), is_term)) process["env"].push_back("TERM=xterm");
  return process;
}

std::vector<std::string> capability_names(std::string_view hex) {
  std::uint64_t bits = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size(kCapabilities); ++i) {
    if ((bits >> i & 1) != 0) names.push_back(std::string("CAP_") + kCapabilities[i]);
  }
  return names;
}

}  // namespace minik::runtime
