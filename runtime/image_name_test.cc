#include "runtime/image_name.h"

#include <gtest/gtest.h>

#include "runtime/aliases.h"

namespace minik::runtime {
namespace {

std::string normal(std::string_view name) {
  auto result = normalise_image(name);
  return result.ok() ? *result : "error: " + result.error().message();
}

TEST(ImageName, IsNormalisedAsDockerDoes) {
  EXPECT_EQ(normal("nginx"), "docker.io/library/nginx:latest");
  EXPECT_EQ(normal("nginx:1.7.9"), "docker.io/library/nginx:1.7.9");
  EXPECT_EQ(normal("radial/busyboxplus:curl"), "docker.io/radial/busyboxplus:curl");
  EXPECT_EQ(normal("localhost/host"), "localhost/host:latest");
  EXPECT_EQ(normal("registry:5000/a/b"), "registry:5000/a/b:latest");
  EXPECT_EQ(normal("registry.k8s.io/pause:3.9"), "registry.k8s.io/pause:3.9");
  EXPECT_EQ(normal("index.docker.io/library/nginx"), "docker.io/library/nginx:latest");
}

TEST(ImageName, DigestWinsOverTag) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(normal("nginx:1@" + digest), "docker.io/library/nginx@" + digest);
  EXPECT_EQ(repository_of(normal("nginx@" + digest)), "docker.io/library/nginx");
}

TEST(ImageName, RefusesWhatIsNoReference) {
  for (const char* bad :
       {"", "Nginx", "nginx:", "nginx:a b", "a//b", "-a", "nginx@sha256:12", "/a", "a/", "ngin x"}) {
    EXPECT_FALSE(normalise_image(bad).ok()) << bad;
  }
  EXPECT_EQ(normal("NGINX"), "error: couldn't parse image name \"NGINX\": invalid reference format");
}

TEST(ImageName, KnowsTheHost) {
  for (const char* name : {"host", "minik/host", "localhost/host:latest", "host:1"}) {
    EXPECT_TRUE(is_host_image(normal(name))) << name;
  }
  EXPECT_FALSE(is_host_image(normal("nginx")));
}

TEST(Aliases, BuiltInTableIsWhole) {
  const Aliases& aliases = Aliases::builtin();
  EXPECT_GT(aliases.size(), 30U);
  const ImageDefaults* nginx = aliases.find(normal("nginx:1.7.9"));
  ASSERT_NE(nginx, nullptr);
  EXPECT_EQ(nginx->entrypoint, std::vector<std::string>{"/.minik/httpd"});
  const ImageDefaults* busybox = aliases.find(normal("busybox:1.28"));
  ASSERT_NE(busybox, nullptr);
  EXPECT_EQ(busybox->command, std::vector<std::string>{"/bin/sh"});
  EXPECT_EQ(aliases.find(normal("example.com/unknown")), nullptr);
}

TEST(Aliases, RefusesDoubleAndEmptyEntries) {
  EXPECT_FALSE(Aliases::parse("- repositories: [a, a]\n  command: [x]\n").ok());
  EXPECT_FALSE(Aliases::parse("- repositories: [a]\n").ok());
  EXPECT_FALSE(Aliases::parse("a: 1\n").ok());
}

}  // namespace
}  // namespace minik::runtime
