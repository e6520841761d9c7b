// Whole commands against a scripted server: what they ask, what they print, what they answer.
#include <gtest/gtest.h>

#include "kubectl-lite/apply.h"
#include "kubectl-lite/change.h"
#include "kubectl-lite/delete.h"
#include "kubectl-lite/exec.h"
#include "kubectl-lite/fake_api.h"
#include "kubectl-lite/get.h"
#include "kubectl-lite/info.h"
#include "kubectl-lite/logs.h"
#include "kubectl-lite/minik_routes.h"
#include "kubectl-lite/pod_choice.h"
#include "kubectl-lite/wait.h"

namespace minik::kubectl {
namespace {

using Calls = std::vector<std::string>;
const std::string kPods = "/api/v1/namespaces/default/pods";

std::string table(const std::string& rows) {
  return R"({"kind":"Table","metadata":{"resourceVersion":"7"},"columnDefinitions":[)"
         R"({"name":"Name","type":"string","format":"name"},)"
         R"({"name":"Age","type":"string"}],"rows":[)" +
         rows + "]}";
}
std::string row(const std::string& name) {
  return R"({"cells":[")" + name + R"(","1s"],"object":{"metadata":{"namespace":"default"}}})";
}

TEST(Get, PartsKindsAndCollectsErrors) {
  FakeSession f;
  f.api.on("GET " + kPods + "/a", 200, table(row("a")));
  f.api.on("GET /api/v1/namespaces/default/services/s", 200, table(row("s")));
  f.api.on("GET " + kPods + "/nope", 404, status_body("NotFound", "pods \"nope\" not found"));
  GetOptions options;
  options.args = {"pod/a", "svc/s", "pod/nope"};
  const auto code = get(f.session, options);
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(*code, 1);
  EXPECT_EQ(f.out.str(), "NAME    AGE\npod/a   1s\n\nNAME        AGE\nservice/s   1s\n");
  EXPECT_EQ(f.err.str(), "Error from server (NotFound): pods \"nope\" not found\n");
}

TEST(Get, SaysWhenThereIsNothing) {
  FakeSession f;
  f.api.on("GET " + kPods, 200, table(""));
  f.api.on("GET /api/v1/namespaces", 200, table(""));
  GetOptions options;
  options.args = {"pods"};
  EXPECT_EQ(*get(f.session, options), 0);
  options.args = {"ns"};
  EXPECT_EQ(*get(f.session, options), 0);
  EXPECT_EQ(f.err.str(), "No resources found in default namespace.\nNo resources found\n");
  EXPECT_EQ(f.out.str(), "");
}

TEST(Get, WatchesFromTheListOn) {
  FakeSession f;
  f.api.on("GET " + kPods + "?labelSelector=app%3Dweb", 200, table(row("a")));
  f.api.on(
      "GET " + kPods + "?labelSelector=app%3Dweb&watch=true&resourceVersion=7", 200,
      R"({"type":"ADDED","object":)" + table(row("b")) + "}\n" + R"({"type":"BOOKMARK","object":{}})" + "\n");
  GetOptions options;
  options.args = {"pods"};
  options.labels = "app=web";
  options.watch = true;
  EXPECT_EQ(*get(f.session, options), 0);
  EXPECT_EQ(f.out.str(), "NAME   AGE\na      1s\nb      1s\n");
}

TEST(Get, WatchesOneObjectWithoutRepeatingIt) {
  FakeSession f;
  f.api.on("GET " + kPods + "/a", 200, table(row("a")));
  f.api.on("GET " + kPods + "?fieldSelector=metadata.name%3Da&watch=true&resourceVersion=0", 200,
           R"({"type":"ADDED","object":)" + table(row("a")) + "}\n" + R"({"type":"ERROR","object":)" +
               status_body("Expired", "too old") + "}\n");
  GetOptions options;
  options.args = {"pod", "a"};
  options.watch = true;
  const auto code = get(f.session, options);
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(code.error().message(), "Error from server (Expired): too old");
  EXPECT_EQ(f.out.str(), "NAME   AGE\na      1s\n");
}

TEST(Get, MakesOneListOfAll) {
  FakeSession f;
  f.api.on("GET " + kPods, 200, R"({"kind":"PodList","items":[{"metadata":{"name":"a"}}]})");
  GetOptions options;
  options.args = {"pods"};
  options.output = "yaml";
  EXPECT_EQ(*get(f.session, options), 0);
  EXPECT_EQ(f.out.str(),
            "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\nkind: "
            "List\nmetadata:\n  resourceVersion: \"\"\n");
}

TEST(Get, ShowsWarningsOnce) {
  FakeSession f;
  f.api.on("GET " + kPods, 200, table(row("a")), {"old", "old"});
  GetOptions options;
  options.args = {"pods"};
  EXPECT_EQ(*get(f.session, options), 0);
  EXPECT_EQ(f.err.str(), "Warning: old\n");
}

TEST(Delete, WaitsUntilItIsGone) {
  FakeSession f;
  const std::string list = "GET " + kPods + "?fieldSelector=metadata.name%3Da";
  f.api.on("DELETE " + kPods + "/a", 200, R"({"kind":"Pod","metadata":{"name":"a","uid":"u1"}})");
  f.api.on(list, 200,
           R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"a","uid":"u1"}}]})");
  f.api.on(list + "&timeoutSeconds=604800&watch=true&resourceVersion=9", 200,
           R"({"type":"MODIFIED","object":{"metadata":{"name":"a","uid":"u1"}}})"
           "\n"
           R"({"type":"DELETED","object":{}})"
           "\n");
  DeleteOptions options;
  options.args = {"pod", "a"};
  EXPECT_EQ(*remove(f.session, options), 0);
  EXPECT_EQ(f.out.str(), "pod \"a\" deleted\n");
  EXPECT_EQ(f.api.bodies.front(),
            R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background"})");
  EXPECT_EQ(f.api.calls.size(), 3U);
}

TEST(Delete, ANewObjectOfTheNameIsNotTheOldOne) {
  FakeSession f;
  f.api.on("DELETE " + kPods + "/a", 200, R"({"kind":"Status","details":{"uid":"u1"}})");
  f.api.on("GET " + kPods + "?fieldSelector=metadata.name%3Da", 200,
           R"({"items":[{"metadata":{"name":"a","uid":"u2"}}]})");
  DeleteOptions options;
  options.args = {"pod/a"};
  options.force = true;
  EXPECT_EQ(*remove(f.session, options), 0);
  EXPECT_EQ(f.out.str(), "pod \"a\" force deleted\n");
  EXPECT_EQ(
      f.api.bodies.front(),
      R"({"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions","propagationPolicy":"Background"})");
}

TEST(Delete, RefusesWhatIsAmbiguous) {
  FakeSession f;
  DeleteOptions options;
  options.args = {"pods"};
  EXPECT_EQ(remove(f.session, options).error().message(),
            "error: resource(s) were provided, but no name was specified");
  options.force = true;
  options.grace_seconds = 5;
  EXPECT_EQ(remove(f.session, options).error().message(),
            "error: --force and --grace-period greater than 0 cannot be specified together");
  EXPECT_TRUE(f.api.calls.empty());
}

TEST(Scale, PatchesTheSubresource) {
  FakeSession f;
  const std::string path = "/apis/apps/v1/namespaces/default/deployments/web";
  f.api.on("GET " + path, 200, R"({"spec":{"replicas":1}})");
  f.api.on("PATCH " + path + "/scale", 200, "{}");
  ScaleOptions options;
  options.args = {"deploy/web"};
  options.replicas = 3;
  EXPECT_EQ(*scale(f.session, options), 0);
  EXPECT_EQ(f.api.bodies.back(), R"({"spec":{"replicas":3}})");
  EXPECT_EQ(f.out.str(), "deployment.apps/web scaled\n");
  options.current_replicas = 2;
  EXPECT_EQ(*scale(f.session, options), 1);
  EXPECT_EQ(f.err.str(), "error: Expected replicas to be 2, was 1\n");
}

TEST(Label, SendsOnlyWhatChanges) {
  FakeSession f;
  f.api.on("GET " + kPods + "/a", 200, R"({"metadata":{"labels":{"x":"1","gone":"2"}}})");
  f.api.on("PATCH " + kPods + "/a?fieldManager=kubectl-label", 200, "{}");
  LabelOptions options;
  options.args = {"pod", "a", "x=1", "new=3", "gone-"};
  EXPECT_EQ(*label(f.session, options), 0);
  EXPECT_EQ(f.api.bodies.back(), R"({"metadata":{"labels":{"gone":null,"new":"3"}}})");
  options.args = {"pod", "a", "x=2"};
  EXPECT_EQ(*label(f.session, options), 1);
  EXPECT_EQ(f.err.str(), "error: 'x' already has a value (1), and --overwrite is false\n");
  EXPECT_EQ(f.out.str(), "pod/a labeled\n");
}

TEST(Logs, ChoosesPodAndContainer) {
  FakeSession f;
  f.api.on(
      "GET " + kPods + "/a", 200,
      R"({"metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"one"},{"name":"two"}]}})");
  f.api.on("GET " + kPods + "/a/log?follow=true&tailLines=5&container=one", 200, "line 1\nline 2\n");
  LogsOptions options;
  options.args = {"a"};
  options.follow = true;
  options.tail = 5;
  EXPECT_EQ(*logs(f.session, options), 0);
  EXPECT_EQ(f.out.str(), "line 1\nline 2\n");
  EXPECT_EQ(f.err.str(), "Defaulted container \"one\" out of: one, two\n");
  options.container = "zz";
  EXPECT_EQ(logs(f.session, options).error().message(), "error: container zz is not valid for pod a");
  EXPECT_EQ(exit_code(logs(f.session, LogsOptions()).error()), 2);
}

TEST(Logs, PrefixesLines) {
  FakeSession f;
  f.api.on(
      "GET " + kPods + "?labelSelector=app%3Dx", 200,
      R"({"items":[{"metadata":{"name":"a","namespace":"default"},"spec":{"containers":[{"name":"c"}]}}]})");
  f.api.on("GET " + kPods + "/a/log?tailLines=10&container=c", 200, "1\n2\n");
  LogsOptions options;
  options.labels = "app=x";
  options.prefix = true;
  EXPECT_EQ(*logs(f.session, options), 0);
  EXPECT_EQ(f.out.str(), "[pod/a/c] 1\n[pod/a/c] 2\n");
}

TEST(PodChoice, BestPodFirst) {
  const auto pod = [](const char* name, const char* phase, const char* ready, const char* created) {
    return Json{{"metadata", {{"name", name}, {"creationTimestamp", created}}},
                {"status",
                 {{"phase", phase}, {"conditions", Json::array({{{"type", "Ready"}, {"status", ready}}})}}}};
  };
  std::vector<Json> pods = {pod("pending", "Pending", "False", "3"), pod("unready", "Running", "False", "2"),
                            pod("old", "Running", "True", "1"), pod("new", "Running", "True", "2")};
  sort_pods(pods);
  std::vector<std::string> names;
  for (const Json& p : pods) names.push_back(name_of(p));
  EXPECT_EQ(names, (std::vector<std::string>{"new", "old", "unready", "pending"}));
  EXPECT_EQ(pod_selector({{"spec", {{"selector", {{"app", "x"}}}}}}), "app=x");
  EXPECT_EQ(pod_selector({{"spec", {{"selector", {{"matchLabels", {{"app", "x"}}}}}}}}), "app=x");
}

TEST(Exec, ReadsTheExitStatus) {
  EXPECT_EQ(*exit_code_of_status({{"status", "Success"}}), 0);
  const Json failed_3 = *parse_json(
      R"({"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
  EXPECT_EQ(*exit_code_of_status(failed_3), 3);
  EXPECT_EQ(exit_code_of_status({{"status", "Failure"}, {"message", "no shell"}}).error().message(),
            "error: no shell");
}

TEST(Wait, ForConditionsPathsAndDeletion) {
  FakeSession f;
  const std::string list = "GET " + kPods + "?fieldSelector=metadata.name%3Da";
  f.api.on(list, 200,
           R"({"items":[{"metadata":{"name":"a"},"status":{"phase":"Running",)"
           R"("conditions":[{"type":"Ready","status":"True"}]}}]})");
  f.api.on("GET " + kPods + "?fieldSelector=metadata.name%3Dnope", 200, R"({"items":[]})");
  WaitOptions options;
  options.args = {"pod/a"};
  for (const char* wish : {"condition=Ready", "condition=ready=true", "jsonpath={.status.phase}=Running",
                           "jsonpath=.status.phase",
                           "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True", "create"}) {
    options.condition = wish;
    EXPECT_EQ(*wait(f.session, options), 0) << wish;
  }
  options.args = {"pod/nope"};
  options.condition = "delete";
  EXPECT_EQ(*wait(f.session, options), 0);
  options.condition = "condition=Ready";
  EXPECT_EQ(*wait(f.session, options), 1);
  EXPECT_EQ(f.err.str(), "Error from server (NotFound): pods \"nope\" not found\n");
  options.condition = "x";
  EXPECT_EQ(wait(f.session, options).error().message(), "error: unrecognized condition: \"x\"");
}

TEST(Wait, SaysThatTheTimeIsOver) {
  FakeSession f;
  f.api.on("GET " + kPods + "?fieldSelector=metadata.name%3Da", 200,
           R"({"items":[{"metadata":{"name":"a"}}]})");
  WaitOptions options;
  options.args = {"pod/a"};
  options.condition = "delete";
  options.timeout = "0s";
  EXPECT_EQ(*wait(f.session, options), 1);
  EXPECT_EQ(f.err.str(), "error: timed out waiting for the condition on pods/a\n");
}

TEST(Rollout, TellsHowFarItIs) {
  const auto state = [](int wanted, int all, int updated, int available) {
    const Json d = {
        {"metadata", {{"name", "w"}}},
        {"spec", {{"replicas", wanted}}},
        {"status", {{"replicas", all}, {"updatedReplicas", updated}, {"availableReplicas", available}}}};
    return rollout_state(d)->text;
  };
  const std::string start = "Waiting for deployment \"w\" rollout to finish: ";
  EXPECT_EQ(state(3, 3, 1, 0), start + "1 out of 3 new replicas have been updated...");
  EXPECT_EQ(state(3, 5, 3, 3), start + "2 old replicas are pending termination...");
  EXPECT_EQ(state(3, 3, 3, 2), start + "2 of 3 updated replicas are available...");
  EXPECT_EQ(state(3, 3, 3, 3), "deployment \"w\" successfully rolled out");
  EXPECT_EQ(rollout_state({{"metadata", {{"generation", 2}}}})->text,
            "Waiting for deployment spec update to be observed...");
  const Json late = *parse_json(R"({"metadata":{"name":"w"},"status":{"conditions":[{"type":"Progressing",)"
                                R"("reason":"ProgressDeadlineExceeded"}]}})");
  EXPECT_EQ(rollout_state(late).error().message(), "error: deployment \"w\" exceeded its progress deadline");
}

TEST(Status, NamesThePartThatIsNotWell) {
  FakeSession f;
  f.api.on(
      "GET /minik/status", 200,
      R"({"cluster":"lab","version":"1","uptimeSeconds":61,"revision":5,"lastError":"x","counts":{"pods":2},)"
      R"("parts":[{"name":"store","ok":true,"detail":""},{"name":"dns","ok":false,"detail":"no socket"}]})");
  EXPECT_EQ(*cluster_status(f.session, ""), 1);
  EXPECT_EQ(f.out.str(),
            "Cluster:     lab\nVersion:     1\nUptime:      61s\nRevision:    5\nLast error:  x\n\nPART   OK "
            "  DETAIL\nstore  yes\n"
            "dns    NO   no socket\n\nOBJECTS  COUNT\npods     2\n");
}

TEST(Events, OldestFirst) {
  FakeSession f;
  f.api.on(
      "GET /api/v1/namespaces/default/events", 200,
      R"({"items":[{"type":"Normal","reason":"B","message":"two","lastTimestamp":"2020-01-01T00:00:02Z",)"
      R"("involvedObject":{"kind":"Pod","name":"p"}},)"
      R"({"type":"Warning","reason":"A","message":"one\n","lastTimestamp":"2020-01-01T00:00:01Z",)"
      R"("involvedObject":{"kind":"Pod","name":"p"}}]})");
  EXPECT_EQ(*events(f.session, {}), 0);
  EXPECT_EQ(f.out.str(),
            "LAST SEEN   TYPE      REASON   OBJECT   MESSAGE\n<unknown>   Warning   A        Pod/p    "
            "one\n<unknown>   Normal    B        Pod/p    two\n");
}

}  // namespace
}  // namespace minik::kubectl
