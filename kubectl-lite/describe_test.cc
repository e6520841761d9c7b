// The pages against what kubectl 1.30 printed for the same objects (testdata/describe-*.txt).
#include "kubectl-lite/describe.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "base/files.h"

namespace minik::kubectl {
namespace {

struct Case {
  Json data;
  std::string page;
  WallTime now{};
};

Case load(const std::string& name) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const std::string stem = std::string(MINIK_SOURCE_DIR) + "/kubectl-lite/testdata/describe-" + name;
  const auto json = read_file(stem + ".json"), page = read_file(stem + ".txt");
  EXPECT_TRUE(json.ok() && page.ok());
  Case found{*parse_json(*json), *page};
  found.now = *parse_rfc3339(string_at(found.data, "now"));
  return found;
}

TEST(Describe, PodAsKubectl) {
  const Case c = load("pods");
  EXPECT_EQ(describe_pod(c.data["object"], &c.data["events"], c.now), c.page);
}

TEST(Describe, ServiceAsKubectl) {
  const Case c = load("services");
  EXPECT_EQ(describe_service(c.data["object"], c.data["related"], &c.data["events"], c.now), c.page);
}

TEST(Describe, EndpointsAsKubectl) {
  const Case c = load("endpoints");
  EXPECT_EQ(describe_endpoints(c.data["object"], &c.data["events"], c.now), c.page);
}

TEST(Describe, DeploymentAsKubectl) {
  const Case c = load("deployments");
  EXPECT_EQ(describe_deployment(c.data["object"], c.data["related"]["items"], &c.data["events"], c.now),
            c.page);
}

TEST(Describe, ReplicaSetAsKubectl) {
  const Case c = load("replicasets");
  EXPECT_EQ(describe_replica_set(c.data["object"], c.data["related"]["items"], &c.data["events"], c.now),
            c.page);
}

TEST(Describe, ShowsAtMostThreeEndpointsOfAPort) {
  const Json service = *parse_json(
      R"({"metadata":{"name":"s"},"spec":{"type":"ClusterIP","ports":[{"name":"p","port":80,"targetPort":"http"}]}})");
  Json addresses = Json::array();
  for (int i = 1; i <= 5; ++i) addresses.push_back({{"ip", "10.0.0." + std::to_string(i)}});
  const Json endpoints = {
      {"subsets",
       Json::array({{{"addresses", addresses}, {"ports", Json::array({{{"name", "p"}, {"port", 8080}}})}}})}};
  const std::string page = describe_service(service, endpoints, nullptr, {});
  EXPECT_NE(page.find("Endpoints:         10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080 + 2 more...\n"),
            std::string::npos)
      << page;
  EXPECT_NE(describe_service(service, Json::object(), nullptr, {}).find("Endpoints:         <none>\n"),
            std::string::npos);
}

TEST(Describe, OtherKindsFieldByField) {
  const Json object = *parse_json(R"({"apiVersion":"v1","kind":"Thing","metadata":{"name":"t","uid":"u"},)"
                                  R"("spec":{"podIP":"x","list":[1,{"a":true}]}})");
  EXPECT_EQ(describe_generic(object, nullptr, {}),
            "Name:         t\nNamespace:    \nLabels:       <none>\nAnnotations:  <none>\nAPI Version:  "
            "v1\nKind:         Thing\n"
            "Metadata:\n  UID:  u\nSpec:\n  List:\n    1\n    A:     true\n  Pod IP:  x\n");
}

}  // namespace
}  // namespace minik::kubectl
