#include "runtime/pod_record.h"

#include <array>

namespace minik::runtime {
namespace {

constexpr std::array<const char*, 6> kPhases{"none", "creating", "created", "starting", "running", "ended"};

std::int64_t nanos(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}
WallTime from_nanos(std::int64_t count) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(count)));
}

Result<Phase> phase_of(const std::string& text) {
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    if (text == kPhases[i]) return static_cast<Phase>(i);
  }
  return Error(Code::kInvalid, "unknown phase " + text);
}

Json state_json(const ContainerState& state) {
  return {{"reason", state.reason},           {"message", state.message},
          {"started", nanos(state.started)},  {"finished", nanos(state.finished)},
          {"exitCode", state.exit_code},      {"signal", state.signal},
          {"containerID", state.container_id}};
}

ContainerState ended_from(const Json& json) {
  ContainerState state;
  state.kind = ContainerState::Kind::kTerminated;
  state.reason = string_at(json, "reason");
  state.message = string_at(json, "message");
  state.started = from_nanos(int_at(json, "started"));
  state.finished = from_nanos(int_at(json, "finished"));
  state.exit_code = static_cast<int>(int_at(json, "exitCode"));
  state.signal = static_cast<int>(int_at(json, "signal"));
  state.container_id = string_at(json, "containerID");
  return state;
}

Json run_json(const ContainerRun& run, const Moment& now) {
  Json json{{"name", run.name},
            {"image", run.image},
            {"imageID", run.image_id},
            {"init", run.init},
            {"phase", kPhases[static_cast<std::size_t>(run.phase)]},
            {"cid", run.cid},
            {"pid", run.pid},
            {"startTicks", run.start_ticks},
            {"restarts", run.restarts},
            {"started", nanos(run.started)},
            {"finished", nanos(run.finished)},
            {"exitCode", run.exit_code},
            {"signal", run.signal},
            {"reason", run.end_reason},
            {"message", run.end_message},
            {"waitingReason", run.waiting_reason},
            {"waitingMessage", run.waiting_message},
            {"startedOk", run.started_ok},
            {"ready", run.ready}};
  if (run.last) json["last"] = state_json(*run.last);
  if (run.backoff) json["backoffMs"] = run.backoff->count();
  if (run.image_backoff) json["imageBackoffMs"] = run.image_backoff->count();
  if (run.not_before > now.steady) json["notBefore"] = nanos(now.wall + (run.not_before - now.steady));
  return json;
}

std::optional<Millis> optional_millis(const Json& json, const char* member) {
  return find(json, member) == nullptr ? std::nullopt : std::optional(Millis(int_at(json, member)));
}

Result<ContainerRun> run_from(const Json& json, const Moment& now) {
  ContainerRun run;
  run.name = string_at(json, "name");
  run.image = string_at(json, "image");
  run.image_id = string_at(json, "imageID");
  run.init = bool_at(json, "init");
  run.phase = TRY(phase_of(string_at(json, "phase")));
  run.cid = string_at(json, "cid");
  run.pid = static_cast<int>(int_at(json, "pid"));
  run.start_ticks = static_cast<std::uint64_t>(int_at(json, "startTicks"));
  run.restarts = static_cast<int>(int_at(json, "restarts"));
  run.started = from_nanos(int_at(json, "started"));
  run.finished = from_nanos(int_at(json, "finished"));
  run.exit_code = static_cast<int>(int_at(json, "exitCode"));
  run.signal = static_cast<int>(int_at(json, "signal"));
  run.end_reason = string_at(json, "reason");
  run.end_message = string_at(json, "message");
  run.waiting_reason = string_at(json, "waitingReason");
  run.waiting_message = string_at(json, "waitingMessage");
  run.started_ok = bool_at(json, "startedOk");
  run.ready = bool_at(json, "ready");
  if (const Json* last = find(json, "last")) run.last = ended_from(*last);
  run.backoff = optional_millis(json, "backoffMs");
  run.image_backoff = optional_millis(json, "imageBackoffMs");
  if (const auto at = int_at(json, "notBefore"); at != 0)
    run.not_before = now.steady + (from_nanos(at) - now.wall);
  return run;
}

}  // namespace

Json to_record(const PodState& pod, const std::string& boot_id, const Moment& now) {
  Json containers = Json::array();
  for (const auto& run : pod.containers) containers.push_back(run_json(run, now));
  return {{"uid", pod.uid},
          {"namespace", pod.ns},
          {"name", pod.name},
          {"restartPolicy", pod.restart_policy},
          {"bootID", boot_id},
          {"builtIn", pod.built_in},
          {"hostNetwork", pod.host_network},
          {"sandboxReady", pod.sandbox_ready},
          {"netnsPath", pod.netns_path},
          {"garbage", pod.garbage},
          {"containers", std::move(containers)}};
}

Result<ReadRecord> from_record(const Json& record, const Moment& now) {
  ReadRecord read;
  PodState& pod = read.pod;
  pod.uid = string_at(record, "uid");
  pod.ns = string_at(record, "namespace");
  pod.name = string_at(record, "name");
  pod.restart_policy = string_at(record, "restartPolicy", "Always");
  if (pod.uid.empty()) return Error(Code::kInvalid, "a pod record without uid");
  read.boot_id = string_at(record, "bootID");
  pod.built_in = bool_at(record, "builtIn");
  pod.host_network = bool_at(record, "hostNetwork");
  pod.sandbox_ready = bool_at(record, "sandboxReady");
  pod.netns_path = string_at(record, "netnsPath");
  for (const Json& cid : array_at(record, "garbage")) {
    if (cid.is_string()) pod.garbage.push_back(cid.get<std::string>());
  }
  for (const Json& container : array_at(record, "containers")) {
    pod.containers.push_back(TRY(run_from(container, now)));
  }
  return read;
}

}  // namespace minik::runtime
