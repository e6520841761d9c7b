// A node's runtime without a node: real crun, real shims, directories and namespaces of the test's own.
//
// Everything lies below one temporary directory and is named after the process; the destructor removes it.
// Needs root; without it the tests are skipped, or fail if MINIK_REQUIRE_KERNEL is 1.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"
#include "runtime/leftovers.h"
#include "runtime/process_runtime.h"

namespace minik::runtime_test {

using namespace minik::runtime;  // NOLINT: a test's own namespace.

struct Shell {
  int status = 0;
  std::string output;
};
inline Shell sh(const std::string& command) {
  Shell out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    out.output.append(buffer.data(), got);
  }
  out.status = ::pclose(pipe);
  return out;
}

#define NEED_ROOT_AND_CRUN()                                                                  \
  if (::geteuid() != 0 || ::system("command -v crun >/dev/null") != 0) {                      \
    const char* required = std::getenv("MINIK_REQUIRE_KERNEL");                               \
    if (required != nullptr && std::string(required) == "1") FAIL() << "needs root and crun"; \
    GTEST_SKIP() << "needs root and crun";                                                    \
  }

inline RuntimeConfig config_in(const std::string& home, const std::string& cluster) {
  RuntimeConfig config;
  config.cluster = cluster;
  config.run_dir = home + "/run";
  config.state_dir = home + "/state";
  config.node_name = "node-1";
  config.node_ip = "10.250.0.1";
  config.node_netns = "/run/netns/minik-" + cluster + "-node";
  config.cluster_domain = "cluster.local";
  config.dns_ip = "10.96.0.10";
  config.shim = std::string(MINIK_BUILD_DIR) + "/minik-shim";
  config.version = "1.33";
  return config;
}

class World {
 public:
  World() {
    std::string pattern = "/tmp/minik-rt-XXXXXX";
    home_ = ::mkdtemp(pattern.data());
    cluster_ = "rt" + std::to_string(::getpid());
    config_ = config_in(home_, cluster_);
    sh("ip netns add minik-" + cluster_ + "-node && ip -n minik-" + cluster_ + "-node link set lo up");
    start();
  }
  ~World() {
    if (runtime_ != nullptr) runtime_->tear_down();
    runtime_.reset();
    [[maybe_unused]] const auto removed = remove_leftovers(config_);
    sh("ip netns del minik-" + cluster_ + "-node");
    std::filesystem::remove_all(home_);
  }

  // A new daemon; the one before, if any, is gone without a word, as after kill -9.
  void start() {
    runtime_.reset();
    auto started = ProcessRuntime::start(
        config_, [this](PodFact fact) { note([&] { facts_[fact.uid] = std::move(fact); }); },
        [this](PodEvent event) { note([&] { events_.push_back(std::move(event)); }); });
    ASSERT_TRUE(started.ok()) << started.error().message();
    runtime_ = *std::move(started);
    ASSERT_TRUE(runtime_->adopt().ok());
  }
  void abandon() { runtime_.reset(); }

  ProcessRuntime& runtime() { return *runtime_; }
  const RuntimeConfig& config() const { return config_; }
  const std::string& home() const { return home_; }
  const std::string& cluster() const { return cluster_; }

  // `spec` in YAML flow or block style.  Labels and the IP are always the same.
  static api::ObjectPtr pod(const std::string& name, const std::string& spec,
                            const std::string& ip = "10.250.0.9") {
    auto documents = parse_yaml(spec);
    EXPECT_TRUE(documents.ok() && documents->size() == 1) << spec;
    Json body{{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata",
               {{"name", name}, {"namespace", "default"}, {"uid", uid_of(name)}, {"labels", {{"app", "x"}}}}},
              {"spec", documents->front()},
              {"status", {{"podIP", ip}, {"podIPs", {{{"ip", ip}}}}}}};
    return std::make_shared<api::Object>("pods", 1, std::move(body));
  }
  static std::string uid_of(const std::string& name) {
    return "00000000-0000-4000-8000-" + sha256_hex(name).substr(0, 12);
  }
  static api::ObjectPtr deleted(const api::ObjectPtr& pod, int grace) {
    Json body = pod->body();
    body["metadata"]["deletionTimestamp"] = rfc3339(std::chrono::system_clock::now());
    body["metadata"]["deletionGracePeriodSeconds"] = grace;
    return std::make_shared<api::Object>("pods", 2, std::move(body));
  }

  void want(const std::vector<api::ObjectPtr>& pods, bool wired = true) {
    std::vector<PodWish> wishes;
    for (const auto& pod : pods) wishes.push_back({pod, wired, false});
    runtime_->want(std::move(wishes), std::make_shared<api::Snapshot>(objects));
  }

  template <class Test>
  bool wait_fact(const std::string& name, Test test, int seconds = 10) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(seconds), [&] {
      const auto it = facts_.find(uid_of(name));
      return it != facts_.end() && test(it->second);
    });
  }
  bool wait_running(const std::string& name) {
    return wait_fact(name, [](const PodFact& fact) {
      return std::all_of(fact.containers.begin(), fact.containers.end(), [](const ContainerFact& c) {
        return c.init || c.state.kind == ContainerState::Kind::kRunning;
      });
    });
  }
  bool wait_ended(const std::string& name) {
    return wait_fact(name, [](const PodFact& fact) {
      return std::all_of(fact.containers.begin(), fact.containers.end(), [](const ContainerFact& c) {
        return c.state.kind == ContainerState::Kind::kTerminated;
      });
    });
  }
  PodFact fact(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return facts_[uid_of(name)];
  }
  bool wait_event(const std::string& reason, const std::string& text, int seconds = 10) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(seconds), [&] {
      return std::any_of(events_.begin(), events_.end(), [&](const PodEvent& e) {
        return e.reason == reason && e.message.find(text) != std::string::npos;
      });
    });
  }
  std::string events() {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& e : events_) out += e.reason + ": " + e.message + "\n";
    return out;
  }

  std::string logs(const std::string& name, const std::string& container, bool previous = false) {
    LogRequest request;
    request.ns = "default";
    request.pod = name;
    request.uid = uid_of(name);
    request.container = container;
    request.previous = previous;
    std::string text;
    const auto result = runtime_->logs(request, [&](std::string_view piece) {
      text += piece;
      return true;
    });
    return result.ok() ? text : "error: " + result.error().message();
  }

  struct Executed {
    int code = -1;
    std::string output, error;
  };
  Executed exec(const std::string& name, const std::string& container, const std::string& script) {
    auto session = runtime_->exec({uid_of(name), container, {"/bin/sh", "-c", script}, false});
    if (!session.ok()) return {-1, "", session.error().message()};
    Executed done;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(session->output.get(), buffer.data(), buffer.size())) > 0;) {
      done.output.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const auto code = session->wait();
    if (code.ok())
      done.code = *code;
    else
      done.error = code.error().message();
    return done;
  }

  // How many shims of this runtime there are.
  int processes() const {
    int count = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
      const auto line = read_file(entry.path() / "cmdline");
      if (line.ok() && line->find(home_ + "/run/pods/") != std::string::npos) ++count;
    }
    return count;
  }

  // The pid of a container as the host sees it, of the record on disk.
  int pid_of(const std::string& name, std::size_t container = 0) const {
    const auto text = read_file(home_ + "/state/pods/" + uid_of(name) + "/state.json");
    const auto parsed = parse_json(text.ok() ? *text : "{}");
    const Json record = parsed.ok() ? *parsed : Json::object();
    const Json& runs = array_at(record, "containers");
    const auto pid = container < runs.size() ? int_at(runs[container], "pid") : 0;
    EXPECT_GT(pid, 1);
    return pid > 1 ? static_cast<int>(pid) : 1'000'000'000;  // Never 0: kill(0) means ourselves.
  }

  api::Snapshot objects;

 private:
  template <class Change>
  void note(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  std::string home_, cluster_;
  RuntimeConfig config_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, PodFact> facts_;
  std::vector<PodEvent> events_;
  std::unique_ptr<ProcessRuntime> runtime_;
};

// A pod of one container that runs a shell script from the host image.
inline std::string script_spec(const std::string& script, const std::string& policy = "Never",
                               const std::string& more = "") {
  return "restartPolicy: " + policy + "\ncontainers:\n- name: c\n  image: host\n  command: [/bin/sh, -c, " +
         to_text(Json(script)) + "]\n" + more;
}

}  // namespace minik::runtime_test
