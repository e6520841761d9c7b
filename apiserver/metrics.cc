#include "apiserver/metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace minik::apiserver {
namespace {

void head(std::string& out, const char* name, const char* type, const char* help) {
  out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void gauge(std::string& out, const char* name, const char* help, double value, const char* type = "gauge") {
  head(out, name, type, help);
  out += fmt::format("{} {}\n", name, value);
}

std::string text_of(const Metrics::Labels& l) {
  return fmt::format(R"(group="{}",resource="{}",scope="{}",subresource="{}",verb="{}",version="{}")",
                     l.group, l.resource, l.scope, l.subresource, l.verb, l.version);
}

std::size_t open_files() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  std::size_t count = 0;
  while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] == '.' ? 0 : 1;
  ::closedir(directory);
  return count - std::min<std::size_t>(count, 1);  // Not the one that reads the directory.
}

double process_start() {
  static const double kStart = [] {
    std::ifstream stat("/proc/self/stat"), uptime("/proc/uptime");
    std::string line;
    std::getline(stat, line);
    double up = 0;
    uptime >> up;
    const auto words = line.substr(std::min(line.size(), line.rfind(')') + 2));
    std::size_t at = 0;
    for (int field = 3; field < 22; ++field) at = words.find(' ', at) + 1;
    const double ticks = std::strtod(words.c_str() + at, nullptr);
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return now - up + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }();
  return kStart;
}

void process_text(std::string& out) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  gauge(out, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
        seconds(usage.ru_utime) + seconds(usage.ru_stime), "counter");
  gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.", resident * page);
  gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.", total * page);
  gauge(out, "process_open_fds", "Number of open file descriptors.", static_cast<double>(open_files()));
  gauge(out, "process_max_fds", "Maximum number of open file descriptors.",
        static_cast<double>(files.rlim_cur));
  gauge(out, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
        process_start());
}

}  // namespace

void Metrics::finished(const Labels& labels, int code, double seconds) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin());
  const std::lock_guard lock(mutex_);
  Series& series = series_[labels];
  ++series.by_code[code];
  ++series.buckets[bucket];
  series.sum += seconds;
}

// The verb stands in for the kind's name.
Metrics::Watching::Watching(Metrics& metrics, const api::Kind& kind)
    : metrics_(metrics), kind_{kind.kind, kind.group, kind.version, kind.resource, "", ""} {
  const std::lock_guard lock(metrics_.mutex_);
  ++metrics_.watchers_[kind_];
}

Metrics::Watching::~Watching() {
  const std::lock_guard lock(metrics_.mutex_);
  --metrics_.watchers_[kind_];
}

void Metrics::watchers_text(std::string& out) const {
  const std::lock_guard lock(mutex_);
  head(out, "apiserver_registered_watchers", "gauge", "Number of currently registered watchers of a kind.");
  for (const auto& [kind, count] : watchers_)
    out += fmt::format("apiserver_registered_watchers{{group=\"{}\",kind=\"{}\",version=\"{}\"}} {}\n",
                       kind.group, kind.verb, kind.version, count);
}

void Metrics::requests_text(std::string& out) const {
  const std::lock_guard lock(mutex_);
  head(out, "apiserver_request_total", "counter",
       "Counter of apiserver requests broken out for each verb, group, version, resource, scope and code.");
  for (const auto& [labels, series] : series_) {
    for (const auto& [code, count] : series.by_code)
      out += fmt::format("apiserver_request_total{{code=\"{}\",{}}} {}\n", code, text_of(labels), count);
  }
  constexpr const char* kDuration = "apiserver_request_duration_seconds";
  head(out, kDuration, "histogram",
       "Response latency distribution in seconds for each verb, group, version, resource and scope.");
  for (const auto& [labels, series] : series_) {
    const std::string text = text_of(labels);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= kBounds.size(); ++i) {
      count += series.buckets[i];
      out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", kDuration, text,
                         i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf", count);
    }
    out += fmt::format("{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", kDuration, text, series.sum, count);
  }
}

std::string Metrics::text(const Store& store) const {
  const api::SnapshotPtr held = store.snapshot();
  const api::Snapshot& snapshot = *held;
  std::string out;
  requests_text(out);
  head(out, "apiserver_current_inflight_requests", "gauge", "Number of currently running requests, by kind.");
  out +=
      fmt::format("apiserver_current_inflight_requests{{request_kind=\"mutating\"}} {}\n", mutating_.load());
  out +=
      fmt::format("apiserver_current_inflight_requests{{request_kind=\"readOnly\"}} {}\n", read_only_.load());
  gauge(out, "apiserver_longrunning_requests", "Number of currently open watches and other streams.",
        static_cast<double>(long_running_.load()));
  watchers_text(out);
  head(out, "apiserver_storage_objects", "gauge", "Number of stored objects at the last commit, by kind.");
  for (const auto& resource : snapshot.resources())
    out +=
        fmt::format("apiserver_storage_objects{{resource=\"{}\"}} {}\n", resource, snapshot.count(resource));
  head(out, "apiserver_storage_commit_duration_seconds", "histogram",
       "Time of a commit to the disk in seconds.");
  out += store.commit_seconds().text("apiserver_storage_commit_duration_seconds");
  head(out, "apiserver_storage_commit_changes", "histogram", "Number of changes that share a commit.");
  out += store.commit_changes().text("apiserver_storage_commit_changes");
  process_text(out);
  return out;
}

}  // namespace minik::apiserver
