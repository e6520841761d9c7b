#include "runtime/projected_volume.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"
#include "base/yaml.h"

namespace minik::runtime {
namespace {

Json yaml(const std::string& text) { return parse_yaml(text).value().at(0); }

api::ObjectPtr object(const std::string& resource, const std::string& text) {
  return std::make_shared<api::Object>(resource, 1, yaml(text));
}

class Projected : public ::testing::Test {
 protected:
  Projected() {
    objects_.put(object("configmaps", "{metadata: {name: cm, namespace: d}, data: {a: '1', b: '2'}}"));
    objects_.put(object("secrets", "{metadata: {name: s, namespace: d}, data: {k: aGVsbG8=}}"));
  }
  Result<std::vector<VolumeFile>> files(const std::string& volume, const std::string& spec = "{}") {
    const auto pod =
        object("pods", "{metadata: {name: p, namespace: d, uid: u, labels: {x: z}}, spec: " + spec + "}");
    return volume_files(*pod, yaml(volume),
                        {objects_, place_, [](const TokenWish& wish, const std::string&) {
                           return Result<std::string>("token of " + wish.account + " for " + wish.audience);
                         }});
  }

  api::Snapshot objects_;
  PodPlace place_{{"10.0.0.1"}, "172.30.0.2", "node-1"};
};

TEST_F(Projected, HoldsWhatItsSourcesSay) {
  EXPECT_EQ(files("{configMap: {name: cm}}").value(),
            (std::vector<VolumeFile>{{"a", "1", 0644}, {"b", "2", 0644}}));
  EXPECT_EQ(files("{configMap: {name: cm, defaultMode: 256, items: [{key: b, path: x/z}]}}").value(),
            (std::vector<VolumeFile>{{"x/z", "2", 0400}}));
  EXPECT_EQ(files("{secret: {secretName: s, items: [{key: k, path: k, mode: 384}]}}").value(),
            (std::vector<VolumeFile>{{"k", "hello", 0600}}));
  EXPECT_EQ(files("{downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]}}").value(),
            (std::vector<VolumeFile>{{"l", "x=\"z\"", 0644}}));
  const auto all = files(
      "{projected: {sources: [{serviceAccountToken: {path: token, audience: v}}, {configMap: {name: cm, "
      "items: "
      "[{key: a, path: ca}]}}, {downwardAPI: {items: [{path: ns, fieldRef: {fieldPath: "
      "metadata.namespace}}]}}]}}");
  EXPECT_EQ(all.value(),
            (std::vector<VolumeFile>{
                {"token", "token of default for v", 0644}, {"ca", "1", 0644}, {"ns", "d", 0644}}));
}

TEST_F(Projected, SaysWhatIsMissing) {
  EXPECT_EQ(files("{configMap: {name: absent}}").error().message(), "configmap \"absent\" not found");
  EXPECT_EQ(files("{secret: {secretName: absent}}").error().message(), "secret \"absent\" not found");
  EXPECT_EQ(files("{configMap: {name: cm, items: [{key: z, path: z}]}}").error().message(),
            "references non-existent config key: z");
  EXPECT_TRUE(files("{configMap: {name: absent, optional: true}}").value().empty());
  for (const char* path : {"../x", "/x", "a/../b", "a//b", "..x"}) {
    EXPECT_FALSE(files("{configMap: {name: cm, items: [{key: a, path: '" + std::string(path) + "'}]}}").ok())
        << path;
  }
}

TEST_F(Projected, TokensBelongToTheUserOrGroup) {
  const std::string volume = "{projected: {sources: [{serviceAccountToken: {path: t}}]}}";
  EXPECT_EQ(files(volume)->at(0).mode, 0644U);
  EXPECT_EQ(files(volume, "{securityContext: {fsGroup: 5}}")->at(0).mode, 0600U);
  EXPECT_EQ(files(volume, "{containers: [{name: c, securityContext: {runAsUser: 5}}]}")->at(0).mode, 0600U);
}

TEST(Token, IsDueAtFourFifthsOfItsLife) {
  EXPECT_EQ(token_due(1000, 1000 + 3600), 1000 + 2880);
  EXPECT_EQ(token_due(0, 365 * 86400), 86400);
  // {"iat":1000,"exp":4600}
  EXPECT_EQ(token_due("e30.eyJpYXQiOjEwMDAsImV4cCI6NDYwMH0.x"), 3880);
  EXPECT_FALSE(token_due("nonsense").has_value());
}

class Payload : public ::testing::Test {
 protected:
  Payload() { directory_ = ::mkdtemp(name_); }
  ~Payload() override { std::filesystem::remove_all(directory_); }
  std::string read(const std::string& path) { return read_file(directory_ + "/" + path).value(); }

  char name_[32] = "/tmp/minik-payload-XXXXXX";
  std::string directory_;
};

TEST_F(Payload, SwapsAllFilesAtOnce) {
  ASSERT_TRUE(write_payload(directory_, {{"a", "1", 0644}, {"d/b", "2", 0600}}, {}).ok());
  EXPECT_EQ(read("a") + read("d/b"), "12");
  EXPECT_EQ(std::filesystem::read_symlink(directory_ + "/a"), "..data/a");
  const auto first = std::filesystem::read_symlink(directory_ + "/..data");
  ASSERT_TRUE(write_payload(directory_, {{"a", "1", 0644}, {"d/b", "2", 0600}}, {}).ok());
  EXPECT_EQ(std::filesystem::read_symlink(directory_ + "/..data"), first);  // Nothing to do.
  ASSERT_TRUE(write_payload(directory_, {{"a", "3", 0644}, {"c", "", 0644}}, {}).ok());
  EXPECT_EQ(read("a") + read("c"), "3");
  EXPECT_FALSE(path_exists(directory_ + "/d"));
  EXPECT_FALSE(path_exists(directory_ + "/" + first.string()));
  struct stat info {};
  ASSERT_TRUE(write_payload(directory_, {{"a", "3", 0400}}, {}).ok());
  ASSERT_EQ(::stat((directory_ + "/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400U);
}

}  // namespace
}  // namespace minik::runtime
