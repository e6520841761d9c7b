// Probes over a real link, and what else needs a pod with a network: identity, hostNetwork, names.
#include <csignal>

#include "tests/kernel/runtime_world.h"

namespace minik::runtime_test {
namespace {

using Kind = ContainerState::Kind;

class Probes : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_ROOT_AND_CRUN();
    world_ = std::make_unique<World>();
  }
  World& w() { return *world_; }
  // A link from the node to the pod, as cni would lay it: then the pod is wired.
  void run_wired(const api::ObjectPtr& pod, const std::string& ip) {
    w().want({pod}, false);
    ASSERT_TRUE(w().wait_fact(pod->name(), [](const PodFact& fact) { return fact.sandbox_ready; }))
        << w().events();
    const std::string node = "minik-" + w().cluster() + "-node";
    const std::string inside = w().fact(pod->name()).netns_path.substr(11);
    const auto made =
        sh("ip -n " + node + " link add v0 type veth peer name eth0 netns " + inside + " && ip -n " + node +
           " addr add 10.250.0.1/24 dev v0 && ip -n " + node + " link set v0 up && ip -n " + inside +
           " addr add " + ip + "/24 dev eth0 && ip -n " + inside + " link set eth0 up");
    ASSERT_EQ(made.status, 0) << made.output;
    w().want({pod});
  }
  bool wait_ready(const std::string& name, bool ready, int seconds = 10) {
    return w().wait_fact(
        name, [&](const PodFact& f) { return f.containers[0].ready == ready; }, seconds);
  }
  std::unique_ptr<World> world_;
};

TEST_F(Probes, HttpReadinessFollowsTheServer) {
  const std::string spec =
      "containers:\n- name: c\n  image: nginx\n  ports: [{name: web, containerPort: 80}]\n"
      "  readinessProbe: {httpGet: {path: /healthz, port: web}, periodSeconds: 1, failureThreshold: 1}\n";
  const auto pod = World::pod("http", spec);
  run_wired(pod, "10.250.0.9");
  ASSERT_TRUE(wait_ready("http", true)) << w().events();
  const int pid = w().pid_of("http");
  ::kill(pid, SIGSTOP);
  EXPECT_TRUE(wait_ready("http", false)) << w().events();
  EXPECT_TRUE(w().wait_event(
      "Unhealthy",
      "Readiness probe failed: Get \"http://10.250.0.9:80/healthz\": context deadline exceeded"));
  ::kill(pid, SIGCONT);
  EXPECT_TRUE(wait_ready("http", true));
  w().start();  // Readiness outlives the daemon.
  EXPECT_TRUE(w().fact("http").containers[0].ready);
  w().want({pod});
  EXPECT_FALSE(wait_ready("http", false, 2));
}

TEST_F(Probes, TcpAndExec) {
  const std::string spec =
      "containers:\n- name: tcp\n  image: nginx\n  readinessProbe: {tcpSocket: {port: 81}, periodSeconds: "
      "1}\n"
      "- name: exec\n  image: host\n  command: [sleep, '60']\n"
      "  readinessProbe: {exec: {command: [cat, /dev/shm/ready]}, periodSeconds: 1}\n";
  run_wired(World::pod("two", spec), "10.250.0.9");
  EXPECT_TRUE(w().wait_event("Unhealthy",
                             "Readiness probe failed: dial tcp 10.250.0.9:81: connect: connection refused"));
  EXPECT_TRUE(
      w().wait_event("Unhealthy", "Readiness probe failed: cat: /dev/shm/ready: No such file or directory"));
  EXPECT_EQ(w().exec("two", "exec", "touch /dev/shm/ready").code, 0);
  EXPECT_TRUE(
      w().wait_fact("two", [](const PodFact& f) { return f.containers[1].ready && !f.containers[0].ready; }));
}

TEST_F(Probes, LivenessRestartsAndStartupComesFirst) {
  const std::string spec =
      script_spec("trap 'exit 0' TERM; touch /dev/shm/up; while :; do sleep 0.1; done", "Always",
                  "  startupProbe: {exec: {command: [test, -e, /dev/shm/up]}, periodSeconds: 1}\n"
                  "  livenessProbe: {exec: {command: [test, '!', -e, /dev/shm/sick]}, "
                  "periodSeconds: 1, failureThreshold: 1}\n");
  w().want({World::pod("live", spec)});
  ASSERT_TRUE(w().wait_fact("live", [](const PodFact& f) { return f.containers[0].started; }))
      << w().events();
  EXPECT_EQ(w().exec("live", "c", "touch /dev/shm/sick").code, 0);
  ASSERT_TRUE(w().wait_fact("live", [](const PodFact& f) { return f.containers[0].restarts == 1; }))
      << w().events();
  EXPECT_TRUE(w().wait_event("Killing", "Container c failed liveness probe, will be restarted"));
}

TEST_F(Probes, UserWorkingDirectoryAndReadOnlyRoot) {
  const std::string spec = script_spec("id -u; id -g; pwd; touch /x 2>/dev/null || echo sealed", "Never",
                                       "  workingDir: /not/yet/there\n"
                                       "  securityContext: {runAsUser: 33, readOnlyRootFilesystem: true}\n");
  w().want({World::pod("user", spec)});
  ASSERT_TRUE(w().wait_ended("user")) << w().events();
  EXPECT_EQ(w().logs("user", "c"), "33\n33\n/not/yet/there\nsealed\n");
}

TEST_F(Probes, HostNetworkIsTheNodes) {
  w().want({World::pod(
      "host", "hostNetwork: true\n" + script_spec("hostname; readlink /proc/self/ns/net; exec sleep 60"))});
  ASSERT_TRUE(w().wait_running("host")) << w().events();
  EXPECT_EQ(w().fact("host").netns_path, w().config().node_netns);
  for (int i = 0; i < 50 && w().logs("host", "c").find("net:") == std::string::npos; ++i) ::usleep(20'000);
  const auto node = sh("stat -Lc 'net:[%i]' " + w().config().node_netns);
  EXPECT_EQ(w().logs("host", "c"), "node-1\n" + node.output);
}

TEST_F(Probes, TwoPodsNeverShareAName) {
  const auto first = World::pod("same", script_spec("exec sleep 60"));
  Json body = first->body();
  body["metadata"]["uid"] = "11111111-0000-4000-8000-000000000000";
  const auto second = std::make_shared<api::Object>("pods", 1, std::move(body));
  w().want({first});
  ASSERT_TRUE(w().wait_running("same")) << w().events();
  w().want({second});  // The first is being torn down meanwhile.
  ASSERT_TRUE(w().wait_event("Started", "Started container c"));
  const std::string path = "/run/netns/minik-" + w().cluster() + "-default-";
  for (int i = 0; i < 200 && path_exists(path + "same"); ++i) ::usleep(20'000);
  EXPECT_FALSE(path_exists(path + "same"));
  EXPECT_TRUE(path_exists(path + "11111111-same"));
}

}  // namespace
}  // namespace minik::runtime_test
