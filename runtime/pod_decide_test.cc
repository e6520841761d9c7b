#include "runtime/pod_decide.h"

#include <gtest/gtest.h>

#include <csignal>

#include "runtime/adoption.h"
#include "runtime/pod_facts.h"
#include "runtime/pod_record.h"
#include "runtime/test_pods.h"

namespace minik::runtime {
namespace {

using Kind = Action::Kind;
using std::chrono::seconds;

const SteadyTime kNow = SteadyTime{} + std::chrono::hours(1);

ContainerRun run_of(const std::string& name, Phase phase, bool init = false) {
  ContainerRun run;
  run.name = name;
  run.image = "host";
  run.init = init;
  run.phase = phase;
  if (phase != Phase::kNone) run.cid = "cid-" + name;
  return run;
}

PodState pod_with(std::vector<ContainerRun> runs, const std::string& policy = "Always") {
  PodState pod;
  pod.uid = "uid-p";
  pod.ns = "default";
  pod.name = "p";
  pod.restart_policy = policy;
  pod.object = test_pod("p", "containers: []");
  pod.sandbox_ready = pod.wired = true;
  pod.containers = std::move(runs);
  return pod;
}

TEST(Decide, SandboxThenCreateThenStart) {
  PodState pod = pod_with({run_of("c", Phase::kNone)});
  pod.sandbox_ready = pod.wired = false;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kMakeSandbox);
  pod.sandbox_ready = true;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kCreate);
  pod.containers[0].phase = Phase::kCreated;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  pod.wired = true;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kStart);
  pod.busy = true;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
}

TEST(Decide, WaitsForTheAddress) {
  PodState pod = pod_with({run_of("c", Phase::kNone)});
  pod.object = test_pod("p", "containers: []", Json::object());
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  pod.host_network = true;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kCreate);
}

TEST(Decide, PreparesAllBeforeItIsWired) {
  PodState pod = pod_with({run_of("a", Phase::kCreated), run_of("b", Phase::kNone)});
  pod.wired = false;
  const Action action = decide(pod, kNow);
  EXPECT_EQ(action.kind, Kind::kCreate);
  EXPECT_EQ(action.container, 1U);
}

TEST(Decide, VolumesAreRefreshedWhenDue) {
  PodState pod = pod_with({run_of("c", Phase::kRunning)});
  pod.volumes_at = kNow + seconds(5);
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  EXPECT_EQ(decide(pod, kNow).look_again, kNow + seconds(5));
  EXPECT_EQ(decide(pod, kNow + seconds(5)).kind, Kind::kRefreshVolumes);
  pod.kill_at = kNow;
  EXPECT_EQ(decide(pod, kNow + seconds(5)).kind, Kind::kNone);
}

TEST(Decide, InitContainersGoOneByOne) {
  PodState pod = pod_with(
      {run_of("i1", Phase::kEnded, true), run_of("i2", Phase::kNone, true), run_of("c", Phase::kNone)});
  EXPECT_EQ(decide(pod, kNow).container, 1U);
  pod.containers[1].phase = Phase::kRunning;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  pod.containers[1].phase = Phase::kEnded;
  EXPECT_EQ(decide(pod, kNow).container, 2U);
  pod.containers[1].exit_code = 1;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kBeginRun);
  EXPECT_EQ(decide(pod, kNow).container, 1U);
  pod.restart_policy = "Never";
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
}

TEST(Decide, RestartPolicies) {
  ContainerRun ended = run_of("c", Phase::kEnded);
  EXPECT_TRUE(should_restart("Always", ended));
  EXPECT_FALSE(should_restart("OnFailure", ended));
  EXPECT_FALSE(should_restart("Never", ended));
  ended.exit_code = 1;
  EXPECT_TRUE(should_restart("OnFailure", ended));
  EXPECT_FALSE(should_restart("Never", ended));
  PodState pod = pod_with({ended});
  pod.containers[0].not_before = kNow + seconds(10);
  const Action action = decide(pod, kNow);
  EXPECT_EQ(action.kind, Kind::kNone);
  EXPECT_EQ(action.look_again, kNow + seconds(10));
  EXPECT_EQ(decide(pod, kNow + seconds(10)).kind, Kind::kBeginRun);
}

TEST(Decide, BackOffDoublesUpToItsMaximumAndIsForgotten) {
  const BackoffRule rule;
  std::optional<Millis> delay;
  std::vector<long> waits;
  for (int i = 0; i < 8; ++i) {
    delay = next_delay(delay, Millis(0), rule);
    waits.push_back(delay->count() / 1000);
  }
  EXPECT_EQ(waits, (std::vector<long>{0, 10, 20, 40, 80, 160, 300, 300}));
  EXPECT_EQ(next_delay(delay, std::chrono::minutes(10), rule), Millis(0));
  EXPECT_EQ(next_pull_delay(std::nullopt, rule), seconds(10));
  EXPECT_EQ(next_pull_delay(seconds(200), rule), seconds(300));
}

TEST(Decide, NothingStartsInAPodBeingDeleted) {
  PodState pod =
      pod_with({run_of("a", Phase::kNone), run_of("b", Phase::kCreated), run_of("c", Phase::kRunning)});
  pod.kill_at = kNow + seconds(30);
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kDiscard);
  EXPECT_EQ(decide(pod, kNow).container, 1U);
  EXPECT_FALSE(is_stopped(pod));
  pod.containers[1].phase = Phase::kNone;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  pod.containers[2].phase = Phase::kEnded;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  EXPECT_TRUE(is_stopped(pod));
}

TEST(Decide, TermThenKill) {
  PodState pod = pod_with({run_of("a", Phase::kRunning), run_of("b", Phase::kEnded)});
  EXPECT_TRUE(due_signals(pod, kNow).empty());
  pod.kill_at = kNow + seconds(5);
  auto due = due_signals(pod, kNow);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].signal, SIGTERM);
  pod.containers[0].term_sent = true;
  EXPECT_TRUE(due_signals(pod, kNow).empty());
  EXPECT_EQ(next_signal_time(pod), kNow + seconds(5));
  due = due_signals(pod, kNow + seconds(5));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].signal, SIGKILL);
  pod.kill_at.reset();
  pod.wanted = false;
  EXPECT_EQ(due_signals(pod, kNow).at(0).signal, SIGKILL);
}

TEST(Decide, UnwantedIsTornDownAndRubbishGoesFirst) {
  PodState pod = pod_with({run_of("a", Phase::kEnded)});
  pod.garbage = {"x"};
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kClean);
  pod.wanted = false;
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kTearDown);
}

TEST(Facts, StatesInKubectlsWords) {
  PodState pod = pod_with({run_of("c", Phase::kNone)});
  EXPECT_EQ(pod_fact(pod).containers[0].state.reason, "ContainerCreating");
  pod.containers.insert(pod.containers.begin(), run_of("i", Phase::kNone, true));
  EXPECT_EQ(pod_fact(pod).containers[1].state.reason, "PodInitializing");
  ContainerRun& run = pod.containers[1];
  run.phase = Phase::kEnded;
  run.cid = "cid-c";
  run.exit_code = 2;
  run.end_reason = "Error";
  EXPECT_EQ(pod_fact(pod).containers[1].state.kind, ContainerState::Kind::kTerminated);
  run.waiting_reason = "CrashLoopBackOff";
  run.waiting_message = crash_loop_message(pod, run, seconds(160));
  const ContainerFact fact = pod_fact(pod).containers[1];
  EXPECT_EQ(fact.state.kind, ContainerState::Kind::kWaiting);
  EXPECT_EQ(fact.state.message, "back-off 2m40s restarting failed container=c pod=p_default(uid-p)");
  ASSERT_TRUE(fact.last.has_value());
  EXPECT_EQ(fact.last->exit_code, 2);
  EXPECT_EQ(fact.last->container_id, "crun://cid-c");
  pod.kill_at = kNow;
  EXPECT_EQ(pod_fact(pod).containers[1].state.kind, ContainerState::Kind::kTerminated);
}

TEST(Facts, ReadyNeedsStarted) {
  PodState pod = pod_with({run_of("c", Phase::kRunning)});
  pod.containers[0].ready = true;
  EXPECT_FALSE(pod_fact(pod).containers[0].ready);
  pod.containers[0].started_ok = true;
  EXPECT_TRUE(pod_fact(pod).containers[0].ready);
}

TEST(Facts, BuiltInPodsRunOnceWired) {
  PodState pod = pod_with({run_of("dns", Phase::kNone)});
  pod.built_in = true;
  pod.wired = false;
  EXPECT_EQ(pod_fact(pod).containers[0].state.reason, "ContainerCreating");
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  pod.wired = true;
  EXPECT_TRUE(pod_fact(pod).containers[0].ready);
  EXPECT_EQ(decide(pod, kNow).kind, Kind::kNone);
  pod.kill_at = kNow;
  EXPECT_TRUE(pod_fact(pod).stopped);
}

TEST(Record, HoldsWhatARestartNeeds) {
  const Moment then{WallTime{} + std::chrono::hours(1000), kNow};
  PodState pod = pod_with({run_of("c", Phase::kRunning), run_of("d", Phase::kEnded)}, "OnFailure");
  pod.garbage = {"old"};
  pod.netns_path = "/run/netns/x";
  ContainerRun& run = pod.containers[1];
  run.restarts = 3;
  run.backoff = seconds(40);
  run.not_before = kNow + seconds(40);
  run.last = ended_state(run);
  pod.containers[0].pid = 77;
  pod.containers[0].start_ticks = 12345678901234ULL;
  pod.containers[0].ready = pod.containers[0].started_ok = true;
  // Another boot: another steady clock; fifteen seconds later.
  const Moment later{then.wall + seconds(15), SteadyTime{} + seconds(100)};
  const auto read = from_record(to_record(pod, "boot", then), later);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->boot_id, "boot");
  EXPECT_EQ(pod_fact(read->pod), pod_fact(pod));
  EXPECT_EQ(read->pod.containers[1].not_before, later.steady + seconds(25));
  EXPECT_EQ(read->pod.containers[1].backoff, Millis(40000));
  EXPECT_EQ(read->pod.containers[0].start_ticks, 12345678901234ULL);
  EXPECT_EQ(read->pod.restart_policy, "OnFailure");
  EXPECT_EQ(read->pod.garbage, pod.garbage);
  EXPECT_FALSE(from_record(Json::object(), later).ok());
  EXPECT_FALSE(from_record({{"uid", "x"}, {"containers", {{{"phase", "odd"}}}}}, later).ok());
}

shim::Entry entry_of(const std::string& cid, shim::State state, std::int64_t started) {
  shim::Entry entry{};
  std::copy(cid.begin(), cid.end(), entry.cid);
  entry.state = state;
  entry.pid = 99;
  entry.start_ticks = 5;
  entry.started_ns = started;
  return entry;
}

TEST(Reconcile, TheShimKnowsBest) {
  PodState pod =
      pod_with({run_of("a", Phase::kCreating), run_of("b", Phase::kCreating), run_of("c", Phase::kStarting),
                run_of("d", Phase::kCreated), run_of("e", Phase::kEnded)});
  reconcile(pod, std::vector<shim::Entry>{
                     entry_of("cid-b", shim::kCreated, 0), entry_of("cid-c", shim::kRunning, 7),
                     entry_of("cid-d", shim::kStopped, 7), entry_of("stray", shim::kRunning, 7)});
  EXPECT_EQ(pod.containers[0].phase, Phase::kNone);
  EXPECT_EQ(pod.containers[1].phase, Phase::kCreated);
  EXPECT_EQ(pod.containers[1].pid, 99);
  EXPECT_EQ(pod.containers[2].phase, Phase::kRunning);
  EXPECT_EQ(pod.containers[3].phase, Phase::kRunning);
  EXPECT_EQ(pod.containers[4].phase, Phase::kEnded);
  EXPECT_EQ(pod.garbage, (std::vector<std::string>{"cid-a", "stray"}));
}

TEST(Reconcile, WithoutAShimWhatWasPreparedIsGone) {
  PodState pod = pod_with({run_of("a", Phase::kCreated), run_of("b", Phase::kRunning)});
  reconcile(pod, std::nullopt);
  EXPECT_EQ(pod.containers[0].phase, Phase::kNone);
  EXPECT_EQ(pod.containers[1].phase, Phase::kRunning);
  EXPECT_EQ(pod.garbage, std::vector<std::string>{"cid-a"});
}

}  // namespace
}  // namespace minik::runtime
