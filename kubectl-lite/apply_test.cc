#include "kubectl-lite/apply.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "kubectl-lite/fake_api.h"
#include "kubectl-lite/generate.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/resource_args.h"

namespace minik::kubectl {
namespace {

const api::Kind& services() { return *api::Schema::builtin().by_word("services"); }

const Json kManifest =
    *parse_json(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default"},)"
                R"("spec":{"ports":[{"port":80}],"selector":{"a":"<b>"}}})");
constexpr const char* kAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

TEST(Apply, WritesKubectlsAnnotation) {
  const Json object = with_last_applied(kManifest);
  EXPECT_EQ(object["metadata"]["annotations"][kAnnotation],
            "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"annotations\":{},\"name\":\"web\","
            "\"namespace\":\"default\"},"
            "\"spec\":{\"ports\":[{\"port\":80}],\"selector\":{\"a\":\"\\u003cb\\u003e\"}}}\n");
  EXPECT_EQ(with_last_applied(object), object) << "the annotation is not part of itself";
}

// What a server makes of a manifest: its own fields added.
Json live_of(const Json& manifest) {
  Json live = with_last_applied(manifest);
  live["metadata"]["uid"] = "u";
  live["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
  live["spec"]["clusterIP"] = "10.96.0.7";
  for (Json& port : live["spec"]["ports"]) {
    port["protocol"] = "TCP";
    port["targetPort"] = port["port"];
  }
  return live;
}

TEST(Apply, LeavesAnUnchangedObjectAlone) {
  EXPECT_EQ(plan_apply(services(), kManifest, live_of(kManifest)).action, ApplyPlan::Action::kNothing);
  Json generated = kManifest;
  generated["metadata"]["creationTimestamp"] = nullptr;
  Json live = live_of(generated);
  EXPECT_EQ(plan_apply(services(), generated, live).action, ApplyPlan::Action::kNothing);
}

TEST(Apply, ChangesWhatTheManifestChanges) {
  Json manifest = kManifest;
  manifest["spec"]["ports"] = *parse_json(R"([{"port":81,"name":"x"}])");
  manifest["spec"]["selector"] = *parse_json(R"({"c":"d"})");
  const ApplyPlan plan = plan_apply(services(), manifest, live_of(kManifest));
  EXPECT_EQ(plan.action, ApplyPlan::Action::kReplace);
  EXPECT_TRUE(plan.had_annotation);
  EXPECT_EQ(plan.object["spec"]["ports"], *parse_json(R"([{"port":81,"name":"x"}])"))
      << "port 80 was ours and is gone";
  EXPECT_EQ(plan.object["spec"]["selector"], *parse_json(R"({"c":"d"})"));
  EXPECT_EQ(plan.object["spec"]["clusterIP"], "10.96.0.7") << "the server's own fields stay";
  EXPECT_EQ(plan.object["metadata"]["uid"], "u");
}

TEST(Apply, KeepsWhatOthersSet) {
  Json live = live_of(kManifest);
  live["metadata"]["labels"] = {{"other", "1"}};
  live["metadata"]["annotations"].erase(kAnnotation);
  const ApplyPlan plan = plan_apply(services(), kManifest, live);
  EXPECT_FALSE(plan.had_annotation);
  EXPECT_EQ(plan.action, ApplyPlan::Action::kReplace) << "the annotation is added";
  EXPECT_EQ(plan.object["metadata"]["labels"]["other"], "1");
}

class ApplyFile : public testing::Test {
 protected:
  ApplyFile() {
    std::ofstream(file_) << to_text(kManifest);
    options_.files = {file_};
  }
  ~ApplyFile() override { std::remove(file_.c_str()); }

  const std::string file_ = testing::TempDir() + "kubectl-lite-apply-" + random_hex(4) + ".yaml";
  const std::string path_ = "/api/v1/namespaces/default/services";
  const std::string query_ = "?fieldManager=kubectl-client-side-apply&fieldValidation=Strict";
  WriteOptions options_;
  FakeSession f_;
};

TEST_F(ApplyFile, Creates) {
  f_.api.on("POST " + path_ + query_, 201, to_text(kManifest));
  EXPECT_EQ(*apply(f_.session, options_), 0);
  EXPECT_EQ(f_.out.str(), "service/web created\n");
  EXPECT_EQ(*parse_json(f_.api.bodies.back()), with_last_applied(kManifest));
}

TEST_F(ApplyFile, TriesAgainAfterAConflict) {
  Json live = live_of(kManifest);
  live["spec"]["selector"] = {{"a", "z"}};
  f_.api.on("GET " + path_ + "/web", 200, to_text(live));
  f_.api.on("PUT " + path_ + "/web" + query_, 409, status_body("Conflict", "changed"));
  f_.api.on("PUT " + path_ + "/web" + query_, 200, to_text(live));
  EXPECT_EQ(*apply(f_.session, options_), 0);
  EXPECT_EQ(f_.api.calls.size(), 4U);
  EXPECT_EQ(f_.out.str(), "service/web configured\n");
}

TEST_F(ApplyFile, NamesTheFileInErrors) {
  f_.api.on("POST " + path_ + query_, 400, status_body("BadRequest", "unknown field \"spec.x\""));
  EXPECT_EQ(*apply(f_.session, options_), 1);
  EXPECT_EQ(f_.err.str(), "Error from server (BadRequest): error when creating \"" + file_ +
                              "\": unknown field \"spec.x\"\n");
}

TEST_F(ApplyFile, DryRunOfTheClientSendsNothing) {
  options_.dry_run = "client";
  EXPECT_EQ(*apply(f_.session, options_), 0);
  EXPECT_EQ(f_.out.str(), "service/web created (dry run)\n");
  EXPECT_EQ(f_.api.calls.size(), 1U) << "only the look at what is there";
}

std::string load_error(const std::string& text) {
  const auto loaded = parse_manifests(text, "x.yaml", "default", true);
  return loaded.ok() ? "" : loaded.error().message();
}

TEST(Manifests, ReadsDocumentsAndLists) {
  const auto loaded = parse_manifests(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\n---\napiVersion: v1\nkind: List\nitems:\n"
      "- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n- {apiVersion: v1, kind: Pod, metadata: {name: q, "
      "namespace: default}}\n",
      "x.yaml", "default", true);
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->size(), 3U);
  EXPECT_EQ(namespace_of((*loaded)[0].object), "");
  EXPECT_EQ(namespace_of((*loaded)[1].object), "default");
  EXPECT_EQ(name_of((*loaded)[2].object), "q");
}

TEST(Manifests, SaysWhatIsWrong) {
  EXPECT_EQ(load_error("a: b\n  c: d\n").substr(0, 37), "error: error parsing x.yaml: line 2, ");
  EXPECT_EQ(load_error("kind: Pod\n"),
            "error: error validating \"x.yaml\": error validating data: [apiVersion not set]; if you choose "
            "to ignore these errors, turn "
            "validation off with --validate=false");
  EXPECT_EQ(load_error("{apiVersion: v1, kind: Foo, metadata: {name: f}}"),
            "error: resource mapping not found for name: \"f\" namespace: \"\" from \"x.yaml\": no matches "
            "for kind \"Foo\" in version "
            "\"v1\"\nensure CRDs are installed first");
  EXPECT_EQ(load_error("{apiVersion: v1, kind: Pod, metadata: {name: f, namespace: b}}"),
            "error: the namespace from the provided object \"b\" does not match the namespace \"default\". "
            "You must pass '--namespace=b' "
            "to perform this operation.");
  FakeSession f;
  EXPECT_EQ(load_manifests(f.session, {"/nope"}, false).error().message(),
            "error: the path \"/nope\" does not exist");
}

TEST(Generate, Deployment) {
  DeploymentFlags flags;
  flags.name = "web";
  flags.images = {"docker.io/library/nginx:1.25"};
  flags.command = {"a", "b"};
  flags.port = 80;
  const auto object = deployment_object(flags, "n");
  ASSERT_TRUE(object.ok());
  EXPECT_EQ((*object)["spec"]["template"]["spec"]["containers"],
            *parse_json(R"([{"name":"nginx","image":"docker.io/library/nginx:1.25","command":["a","b"],)"
                        R"("ports":[{"containerPort":80}]}])"));
  EXPECT_EQ((*object)["spec"]["selector"]["matchLabels"]["app"], "web");
}

TEST(Generate, ServiceOfADeployment) {
  const Json target = *parse_json(
      R"({"metadata":{"name":"web","namespace":"n"},"spec":{"selector":{"matchLabels":{"app":"web"}},)"
      R"("template":{"spec":{"containers":[{"ports":[{"containerPort":80},)"
      R"({"containerPort":53,"protocol":"UDP"}]}]}}}})");
  const api::Kind& kind = *api::Schema::builtin().by_word("deployments");
  const auto service = service_for({}, kind, target);
  ASSERT_TRUE(service.ok());
  EXPECT_EQ(
      (*service)["spec"],
      *parse_json(
          R"({"ports":[{"name":"port-1","port":80,"protocol":"TCP","targetPort":80},)"
          R"({"name":"port-2","port":53,"protocol":"UDP","targetPort":53}],"selector":{"app":"web"}})"));
  ExposeFlags flags;
  flags.port = "8080";
  flags.target_port = "http";
  EXPECT_EQ((*service_for(flags, kind, target))["spec"]["ports"],
            *parse_json(R"([{"port":8080,"protocol":"TCP","targetPort":"http"}])"));
  EXPECT_FALSE(service_for({}, kind, *parse_json(R"({"spec":{"selector":{"matchLabels":{"a":"b"}}}})")).ok());
}

std::string targets_text(const std::vector<std::string>& args) {
  const auto targets = parse_targets(args, "get");
  if (!targets.ok()) return targets.error().message();
  std::string text;
  for (const Target& t : targets->list) text += t.kind->resource + "/" + t.name + " ";
  return text;
}

TEST(ResourceArgs, UnderstandsAllForms) {
  EXPECT_EQ(targets_text({"po,svc"}), "pods/ services/ ");
  EXPECT_EQ(targets_text({"pod", "a", "b"}), "pods/a pods/b ");
  EXPECT_EQ(targets_text({"pod/a", "Deployment.apps/b"}), "pods/a deployments/b ");
  EXPECT_EQ(targets_text({"pods,svc", "a"}), "pods/a services/a ");
  EXPECT_NE(targets_text({"all"}).find("services/ "), std::string::npos);
  EXPECT_EQ(targets_text({"foo"}), "error: the server doesn't have a resource type \"foo\"");
  EXPECT_EQ(targets_text({"pod", "svc/a"}).substr(0, 40), "error: there is no need to specify a res");
  EXPECT_EQ(targets_text({"pod/a", "b"}).substr(0, 40), "error: there is no need to specify a res");
  EXPECT_EQ(targets_text({"pod/a/b"}),
            "error: arguments in resource/name form must have a single resource and name");
  EXPECT_EQ(exit_code(parse_targets({}, "get").error()), 2);
}

}  // namespace
}  // namespace minik::kubectl
