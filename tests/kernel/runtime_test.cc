// Containers for real: start, end, logs, files, deletion.
#include <csignal>

#include "tests/kernel/runtime_world.h"

namespace minik::runtime_test {
namespace {

using Kind = ContainerState::Kind;

class Containers : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_ROOT_AND_CRUN();
    world_ = std::make_unique<World>();
  }
  World& w() { return *world_; }
  std::unique_ptr<World> world_;
};

TEST_F(Containers, ExitCodesAreReported) {
  const auto zero = World::pod("zero", script_spec("exit 0"));
  const auto some = World::pod("some", script_spec("exit 42"));
  const auto killed = World::pod("killed", script_spec("exec sleep 60"));
  w().want({zero, some, killed});
  ASSERT_TRUE(w().wait_ended("zero")) << w().events();
  EXPECT_EQ(w().fact("zero").containers[0].state.reason, "Completed");
  ASSERT_TRUE(w().wait_ended("some")) << w().events();
  const auto state = w().fact("some").containers[0].state;
  EXPECT_EQ(state.exit_code, 42);
  EXPECT_EQ(state.reason, "Error");
  EXPECT_EQ(state.container_id.size(), 7U + 64U);
  EXPECT_LE(state.started, state.finished);
  ASSERT_TRUE(w().wait_running("killed")) << w().events();
  ::kill(w().pid_of("killed"), SIGKILL);
  ASSERT_TRUE(w().wait_ended("killed"));
  EXPECT_EQ(w().fact("killed").containers[0].state.exit_code, 137);
  EXPECT_EQ(w().fact("killed").containers[0].state.signal, 9);
}

TEST_F(Containers, StartsOnlyOnceWired) {
  std::vector<api::ObjectPtr> pods;
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) {
    const std::string name = "fast" + std::to_string(i);
    pods.push_back(World::pod(name, script_spec("exec sleep 60")));
    w().want(pods, false);
    ASSERT_TRUE(w().wait_fact(name, [](const PodFact& fact) { return fact.sandbox_ready; }));
    const auto before = std::chrono::steady_clock::now();
    w().want(pods);
    ASSERT_TRUE(w().wait_running(name)) << w().events();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count());
  }
  std::sort(times.begin(), times.end());
  RecordProperty("median_ms", std::to_string(times[times.size() / 2]));
  std::printf("sandbox to Running: median %.1f ms, worst %.1f ms\n", times[times.size() / 2], times.back());
}

TEST_F(Containers, MissingBinaryIsAStartError) {
  const auto pod = World::pod(
      "nope", "restartPolicy: Always\ncontainers:\n- {name: c, image: host, command: [/no/such]}\n");
  w().want({pod});
  ASSERT_TRUE(w().wait_fact("nope", [](const PodFact& f) {
    return f.containers[0].restarts == 1 && f.containers[0].state.reason == "CrashLoopBackOff";
  })) << w().events();
  const auto fact = w().fact("nope").containers[0];
  EXPECT_EQ(fact.state.message,
            "back-off 10s restarting failed container=c pod=nope_default(" + World::uid_of("nope") + ")");
  ASSERT_TRUE(fact.last.has_value());
  EXPECT_EQ(fact.last->reason, "StartError");
  EXPECT_EQ(fact.last->exit_code, 128);
  EXPECT_NE(fact.last->message.find("/no/such"), std::string::npos);
  EXPECT_TRUE(w().wait_event("BackOff", "Back-off restarting failed container c in pod nope_default("));
}

TEST_F(Containers, NothingStartsBeforeItIsWired) {
  const auto pod = World::pod("wire", script_spec("exec sleep 60"));
  w().want({pod}, false);
  ASSERT_TRUE(w().wait_fact("wire", [](const PodFact& fact) { return fact.sandbox_ready; }));
  ASSERT_TRUE(w().wait_event("Created", "Created container: c"));
  EXPECT_EQ(w().fact("wire").netns_path, "/run/netns/minik-" + w().cluster() + "-default-wire");
  EXPECT_FALSE(w().wait_fact(
      "wire", [](const PodFact& f) { return f.containers[0].state.kind != Kind::kWaiting; }, 1));
  EXPECT_EQ(w().fact("wire").containers[0].state.reason, "ContainerCreating");
  w().want({pod});
  ASSERT_TRUE(w().wait_running("wire")) << w().events();
  const auto last = w().events();
  EXPECT_LT(last.find("Pulled: "), last.find("Created: "));
  EXPECT_LT(last.find("Created: "), last.find("Started: Started container c"));
}

TEST_F(Containers, LogsKeepLongAndUnfinishedLines) {
  const std::string script =
      "echo one; echo two >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf part";
  w().want({World::pod("talk", script_spec(script))});
  ASSERT_TRUE(w().wait_ended("talk")) << w().events();
  const std::string log = w().logs("talk", "c");
  EXPECT_NE(log.find("one\n"), std::string::npos);
  EXPECT_NE(log.find("two\n"), std::string::npos);
  EXPECT_NE(log.find(std::string(40000, 'x') + "\n"), std::string::npos);
  EXPECT_TRUE(ends_with(log, "\npart")) << log.substr(log.size() - 20);
  const auto raw = sh("cat " + w().home() + "/state/logs/*/c/0.log | cut -c1-60");
  EXPECT_NE(raw.output.find("Z stdout P xxxx"), std::string::npos) << raw.output;
  EXPECT_NE(raw.output.find("Z stderr F two"), std::string::npos);
}

TEST_F(Containers, LogsTailLimitAndPrevious) {
  const std::string script =
      "seq 1 1000; [ -e /dev/shm/again ] && exec sleep 60; touch /dev/shm/again; exit 3";
  w().want({World::pod("tail", script_spec(script, "Always"))});
  ASSERT_TRUE(w().wait_fact("tail", [](const PodFact& f) {
    return f.containers[0].restarts == 1 && f.containers[0].state.kind == Kind::kRunning;
  })) << w().events();
  LogRequest request{"default", "tail", World::uid_of("tail"), "c", false, true, false, 3, {}, {}, {}};
  std::string text;
  const auto sink = [&](std::string_view piece) {
    text += piece;
    return true;
  };
  ASSERT_TRUE(w().runtime().logs(request, sink).ok());
  EXPECT_EQ(text, "998\n999\n1000\n");
  text.clear();
  request.tail_lines.reset();
  request.limit_bytes = 5;
  ASSERT_TRUE(w().runtime().logs(request, sink).ok());
  EXPECT_EQ(text, "1\n2\n3");
  EXPECT_EQ(w().fact("tail").containers[0].last->exit_code, 3);
  EXPECT_EQ(w().logs("tail", "x"), "error: container x is not valid for pod tail");
}

TEST_F(Containers, LogsFollowUntilTheEnd) {
  w().want({World::pod("follow", script_spec("for i in 1 2 3 4; do echo $i; sleep 0.3; done"))});
  ASSERT_TRUE(w().wait_running("follow")) << w().events();
  LogRequest request{"default", "follow", World::uid_of("follow"), "c", true, false, false, {}, {}, {}, {}};
  std::string text;
  ASSERT_TRUE(w().runtime()
                  .logs(request,
                        [&](std::string_view piece) {
                          text += piece;
                          return true;
                        })
                  .ok());
  EXPECT_EQ(text, "1\n2\n3\n4\n");
}

TEST_F(Containers, ContainersOfAPodShareItsNetwork) {
  const std::string spec =
      "restartPolicy: Never\ncontainers:\n- {name: web, image: nginx}\n"
      "- {name: client, image: host, command: [/bin/sh, -c, 'sleep 0.3; curl -s http://127.0.0.1/; curl -s "
      "http://127.0.0.1/hostname']}\n";
  w().want({World::pod("pair", spec)});
  ASSERT_TRUE(w().wait_fact("pair", [](const PodFact& f) {
    return f.containers.size() == 2 && f.containers[1].state.kind == Kind::kTerminated;
  })) << w().events();
  EXPECT_EQ(w().logs("pair", "client"), "Hello from pair at 127.0.0.1\npair");
  EXPECT_TRUE(w().wait_event("Pulled", "Image \"nginx\" is not on this machine"));
  EXPECT_TRUE(starts_with(w().fact("pair").containers[0].image_id, "minik://alias/host@sha256:"));
}

TEST_F(Containers, FilesAndEnvironmentAreTheKubelets) {
  Json service{
      {"kind", "Service"},
      {"metadata",
       {{"name", "my-db"}, {"namespace", "default"}, {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
      {"spec", {{"clusterIP", "10.96.0.55"}, {"clusterIPs", {"10.96.0.55"}}, {"ports", {{{"port", 5432}}}}}}};
  w().objects.put(std::make_shared<api::Object>("services", 1, std::move(service)));
  const auto pod =
      World::pod("env", script_spec("exec sleep 60", "Never",
                                    "  env:\n  - {name: A, value: 'a $(HOST_IP) $(MY_DB_SERVICE_HOST)'}\n"
                                    "  - {name: POD, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"));
  w().want({pod});
  ASSERT_TRUE(w().wait_running("env")) << w().events();
  EXPECT_EQ(
      w().exec("env", "c", "cat /etc/hosts").output,
      "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
      "10.250.0.9\tenv\n");
  EXPECT_EQ(w().exec("env", "c", "head -1 /etc/resolv.conf; tail -1 /etc/resolv.conf").output,
            "nameserver 10.96.0.10\noptions ndots:5\n");
  EXPECT_EQ(w().exec("env", "c", "echo \"$A|$POD|$MY_DB_PORT|$HOSTNAME|$HOME|$(hostname)\"").output,
            "a $(HOST_IP) 10.96.0.55|10.250.0.9|tcp://10.96.0.55:5432|env|/root|env\n");
  EXPECT_EQ(w().exec("env", "c", "cat /proc/sys/net/ipv6/conf/all/accept_redirects").output, "0\n");
}

TEST_F(Containers, HostImageHidesWhatIsNotAPodsBusiness) {
  ASSERT_TRUE(write_file(w().home() + "/state/secret", "x").ok());
  w().want({World::pod("hide", script_spec("exec sleep 60"))});
  ASSERT_TRUE(w().wait_running("hide")) << w().events();
  const auto look =
      w().exec("hide", "c",
               "ls -A /root /home /run /tmp /var/log /boot /srv; ls -d /etc/shadow /work /lost+found " +
                   w().home() + " 2>&1 | grep -vc 'No such file'; id -u; touch /usr/bin/mine && echo own");
  EXPECT_EQ(look.output.find("secret"), std::string::npos);
  EXPECT_NE(look.output.find("0\nown\n"), std::string::npos) << look.output;
  EXPECT_FALSE(path_exists("/usr/bin/mine"));
  EXPECT_EQ(w().exec("hide", "c", "ls -A /root /run /tmp").output, "/root:\n\n/run:\n\n/tmp:\n");
  EXPECT_EQ(w().exec("hide", "c", "grep NoNewPrivs /proc/self/status").output, "NoNewPrivs:\t1\n");
  EXPECT_EQ(w().exec("hide", "c", "grep Seccomp: /proc/self/status").output, "Seccomp:\t2\n");
  EXPECT_NE(w().exec("hide", "c", "unshare --pid true 2>/dev/null; date -s 2020-01-01 >/dev/null 2>&1").code,
            0);
}

TEST_F(Containers, ExecAnswersTheProgramsCode) {
  w().want({World::pod("exec", script_spec("exec sleep 60"))});
  ASSERT_TRUE(w().wait_running("exec")) << w().events();
  EXPECT_EQ(w().exec("exec", "c", "exit 3").code, 3);
  EXPECT_EQ(w().exec("exec", "c", "kill -9 $$").code, 137);
  EXPECT_EQ(w().exec("exec", "c", "exit 255").code, 255);
  auto session = w().runtime().exec({World::uid_of("exec"), "c", {"/no/such"}, false});
  ASSERT_TRUE(session.ok());
  const auto code = session->wait();
  ASSERT_FALSE(code.ok());
  EXPECT_NE(code.error().message().find("/no/such"), std::string::npos);
  auto cat = w().runtime().exec({World::uid_of("exec"), "c", {"/bin/cat"}, true});
  ASSERT_TRUE(cat.ok());
  ASSERT_EQ(::write(cat->input.get(), "hello", 5), 5);
  cat->input.reset();
  std::array<char, 16> buffer{};
  EXPECT_EQ(::read(cat->output.get(), buffer.data(), buffer.size()), 5);
  EXPECT_EQ(*cat->wait(), 0);
  auto sleep = w().runtime().exec({World::uid_of("exec"), "c", {"/bin/sleep", "54321"}, false});
  ASSERT_TRUE(sleep.ok());
  ::usleep(100'000);
  sleep->kill();
  EXPECT_EQ(*sleep->wait(), 137);
  EXPECT_EQ(w().exec("none", "c", "true").error, "container not found (\"c\")");
}

TEST_F(Containers, InitContainersRunInOrder) {
  const std::string spec =
      "restartPolicy: Never\ninitContainers:\n"
      "- {name: one, image: host, command: [/bin/sh, -c, 'sleep 0.2; echo one > /dev/shm/order']}\n"
      "- {name: two, image: host, command: [/bin/sh, -c, 'echo two >> /dev/shm/order']}\n"
      "containers:\n- {name: c, image: host, command: [/bin/cat, /dev/shm/order]}\n";
  w().want({World::pod("init", spec)});
  ASSERT_TRUE(w().wait_fact("init", [](const PodFact& f) { return f.containers.size() == 3; }));
  ASSERT_TRUE(w().wait_ended("init")) << w().events();
  EXPECT_EQ(w().logs("init", "c"), "one\ntwo\n");
  EXPECT_TRUE(w().fact("init").containers[0].ready);
}

TEST_F(Containers, UnknownImagesWaitInKubectlsWords) {
  const std::string spec =
      "containers:\n- {name: a, image: example.com/none, imagePullPolicy: IfNotPresent}\n"
      "- {name: b, image: example.com/none, imagePullPolicy: Never}\n- {name: c, image: 'No Name'}\n";
  w().want({World::pod("pull", spec)});
  ASSERT_TRUE(w().wait_fact("pull", [](const PodFact& f) {
    return f.containers[0].state.reason == "ImagePullBackOff" &&
           f.containers[1].state.reason == "ErrImageNeverPull" &&
           f.containers[2].state.reason == "InvalidImageName";
  })) << w().events();
  EXPECT_EQ(w().fact("pull").containers[0].state.message, "Back-off pulling image \"example.com/none\"");
  EXPECT_EQ(w().fact("pull").containers[1].state.message,
            "Container image \"example.com/none\" is not present with pull policy of Never");
  EXPECT_EQ(w().logs("pull", "a"),
            "error: container \"a\" in pod \"pull\" is waiting to start: trying and failing to pull image");
  EXPECT_TRUE(w().wait_event("Failed", "Error: ImagePullBackOff"));
}

TEST_F(Containers, ImagesOfADirectoryRun) {
  const std::string tree = w().home() + "/tree";
  sh("mkdir -p " + tree + "/bin " + tree + "/etc && cp " + w().config().shim + " " + tree +
     "/bin/static && ln -s static " + tree + "/bin/link");
  ASSERT_TRUE(w().runtime().add_image("tiny", tree).ok());
  EXPECT_EQ(w().runtime().add_image("state", w().home() + "/state").error().code(), Code::kInvalid);
  EXPECT_EQ(w().runtime().add_image("host", tree).error().code(), Code::kInvalid);
  const auto images = w().runtime().images();
  ASSERT_EQ(images->size(), 2U);
  EXPECT_EQ(images->front().name, "docker.io/library/tiny:latest");
  w().want({World::pod(
      "tiny", "restartPolicy: Never\ncontainers:\n- {name: c, image: tiny, command: [/bin/link]}\n")});
  ASSERT_TRUE(w().wait_ended("tiny")) << w().events();
  EXPECT_EQ(w().fact("tiny").containers[0].state.exit_code, 2);  // Its usage.
  EXPECT_EQ(w().logs("tiny", "c"), "usage: minik-shim POD_DIR CRUN CRUN_ROOT\n");
  EXPECT_TRUE(w().runtime().remove_image("tiny").ok());
  EXPECT_EQ(w().runtime().remove_image("tiny").error().code(), Code::kNotFound);
}

TEST_F(Containers, DeletionGivesGrace) {
  const auto polite =
      World::pod("polite", script_spec("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.1; done"));
  const auto deaf = World::pod("deaf", script_spec("exec sleep 600"));
  w().want({polite, deaf});
  ASSERT_TRUE(w().wait_running("polite") && w().wait_running("deaf")) << w().events();
  for (int i = 0; i < 50 && w().logs("polite", "c") != "up\n"; ++i) ::usleep(20'000);
  const auto before = std::chrono::steady_clock::now();
  w().want({World::deleted(polite, 30), World::deleted(deaf, 1)});
  ASSERT_TRUE(w().wait_fact(
      "polite", [](const PodFact& f) { return f.stopped; }, 5));
  EXPECT_EQ(w().fact("polite").containers[0].state.exit_code, 7);
  EXPECT_EQ(w().logs("polite", "c"), "up\nbye\n");
  ASSERT_TRUE(w().wait_fact(
      "deaf", [](const PodFact& f) { return f.stopped; }, 5));
  EXPECT_EQ(w().fact("deaf").containers[0].state.exit_code, 137);
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_GT(took, Millis(950));
  EXPECT_LT(took, Millis(4000));
  EXPECT_TRUE(w().wait_event("Killing", "Stopping container c"));
  w().want({});
  for (int i = 0; i < 100 && path_exists("/run/netns/minik-" + w().cluster() + "-default-polite"); ++i)
    ::usleep(20'000);
  EXPECT_FALSE(path_exists("/run/netns/minik-" + w().cluster() + "-default-polite"));
}

TEST_F(Containers, AFinishedContainerIsRestartedWithBackOff) {
  w().want({World::pod("loop", script_spec("exit 1", "Always"))});
  ASSERT_TRUE(w().wait_fact("loop", [](const PodFact& f) {
    return f.containers[0].restarts == 1 && f.containers[0].state.reason == "CrashLoopBackOff";
  })) << w().events();
  EXPECT_EQ(w().fact("loop").containers[0].last->exit_code, 1);
  EXPECT_FALSE(w().wait_fact(
      "loop", [](const PodFact& f) { return f.containers[0].restarts > 1; }, 2));
}

}  // namespace
}  // namespace minik::runtime_test
