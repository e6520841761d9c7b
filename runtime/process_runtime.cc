#include "runtime/process_runtime.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <future>

#include "base/files.h"
#include "base/log.h"
#include "runtime/adoption.h"
#include "runtime/exec.h"
#include "runtime/image_name.h"
#include "runtime/leftovers.h"
#include "runtime/log_reader.h"
#include "runtime/mounts.h"

namespace minik::runtime {
namespace {

constexpr std::size_t kWorkers = 4;
constexpr std::chrono::seconds kTearDownLimit{30};

Result<> make_directories(RuntimeConfig& config) {
  TRY(make_dirs(config.run_dir));
  TRY(make_dirs(config.state_dir, 0700));
  std::error_code error;
  config.run_dir = std::filesystem::canonical(config.run_dir, error);
  config.state_dir = std::filesystem::canonical(config.state_dir, error);
  TRY(make_private_mount(config.run_dir));
  const Paths paths(config);
  for (const auto& directory : {paths.run_pods(), paths.run_containers(), paths.crun_root(),
                                paths.state_pods(), paths.state_containers(), paths.state() + "/logs"}) {
    TRY(make_dirs(directory, 0700));
  }
  return {};
}

// Which run of the container a log request means, or why there is none.
Result<int> log_number(const LogRequest& request, const ContainerRun& run) {
  const auto invalid = [](std::string text) { return Error(Code::kInvalid, std::move(text)); };
  const bool ran =
      run.phase == Phase::kRunning || run.phase == Phase::kEnded || run.phase == Phase::kStarting;
  const int newest = ran ? run.restarts : run.restarts - 1;
  if (request.previous) {
    const int number = ran ? newest - 1 : newest;
    if (number >= 0) return number;
    return invalid(fmt::format("previous terminated container \"{}\" in pod \"{}\" not found",
                               request.container, request.pod));
  }
  if (newest >= 0) return newest;
  std::string why =
      run.waiting_reason.empty() ? (run.init ? "PodInitializing" : "ContainerCreating") : run.waiting_reason;
  if (why == "ErrImagePull") why = "image can't be pulled";
  if (why == "ImagePullBackOff") why = "trying and failing to pull image";
  return invalid(fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}", request.container,
                             request.pod, why));
}

}  // namespace

Result<std::unique_ptr<ProcessRuntime>> ProcessRuntime::start(RuntimeConfig config,
                                                              std::function<void(PodFact)> report,
                                                              std::function<void(PodEvent)> event) {
  if (::access(config.shim.c_str(), X_OK) != 0)
    return Error::from_errno(errno, "pod supervisor " + config.shim);
  TRY(make_directories(config));
  auto store = TRY(ImageStore::open(Paths(config)));
  return std::unique_ptr<ProcessRuntime>(
      new ProcessRuntime(std::move(config), std::move(store), std::move(report), std::move(event)));
}

ProcessRuntime::ProcessRuntime(RuntimeConfig config, std::unique_ptr<ImageStore> store,
                               std::function<void(PodFact)> report, std::function<void(PodEvent)> event)
    : config_(std::move(config)),
      paths_(config_),
      store_(std::move(store)),
      maker_(config_, *store_),
      workers_(kWorkers),
      lifecycle_(std::make_unique<Lifecycle>(
          Lifecycle::Outside{config_, loop_, workers_, maker_, std::move(report), std::move(event)})) {
  if (maker_.crun().empty()) log_warn("runtime", "crun is not installed: pods cannot start");
  thread_ = std::thread([this] { loop_.run(); });
}

ProcessRuntime::~ProcessRuntime() { stop_threads(); }

void ProcessRuntime::stop_threads() {
  if (!running_.exchange(false)) return;
  loop_.stop();
  thread_.join();
  workers_.finish();
}

template <class Question>
auto ProcessRuntime::ask(Question question) -> std::optional<decltype(question())> {
  using Answer = decltype(question());
  if (!running_) return std::nullopt;
  const auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  loop_.post([promise, question] { promise->set_value(question()); });
  while (answer.wait_for(Millis(100)) != std::future_status::ready) {
    if (!running_) return std::nullopt;
  }
  return answer.get();
}

Result<> ProcessRuntime::adopt() {
  auto found = std::make_shared<std::vector<PodState>>(find_survivors(paths_, maker_));
  if (!found->empty()) log_info("runtime", "found {} pods of an earlier daemon", found->size());
  ask([this, found] {
    lifecycle_->adopt(std::move(*found));
    return true;
  });
  return {};
}

void ProcessRuntime::want(std::vector<PodWish> wishes, api::SnapshotPtr objects) {
  loop_.post([this, wishes = std::move(wishes), objects = std::move(objects)] {
    lifecycle_->want(wishes, objects);
  });
}

std::optional<ContainerRun> ProcessRuntime::find_run(const std::string& uid, const std::string& container) {
  const auto answer = ask([this, uid, container]() -> std::optional<ContainerRun> {
    const PodState* pod = lifecycle_->find(uid);
    if (pod == nullptr) return std::nullopt;
    for (const auto& run : pod->containers) {
      if (run.name == container) return run;
    }
    return std::nullopt;
  });
  return answer.value_or(std::nullopt);
}

Result<> ProcessRuntime::logs(const LogRequest& request, const std::function<bool(std::string_view)>& sink) {
  const auto run = find_run(request.uid, request.container);
  if (!run) {
    return Error(Code::kInvalid,
                 fmt::format("container {} is not valid for pod {}", request.container, request.pod));
  }
  const int number = TRY(log_number(request, *run));
  const std::string path = paths_.logs(request.ns, request.pod, request.uid) + "/" + request.container + "/" +
                           std::to_string(number) + ".log";
  if (!path_exists(path) && !request.follow) return {};  // It was refused before it could say anything.
  return read_log(path, request, sink, [this, uid = request.uid, name = request.container, number] {
    const auto now = find_run(uid, name);
    return !now || now->restarts != number ||
           (now->phase != Phase::kRunning && now->phase != Phase::kStarting);
  });
}

Result<ExecSession> ProcessRuntime::exec(const ExecRequest& request) {
  const auto run = find_run(request.uid, request.container);
  if (!run || run->phase != Phase::kRunning) {
    return Error(Code::kNotFound, "container not found (\"" + request.container + "\")");
  }
  const auto process = TRY(ExecProcess::start(paths_, {maker_.crun(), request.uid, run->cid, request.command,
                                                       request.stdin_open, false, request.tty}));
  ExecSession session;
  session.input = std::move(process->input);
  session.output = std::move(process->output);
  session.errors = std::move(process->errors);
  session.tty = request.tty;
  session.ended.reset(::fcntl(process->pidfd(), F_DUPFD_CLOEXEC, 3));
  session.wait = [process] { return process->wait(); };
  session.kill = [process] { process->kill(); };
  return session;
}

Result<ExecSession> ProcessRuntime::attach(const AttachRequest& request) {
  const auto run = find_run(request.uid, request.container);
  if (!run || run->phase != Phase::kRunning) {
    return Error(Code::kNotFound, "container not found (\"" + request.container + "\")");
  }
  auto shim = std::make_shared<ShimClient>(TRY(ShimClient::connect(paths_.run_pod(request.uid))));
  ShimStreams streams = TRY(shim->attach(run->cid, request.stdin_open));
  ExecSession session;
  session.input = std::move(streams.input);
  session.output = std::move(streams.output);
  session.errors = std::move(streams.errors);
  session.tty = streams.tty;
  session.wait = [] { return Result<int>(0); };
  session.kill = [] {};
  return session;
}

Result<std::string> ProcessRuntime::network_of(const std::string& uid) {
  const auto answer = ask([this, uid]() -> std::optional<bool> {
    const PodState* pod = lifecycle_->find(uid);
    return pod == nullptr ? std::nullopt : std::optional(pod->host_network);
  });
  if (!answer || !*answer) return Error(Code::kNotFound, "the pod has no network yet");
  return **answer ? config_.node_netns : paths_.namespace_file(uid, "net");
}

Result<ImageInfo> ProcessRuntime::add_image(const std::string& name, const std::string& directory) {
  ImageInfo info = TRY(store_->add_directory(name, directory));
  loop_.post([this] { lifecycle_->images_changed(); });
  return info;
}

Result<std::vector<ImageInfo>> ProcessRuntime::images() {
  std::vector<ImageInfo> list = store_->list();
  list.push_back(
      {"localhost/host:latest", maker_.host_image().id(), "the root file system of this machine", 0, {}});
  return list;
}

Result<> ProcessRuntime::remove_image(const std::string& name) {
  const std::string normalised = TRY(normalise_image(name));
  if (is_host_image(normalised)) return Error(Code::kInvalid, "the image \"" + name + "\" is built in");
  const auto used = ask([this] { return lifecycle_->used_images(); });
  return store_->remove(name, used.value_or(std::set<std::string>()));
}

void ProcessRuntime::tear_down() {
  const auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  loop_.post([this, done] { lifecycle_->tear_down([done] { done->set_value(); }); });
  if (running_ && finished.wait_for(kTearDownLimit) != std::future_status::ready) {
    log_warn("runtime", "pods did not end in time; removing what is left by force");
  }
  stop_threads();
  if (auto removed = remove_leftovers(config_); !removed.ok()) {
    log_error("runtime", "tear down: {}", removed.error().message());
  }
}

}  // namespace minik::runtime
