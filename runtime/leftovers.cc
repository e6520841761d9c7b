#include "runtime/leftovers.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "runtime/mounts.h"
#include "runtime/paths.h"
#include "runtime/process.h"
#include "runtime/sandbox.h"
#include "runtime/shim_client.h"

namespace minik::runtime {
namespace {

struct Process {
  int pid = 0;
  std::uint64_t ticks = 0;
};

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

// Shims by their command line: "minik-shim RUN/pods/<uid> …".
std::vector<Process> shims_of(const Paths& paths) {
  std::vector<Process> shims;
  for (const auto& name : names_in("/proc")) {
    const auto pid = parse_int(name);
    if (!pid) continue;
    const auto text = read_file("/proc/" + name + "/cmdline");
    if (!text.ok()) continue;
    const auto words = split(*text, '\0');
    const bool ours = words.size() > 2 && ends_with(words[0], "minik-shim") &&
                      starts_with(words[1], paths.run_pods() + "/");
    if (ours) shims.push_back({static_cast<int>(*pid), start_ticks(static_cast<int>(*pid))});
  }
  return shims;
}

// The process of a container as its shim wrote it down: "PID TICKS".
void kill_container(const std::string& bundle) {
  const auto run = read_file(bundle + "/run");
  const auto words = split_words(run.ok() ? *run : "");
  if (words.size() != 2) return;
  kill_and_wait(static_cast<int>(parse_int(words[0]).value_or(0)),
                static_cast<std::uint64_t>(parse_int(words[1]).value_or(0)));
}

void end_processes(const Paths& paths) {
  for (const auto& uid : names_in(paths.run_pods())) {
    if (auto shim = ShimClient::connect(paths.run_pod(uid)); shim.ok()) {
      [[maybe_unused]] const auto asked = shim->quit();
    }
  }
  for (const auto& cid : names_in(paths.state_containers())) kill_container(paths.bundle(cid));
  for (const auto& shim : shims_of(paths)) kill_and_wait(shim.pid, shim.ticks);
}

// Whether the name may belong to another cluster whose name begins with ours ("a" and "a-b").
bool of_other_cluster(const std::string& name, const RuntimeConfig& config) {
  const std::filesystem::path run(config.run_dir);
  const auto clusters = names_in(run.parent_path());
  return std::any_of(clusters.begin(), clusters.end(), [&](const std::string& other) {
    return other.size() > config.cluster.size() && starts_with(other, config.cluster + "-") &&
           starts_with(name, "minik-" + other + "-");
  });
}

std::set<std::string> netns_pins(const Paths& paths, const RuntimeConfig& config) {
  std::set<std::string> pins;
  for (const auto& uid : names_in(paths.run_pods())) {
    const auto pin = read_file(paths.run_pod(uid) + "/netns");
    if (pin.ok() && starts_with(*pin, std::string(kNetnsDir) + "/minik-")) pins.insert(*pin);
  }
  for (const auto& name : names_in(kNetnsDir)) {
    const bool ours = starts_with(name, "minik-" + config.cluster + "-") && !of_other_cluster(name, config);
    if (ours) pins.insert(std::string(kNetnsDir) + "/" + name);
  }
  pins.erase(config.node_netns);
  return pins;
}

}  // namespace

Result<> remove_leftovers(const RuntimeConfig& config) {
  const Paths paths(config);
  end_processes(paths);
  Result<> first;
  const auto note = [&](Result<> result) {
    if (first.ok() && !result.ok()) first = std::move(result);
  };
  for (const auto& pin : netns_pins(paths, config)) {
    note(unmount(pin));
    if (::unlink(pin.c_str()) != 0 && errno != ENOENT) note(Error::from_errno(errno, "unlink " + pin));
  }
  note(unmount_below(paths.run()));
  note(remove_tree(paths.run()));
  note(remove_tree(paths.state_containers()));
  return first;
}

}  // namespace minik::runtime
