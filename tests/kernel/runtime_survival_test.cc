// What outlives the daemon, and what is left when it has torn down: nothing.
#include <sys/wait.h>

#include <csignal>

#include "tests/kernel/runtime_world.h"

namespace minik::runtime_test {
namespace {

using Kind = ContainerState::Kind;

class Survival : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_ROOT_AND_CRUN();
    world_ = std::make_unique<World>();
  }
  World& w() { return *world_; }
  std::unique_ptr<World> world_;
};

std::string mounts_of(const std::string& home) {
  return sh("grep -c " + home + " /proc/self/mountinfo").output;
}

TEST_F(Survival, ANewDaemonFindsItsPods) {
  const auto stays =
      World::pod("stays", script_spec("i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"));
  const auto ends = World::pod("ends", script_spec("sleep 1; echo last words; exit 42"));
  const auto twice = World::pod(
      "twice", script_spec("[ -e /dev/shm/x ] && exec sleep 600; touch /dev/shm/x; exit 1", "Always"));
  const auto orphan = World::pod("orphan", script_spec("exec sleep 600"));
  w().want({stays, ends, twice, orphan});
  ASSERT_TRUE(w().wait_running("stays") && w().wait_running("ends") && w().wait_running("orphan"))
      << w().events();
  ASSERT_TRUE(w().wait_fact("twice", [](const PodFact& f) {
    return f.containers[0].restarts == 1 && f.containers[0].state.kind == Kind::kRunning;
  }));
  const auto before = w().fact("stays");
  const int pid = w().pid_of("stays");
  w().abandon();
  ::usleep(1'500'000);
  w().start();
  EXPECT_EQ(w().fact("stays"), before);
  EXPECT_EQ(w().pid_of("stays"), pid);
  EXPECT_EQ(w().fact("twice").containers[0].restarts, 1);
  ASSERT_TRUE(w().wait_fact(
      "ends", [](const PodFact& f) { return f.containers[0].state.kind == Kind::kTerminated; }));
  EXPECT_EQ(w().fact("ends").containers[0].state.exit_code, 42);
  w().want({stays, ends, twice});
  for (int i = 0; i < 200 && path_exists(w().home() + "/state/pods/" + World::uid_of("orphan")); ++i)
    ::usleep(20'000);
  EXPECT_FALSE(path_exists(w().home() + "/state/pods/" + World::uid_of("orphan")));
  EXPECT_EQ(w().logs("ends", "c"), "last words\n");
  const auto lines = split(trim(w().logs("stays", "c")), '\n');
  EXPECT_EQ(lines.back(), std::to_string(lines.size()));  // None is missing.
  EXPECT_GT(lines.size(), 25U);
  EXPECT_EQ(w().exec("stays", "c", "echo still").output, "still\n");
  EXPECT_EQ(w().processes(), 3);
}

// Run by the test below in a process of its own: a daemon that is killed in the middle of its work.
TEST(DaemonToKill, RunsPods) {
  const char* home = std::getenv("MINIK_TEST_DAEMON");
  if (home == nullptr) return;  // Only as a child.
  auto runtime = ProcessRuntime::start(
      config_in(home, std::getenv("MINIK_TEST_CLUSTER")), [](PodFact) {}, [](PodEvent) {});
  ASSERT_TRUE(runtime.ok() && (*runtime)->adopt().ok());
  std::vector<PodWish> wishes;
  for (int i = 0; i < 6; ++i) {
    wishes.push_back(
        {World::pod("k" + std::to_string(i), script_spec("exec sleep 600", "Always")), true, false});
  }
  (*runtime)->want(std::move(wishes), std::make_shared<api::Snapshot>());
  ::pause();
}

TEST_F(Survival, KilledInTheMiddleOfItsWork) {
  std::vector<api::ObjectPtr> pods;
  for (int i = 0; i < 6; ++i)
    pods.push_back(World::pod("k" + std::to_string(i), script_spec("exec sleep 600", "Always")));
  for (const int milliseconds : {15, 40, 70, 110, 160, 230}) {
    w().abandon();
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("MINIK_TEST_DAEMON", w().home().c_str(), 1);
      ::setenv("MINIK_TEST_CLUSTER", w().cluster().c_str(), 1);
      ::execl("/proc/self/exe", "daemon", "--gtest_filter=DaemonToKill.*", nullptr);
      ::_exit(1);
    }
    ::usleep(static_cast<useconds_t>(milliseconds) * 1000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    w().start();
    w().want(pods);
    for (int i = 0; i < 6; ++i) {
      const std::string name = "k" + std::to_string(i);
      ASSERT_TRUE(w().wait_running(name)) << name << " after " << milliseconds << " ms\n" << w().events();
      EXPECT_EQ(w().fact(name).containers[0].restarts, 0);
      EXPECT_EQ(w().exec(name, "c", "hostname").output, name + "\n");
    }
    EXPECT_EQ(sh("ls " + w().home() + "/state/ctr | wc -l").output, "6\n");
    EXPECT_EQ(w().processes(), 6);
    w().want({});
    for (int i = 0; i < 500 && w().processes() > 0; ++i) ::usleep(10'000);
    EXPECT_EQ(w().processes(), 0);
  }
}

TEST_F(Survival, AShimThatDiesTakesNoContainerWithIt) {
  w().want({World::pod("shimless", script_spec("exec sleep 600", "Always"))});
  ASSERT_TRUE(w().wait_running("shimless")) << w().events();
  const int pid = w().pid_of("shimless");
  const auto shim = sh("pgrep -f '^[^ ]*minik-shim " + w().home() + "/run/pods'");
  const auto shim_pid = parse_int(trim(shim.output));
  ASSERT_TRUE(shim_pid.has_value()) << shim.output;
  ::kill(static_cast<pid_t>(*shim_pid), SIGKILL);
  EXPECT_FALSE(w().wait_fact(
      "shimless", [](const PodFact& f) { return f.containers[0].state.kind != Kind::kRunning; }, 1));
  EXPECT_EQ(::kill(pid, 0), 0);
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(w().wait_fact("shimless", [](const PodFact& f) {
    return f.containers[0].restarts == 1 && f.containers[0].state.kind == Kind::kRunning;
  })) << w().events();
  EXPECT_EQ(w().fact("shimless").containers[0].last->reason, "ContainerStatusUnknown");
  EXPECT_EQ(w().fact("shimless").containers[0].last->exit_code, 137);
}

TEST_F(Survival, ALostSandboxIsMadeAnew) {
  const auto pod = World::pod("reboot", script_spec("exec sleep 600", "Always"));
  w().want({pod});
  ASSERT_TRUE(w().wait_running("reboot")) << w().events();
  w().abandon();
  ASSERT_TRUE(remove_leftovers(w().config()).ok());  // As after a reboot: RUN is empty, STATE is there.
  w().start();
  w().want({pod});
  ASSERT_TRUE(w().wait_fact("reboot", [](const PodFact& f) {
    return f.containers[0].restarts == 1 && f.containers[0].state.kind == Kind::kRunning;
  })) << w().events();
  EXPECT_TRUE(w().wait_event("SandboxChanged", "Pod sandbox changed"));
}

TEST_F(Survival, TearDownLeavesNothing) {
  const std::string pins = "ls /run/netns | grep -c '^minik-" + w().cluster() + "-default'";
  w().want(
      {World::pod("a", script_spec("exec sleep 600")), World::pod("b", script_spec("exit 0")),
       World::pod("c",
                  "containers:\n- {name: x, image: nginx}\n- {name: y, image: nginx, args: [--port=81]}\n")});
  ASSERT_TRUE(w().wait_running("a") && w().wait_ended("b") && w().wait_running("c")) << w().events();
  const int pid = w().pid_of("a");
  EXPECT_EQ(w().processes(), 3);
  EXPECT_EQ(sh(pins).output, "3\n");
  w().runtime().tear_down();
  EXPECT_EQ(w().processes(), 0);
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(mounts_of(w().home()), "0\n");
  EXPECT_EQ(sh(pins).output, "0\n");
  EXPECT_FALSE(path_exists(w().home() + "/run"));
  EXPECT_FALSE(path_exists(w().home() + "/state/ctr"));
  EXPECT_TRUE(path_exists(w().config().node_netns));  // Not ours.
}

TEST_F(Survival, LeftoversGoWithoutADaemon) {
  w().want({World::pod("a", script_spec("exec sleep 600")), World::pod("b", script_spec("exec sleep 600"))});
  ASSERT_TRUE(w().wait_running("a") && w().wait_running("b")) << w().events();
  const int pid = w().pid_of("a");
  w().abandon();
  const auto shim = sh("pgrep -f '^[^ ]*minik-shim " + w().home() + "/run/pods/" + World::uid_of("b") + "'");
  ::kill(static_cast<pid_t>(parse_int(trim(shim.output)).value_or(1'000'000'000)), SIGKILL);
  const auto removed = remove_leftovers(w().config());
  EXPECT_TRUE(removed.ok()) << removed.error().message();
  EXPECT_EQ(w().processes(), 0);
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(mounts_of(w().home()), "0\n");
  EXPECT_FALSE(path_exists(w().home() + "/run"));
  EXPECT_TRUE(remove_leftovers(w().config()).ok());
}

}  // namespace
}  // namespace minik::runtime_test
