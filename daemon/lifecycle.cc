#include "daemon/lifecycle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "apiserver/kubeconfig.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "daemon/daemon.h"
#include "netd/kernel/host.h"
#include "netd/kernel/netns.h"
#include "runtime/leftovers.h"

namespace minik::daemon {
namespace {

constexpr Millis kStopLimit{10'000};  // Then the daemon is killed.

int fail(const Error& error) {
  std::fprintf(stderr, "minik: %s\n", error.message().c_str());
  return 1;
}

std::string lock_path(const std::string& name) { return run_dir_of(name) + "/lock"; }
std::string pid_path(const std::string& name) { return run_dir_of(name) + "/pid"; }
std::string record_path(const std::string& name) { return run_dir_of(name) + "/cluster.json"; }

// Held by the daemon for as long as it lives.  Not ok: kAlreadyExists when a daemon runs.
Result<UniqueFd> take_lock(const std::string& name) {
  UniqueFd fd(::open(lock_path(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return Error::from_errno(errno, lock_path(name));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return Error(Code::kAlreadyExists, fmt::format("cluster {} is running already", name));
  return fd;
}

// What the kernel lets this process do, as a bit set (capabilities(7)).
std::uint64_t effective_capabilities() {
  const auto status = read_file("/proc/self/status");
  constexpr std::string_view kKey = "CapEff:";
  for (const auto& line : split(status.ok() ? *status : "", '\n')) {
    if (line.starts_with(kKey)) return std::strtoull(line.c_str() + kKey.size(), nullptr, 16);
  }
  return 0;
}

Result<> check_rights() {
  constexpr std::uint64_t kNetAdmin = 1ULL << 12, kSysAdmin = 1ULL << 21;
  if (::geteuid() != 0) {
    return Error(Code::kForbidden,
                 "up needs root (it makes network namespaces, links and mounts): run it with sudo");
  }
  if ((effective_capabilities() & (kNetAdmin | kSysAdmin)) != (kNetAdmin | kSysAdmin)) {
    return Error(Code::kForbidden,
                 "up needs the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN, which this root does not have");
  }
  return {};
}

Result<> check_host(const Cluster& cluster) {
  std::vector<netd::NamedRange> ranges;
  for (const Cidr& range : cluster.pod_cidrs) ranges.push_back({range, "--pod-cidr"});
  for (const Cidr& range : cluster.service_cidrs) ranges.push_back({range, "--service-cidr"});
  for (const Cidr& range : cluster.node_cidrs) ranges.push_back({range, "--node-cidr"});
  TRY(netd::check_ranges(cluster.name, ranges));
  return netd::probe_features();
}

std::string state_record(const Cluster& cluster) { return cluster.state_dir + "/cluster.json"; }

// Kept state holds addresses of the ranges it was made with.
Result<> check_state(const Cluster& cluster) {
  const auto text = read_file(state_record(cluster));
  if (!text.ok()) return {};
  const auto before = parse_json(*text);
  if (!before.ok()) return {};
  const Json now = cluster.to_json();
  for (const auto& [member, flag] :
       {std::pair{"podCIDRs", "--pod-cidr"}, std::pair{"serviceCIDRs", "--service-cidr"},
        std::pair{"nodeCIDRs", "--node-cidr"}}) {
    if (before->value(member, Json()) == now.at(member)) continue;
    std::vector<std::string> ranges;
    for (const Json& range : array_at(*before, member)) ranges.push_back(range.get<std::string>());
    return Error(Code::kInvalid,
                 fmt::format("the state in {} was made with {} {}; use that, or `minik down` to start anew",
                             cluster.state_dir, flag, join(ranges, ",")));
  }
  return {};
}

void redirect(const std::string& log) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(file.valid() ? file.get() : null.get(), STDOUT_FILENO);
  ::dup2(file.valid() ? file.get() : null.get(), STDERR_FILENO);
}

void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
}

// The daemon's life in the child; the first line into `report` is "ready PORT" or "error TEXT".
[[noreturn]] void live(const Cluster& cluster, UniqueFd report) {
  ::setsid();
  block_signals();
  const auto say = [&](const std::string& line) {
    [[maybe_unused]] const auto written = ::write(report.get(), line.data(), line.size());
    report.reset();
  };
  redirect(cluster.state_dir + "/minik.log");
  log_to("", cluster.verbose ? LogLevel::kDebug : LogLevel::kInfo);
  const Result<> result = run_daemon(cluster, [&](int port) { say(fmt::format("ready {}", port)); });
  if (!result.ok()) {
    log_error("daemon", "{}", result.error().message());
    if (report.valid()) say("error " + result.error().message());
  }
  std::_Exit(result.ok() ? 0 : 1);
}

std::string read_all(int fd) {
  std::string text;
  char chunk[4096];
  for (ssize_t got = 0; (got = ::read(fd, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(got));
  return text;
}

// What was made on the way and is nobody's any more: the shared directory of named namespaces (as ip-netns(8)
// makes it) once it is empty, and the default root that crun makes whatever --root says.
void release_shared_directories() {
  const auto pins = netd::list_netns("");
  if (pins.ok() && pins->empty() && path_exists(netd::kNetnsDir)) {
    ::umount2(netd::kNetnsDir, MNT_DETACH);
    ::rmdir(netd::kNetnsDir);
  }
  ::rmdir("/run/crun");
  ::rmdir("/run/minik");  // Stays while there are other clusters.
}

Result<> take_apart(const std::string& name, const std::string& state_dir) {
  runtime::RuntimeConfig config;
  config.cluster = name;
  config.run_dir = run_dir_of(name);
  config.state_dir = state_dir;
  auto pods = runtime::remove_leftovers(config);
  auto links = netd::remove_all(name);
  auto files = remove_tree(run_dir_of(name));
  release_shared_directories();
  if (!pods.ok()) return pods;
  if (!links.ok()) return links;
  return files;
}

std::string texts(const auto& values) {
  std::vector<std::string> parts;
  for (const auto& value : values) parts.push_back(value.text());
  return join(parts, ", ");
}

void print_ready(const Cluster& cluster, const std::string& port, Millis took) {
  fmt::print("Cluster {} is ready ({:.2f} s).\n", cluster.name, static_cast<double>(took.count()) / 1000);
  fmt::print("  node      {} ({}), namespace {}\n", cluster.node_name, texts(cluster.node_ips),
             cluster.node_netns_name());
  fmt::print("  pods      {}\n  services  {}, DNS {} ({})\n", texts(cluster.pod_cidrs),
             texts(cluster.service_cidrs), cluster.dns_ip().text(), cluster.domain);
  fmt::print("  API       https://127.0.0.1:{}, context {} in {}\n", port, cluster.context,
             cluster.kubeconfig);
  std::fflush(stdout);
}

// Sends TERM and waits; KILL when it does not listen.
void stop_daemon(const std::string& name) {
  const auto text = read_file(pid_path(name));
  const auto pid = text.ok() ? parse_int(trim(*text)) : std::nullopt;
  if (!pid || *pid <= 1) return;
  ::kill(static_cast<pid_t>(*pid), SIGTERM);
  const auto limit = std::chrono::steady_clock::now() + kStopLimit;
  while (take_lock(name).ok() == false) {
    if (std::chrono::steady_clock::now() > limit) {
      ::kill(static_cast<pid_t>(*pid), SIGKILL);
      ::usleep(50'000);
      return;
    }
    ::usleep(2'000);
  }
}

}  // namespace

int up(const UpOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto parsed = cluster_of(options);
  if (!parsed.ok()) {
    fail(parsed.error());
    return 2;
  }
  const Cluster& cluster = *parsed;
  if (auto rights = check_rights(); !rights.ok()) return fail(rights.error());
  const bool run_was_there = path_exists(cluster.run_dir);
  const bool state_was_there = path_exists(cluster.state_dir);
  if (auto made = make_dirs(cluster.run_dir, 0711); !made.ok()) return fail(made.error());
  auto lock = take_lock(cluster.name);
  if (!lock.ok()) {
    if (lock.error().code() != Code::kAlreadyExists) return fail(lock.error());
    fmt::print("Cluster {} is running already.\n", cluster.name);
    return 0;
  }
  const auto give_up = [&](const Error& error) {
    if (!run_was_there) [[maybe_unused]]
      const auto gone = take_apart(cluster.name, cluster.state_dir);
    if (!state_was_there) [[maybe_unused]]
      const auto gone = remove_tree(cluster.state_dir);
    return fail(error);
  };
  if (auto host = check_host(cluster); !host.ok()) return give_up(host.error());
  if (auto state = check_state(cluster); !state.ok()) return give_up(state.error());
  if (auto made = make_dirs(cluster.state_dir, 0711); !made.ok()) return give_up(made.error());
  if (auto kept = write_file(state_record(cluster), to_text(cluster.to_json())); !kept.ok())
    return give_up(kept.error());
  if (auto kept = write_file(record_path(cluster.name), to_text(cluster.to_json())); !kept.ok())
    return give_up(kept.error());
  if (options.foreground) {
    block_signals();
    [[maybe_unused]] const auto kept = write_file(pid_path(cluster.name), std::to_string(::getpid()));
    log_to("", cluster.verbose ? LogLevel::kDebug : LogLevel::kInfo);
    const auto ran = run_daemon(cluster, [&](int port) {
      print_ready(cluster, std::to_string(port),
                  std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start));
    });
    return ran.ok() ? 0 : give_up(ran.error());
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return give_up(Error::from_errno(errno, "pipe"));
  UniqueFd reader(ends[0]), writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return give_up(Error::from_errno(errno, "fork"));
  if (child == 0) {
    reader.reset();
    live(cluster, std::move(writer));
  }
  writer.reset();
  [[maybe_unused]] const auto kept = write_file(pid_path(cluster.name), std::to_string(child));
  const std::string report = read_all(reader.get());
  if (report.starts_with("ready ")) {
    print_ready(cluster, report.substr(6),
                std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start));
    return 0;
  }
  ::waitpid(child, nullptr, 0);
  if (report.starts_with("error ")) return give_up(Error(Code::kInternal, report.substr(6)));
  return give_up(Error(Code::kInternal, fmt::format("the daemon ended before it was ready; see {}/minik.log",
                                                    cluster.state_dir)));
}

int down(const DownOptions& options) {
  if (!dns1123_label_error(options.name).empty()) {
    fail(Error(Code::kInvalid, fmt::format("--name: '{}' is no cluster name", options.name)));
    return 2;
  }
  if (::geteuid() != 0) return fail(Error(Code::kForbidden, "down needs root: run it with sudo"));
  std::string state_dir = default_state_dir(options.name), kubeconfig = default_kubeconfig();
  const bool was_there = path_exists(run_dir_of(options.name));
  if (const auto record = read_file(record_path(options.name)); record.ok()) {
    if (const auto json = parse_json(*record); json.ok()) {
      state_dir = string_at(*json, "stateDir", state_dir);
      kubeconfig = string_at(*json, "kubeconfig", kubeconfig);
    }
  }
  if (was_there) stop_daemon(options.name);
  const bool had_state = path_exists(state_dir);
  const auto gone = take_apart(options.name, state_dir);
  if (auto taken = apiserver::remove_from_kubeconfig(kubeconfig, context_of(options.name)); !taken.ok()) {
    std::fprintf(stderr, "minik: %s\n", taken.error().message().c_str());
  }
  if (!gone.ok()) return fail(gone.error());
  if (!options.keep_state) {
    if (auto removed = remove_tree(state_dir); !removed.ok()) return fail(removed.error());
    ::rmdir("/var/lib/minik");
  }
  if (!was_there && !had_state)
    fmt::print("There is no cluster {}.\n", options.name);
  else
    fmt::print("Cluster {} is down{}.\n", options.name,
               options.keep_state ? fmt::format("; its state stays in {}", state_dir) : "");
  return 0;
}

}  // namespace minik::daemon
