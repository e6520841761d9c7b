#include "runtime/container_env.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "runtime/test_pods.h"

namespace minik::runtime {
namespace {

std::string text_of(const Env& env) {
  std::string out;
  for (const auto& [name, value] : env) out += name + "=" + value + "\n";
  return out;
}

api::ObjectPtr object(const std::string& resource, const std::string& name, const std::string& created,
                      Json more, const std::string& ns = "default") {
  more["metadata"] = {{"name", name}, {"namespace", ns}, {"creationTimestamp", created}};
  return std::make_shared<api::Object>(resource, 1, std::move(more));
}
Json cluster_ip(const std::string& ip, Json ports) {
  return {{"spec", {{"clusterIP", ip}, {"clusterIPs", {ip}}, {"ports", std::move(ports)}}}};
}

class ContainerEnv : public ::testing::Test {
 protected:
  Result<Env> env(const std::string& container) {
    pod_ = test_pod("web-1", "serviceAccountName: robot\ncontainers:\n" + container);
    return container_env(*pod_, pod_->view<api::Pod>().containers[0], objects_,
                         {{"10.244.0.5", "fd00::5"}, "192.168.7.2", "node-1"}, image_, skipped_);
  }
  std::string value(const std::string& container, const std::string& name) {
    const auto result = env(container);
    if (!result.ok()) return "error: " + result.error().message();
    for (const auto& [key, held] : *result) {
      if (key == name) return held;
    }
    return "unset";
  }
  api::Snapshot objects_;
  ImageDefaults image_;
  std::vector<std::string> skipped_;
  api::ObjectPtr pod_;
};

TEST(ServiceEnv, DockerLinkVariablesOldestServiceFirst) {
  api::Snapshot objects;
  objects.put(object("services", "kubernetes", "2026-01-01T00:00:00Z",
                     cluster_ip("10.96.0.1", {{{"name", "https"}, {"port", 443}}})));
  objects.put(object("services", "redis-master", "2026-01-02T00:00:00Z",
                     cluster_ip("10.0.0.11", {{{"port", 6379}, {"protocol", "TCP"}}}), "prod"));
  objects.put(
      object("services", "none", "2026-01-03T00:00:00Z", cluster_ip("None", {{{"port", 1}}}), "prod"));
  EXPECT_EQ(
      text_of(service_env(objects, "prod", true)),
      "KUBERNETES_SERVICE_HOST=10.96.0.1\nKUBERNETES_SERVICE_PORT=443\nKUBERNETES_SERVICE_PORT_HTTPS=443\n"
      "KUBERNETES_PORT=tcp://10.96.0.1:443\nKUBERNETES_PORT_443_TCP=tcp://10.96.0.1:443\n"
      "KUBERNETES_PORT_443_TCP_PROTO=tcp\nKUBERNETES_PORT_443_TCP_PORT=443\n"
      "KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1\n"
      "REDIS_MASTER_SERVICE_HOST=10.0.0.11\nREDIS_MASTER_SERVICE_PORT=6379\n"
      "REDIS_MASTER_PORT=tcp://10.0.0.11:6379\nREDIS_MASTER_PORT_6379_TCP=tcp://10.0.0.11:6379\n"
      "REDIS_MASTER_PORT_6379_TCP_PROTO=tcp\nREDIS_MASTER_PORT_6379_TCP_PORT=6379\n"
      "REDIS_MASTER_PORT_6379_TCP_ADDR=10.0.0.11\n");
  EXPECT_EQ(service_env(objects, "prod", false).size(), 8U);
}

TEST(Expand, DollarsAndUnknownNames) {
  const std::map<std::string, std::string> known{{"A", "x"}};
  EXPECT_EQ(expand("$(A)-$$(A)-$(B)-$A-$(", known), "x-$(A)-$(B)-$A-$(");
  EXPECT_EQ(expand("$$$(A)$", known), "$x$");
}

TEST_F(ContainerEnv, FieldsOfThePod) {
  const auto field = [&](const std::string& path) {
    return value("- {name: c, env: [{name: X, valueFrom: {fieldRef: {fieldPath: \"" + path + "\"}}}]}\n",
                 "X");
  };
  EXPECT_EQ(field("metadata.name"), "web-1");
  EXPECT_EQ(field("metadata.namespace"), "default");
  EXPECT_EQ(field("metadata.uid"), "uid-web-1");
  EXPECT_EQ(field("spec.nodeName"), "node-1");
  EXPECT_EQ(field("spec.serviceAccountName"), "robot");
  EXPECT_EQ(field("status.podIP"), "10.244.0.5");
  EXPECT_EQ(field("status.podIPs"), "10.244.0.5,fd00::5");
  EXPECT_EQ(field("status.hostIP"), "192.168.7.2");
  EXPECT_EQ(field("metadata.labels['none']"), "");
}

TEST_F(ContainerEnv, LaterWinsAndSeesTheEarlier) {
  EXPECT_EQ(
      value(
          "- {name: c, env: [{name: A, value: '1'}, {name: B, value: '$(A)2'}, {name: A, value: '$(B)3'}]}\n",
          "A"),
      "123");
  image_.env = {"A=image", "LANG=C"};
  EXPECT_EQ(value("- {name: c, env: [{name: A, value: '1'}]}\n", "A"), "1");
  EXPECT_EQ(value("- {name: c}\n", "LANG"), "C");
  EXPECT_EQ(value("- {name: c}\n", "HOSTNAME"), "web-1");
  EXPECT_EQ(value("- {name: c}\n", "PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  EXPECT_EQ(value("- {name: c, tty: true}\n", "TERM"), "xterm");
}

TEST_F(ContainerEnv, ConfigMapsAndSecrets) {
  objects_.put(object("configmaps", "conf", "", {{"data", {{"k", "v"}, {"1bad", "x"}}}}));
  objects_.put(object("secrets", "sec", "", {{"data", {{"p", base64("s3cret")}}}}));
  const auto ref = [](const std::string& kind, const std::string& name, const std::string& key) {
    return "- {name: c, env: [{name: X, valueFrom: {" + kind + ": {name: " + name + ", key: " + key +
           "}}}]}\n";
  };
  EXPECT_EQ(value(ref("configMapKeyRef", "conf", "k"), "X"), "v");
  EXPECT_EQ(value(ref("secretKeyRef", "sec", "p"), "X"), "s3cret");
  EXPECT_EQ(value(ref("configMapKeyRef", "nope", "k"), "X"), "error: configmap \"nope\" not found");
  EXPECT_EQ(value(ref("secretKeyRef", "nope", "k"), "X"), "error: secret \"nope\" not found");
  EXPECT_EQ(value(ref("configMapKeyRef", "conf", "z"), "X"),
            "error: couldn't find key z in ConfigMap default/conf");
  EXPECT_EQ(value(ref("configMapKeyRef", "nope", "k, optional: true"), "X"), "unset");
  EXPECT_EQ(
      value("- {name: c, envFrom: [{prefix: P_, configMapRef: {name: conf}}, {secretRef: {name: sec}}]}\n",
            "P_k"),
      "v");
  EXPECT_TRUE(skipped_.empty());
  EXPECT_EQ(value("- {name: c, envFrom: [{configMapRef: {name: conf}}]}\n", "1bad"), "unset");
  EXPECT_EQ(skipped_, std::vector<std::string>{"1bad"});
}

TEST_F(ContainerEnv, CommandAndArguments) {
  const ImageDefaults image{{"/entry"}, {"default"}, {}, ""};
  const auto argv = [&](const std::string& container) {
    const auto pod = test_pod("p", "containers:\n" + container);
    return container_argv(pod->view<api::Pod>().containers[0], image, {{"A", "x"}});
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(argv("- {name: c}\n"), (Words{"/entry", "default"}));
  EXPECT_EQ(argv("- {name: c, args: ['$(A)', $(B)]}\n"), (Words{"/entry", "x", "$(B)"}));
  EXPECT_EQ(argv("- {name: c, command: [sh]}\n"), (Words{"sh"}));
  EXPECT_EQ(argv("- {name: c, command: [sh, -c], args: ['echo $(A)']}\n"), (Words{"sh", "-c", "echo x"}));
}

}  // namespace
}  // namespace minik::runtime
