#include "runtime/image_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"
#include "runtime/host_image.h"
#include "runtime/image_resolve.h"
#include "runtime/mounts.h"
#include "runtime/passwd.h"
#include "runtime/rootfs.h"
#include "runtime/sandbox.h"

namespace minik::runtime {
namespace {

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/minik-store-XXXXXX";
    home_ = ::mkdtemp(pattern.data());
    config_.state_dir = home_ + "/state";
    config_.run_dir = home_ + "/run";
    tree_ = home_ + "/tree";
    ASSERT_TRUE(make_dirs(tree_ + "/bin").ok());
    ASSERT_TRUE(write_file(tree_ + "/bin/a", "program", 0755).ok());
    ASSERT_EQ(::symlink("a", (tree_ + "/bin/b").c_str()), 0);
    ASSERT_EQ(::link((tree_ + "/bin/a").c_str(), (tree_ + "/bin/c").c_str()), 0);
    store_ = *ImageStore::open(Paths(config_));
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  std::string home_, tree_;
  RuntimeConfig config_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(Store, CopiesATreeAsItIs) {
  const auto info = store_->add_directory("demo", tree_);
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_EQ(info->name, "docker.io/library/demo:latest");
  EXPECT_EQ(info->bytes, 7U);
  const auto image = store_->find(info->name);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(*read_file(image->lower + "/bin/b"), "program");
  struct stat a {};
  struct stat c {};
  ASSERT_EQ(::stat((image->lower + "/bin/a").c_str(), &a), 0);
  ASSERT_EQ(::stat((image->lower + "/bin/c").c_str(), &c), 0);
  EXPECT_EQ(a.st_mode & 07777, 0755U);
  EXPECT_EQ(a.st_ino, c.st_ino);
}

TEST_F(Store, SameContentIsOneLayerAndOutlivesAnother) {
  const auto one = store_->add_directory("one", tree_);
  const auto two = store_->add_directory("two:1", tree_);
  EXPECT_EQ(one->id, two->id);
  ASSERT_TRUE(write_file(tree_ + "/bin/a", "changed", 0755).ok());
  EXPECT_NE(store_->add_directory("three", tree_)->id, one->id);
  EXPECT_TRUE(store_->remove("one", {one->id}).ok());
  EXPECT_EQ(store_->remove("two:1", {one->id}).error().code(), Code::kConflict);
  EXPECT_TRUE(store_->remove("two:1", {}).ok());
  EXPECT_EQ(store_->remove("two:1", {}).error().code(), Code::kNotFound);
  store_ = *ImageStore::open(Paths(config_));
  ASSERT_EQ(store_->list().size(), 1U);
  EXPECT_EQ(store_->list()[0].name, "docker.io/library/three:latest");
}

TEST_F(Store, AnInterruptedImportIsSweptAway) {
  ASSERT_TRUE(make_dirs(home_ + "/state/images/layers/new-1234/fs").ok());
  const auto info = store_->add_directory("demo", tree_);
  std::filesystem::remove(home_ + "/state/images/layers/" + info->id.substr(7) + "/ok");
  store_ = *ImageStore::open(Paths(config_));
  EXPECT_TRUE(store_->list().empty());
  EXPECT_TRUE(std::filesystem::is_empty(home_ + "/state/images/layers"));
}

TEST_F(Store, RefusesWhatItMustNotCopy) {
  EXPECT_EQ(store_->add_directory("x", home_ + "/state/images").error().code(), Code::kInvalid);
  EXPECT_EQ(store_->add_directory("x", home_).error().code(), Code::kInvalid);
  EXPECT_EQ(store_->add_directory("x", tree_ + "/bin/a").error().code(), Code::kInvalid);
  EXPECT_EQ(store_->add_directory("x", home_ + "/none").error().code(), Code::kNotFound);
  EXPECT_EQ(store_->add_directory("X Y", tree_).error().code(), Code::kInvalid);
  EXPECT_EQ(store_->add_directory("localhost/host", tree_).error().code(), Code::kInvalid);
}

TEST_F(Store, ResolveSaysWhyNot) {
  HostImage host{Paths(config_)};
  EXPECT_EQ(resolve_image("Bad Name", "", *store_, host).reason, "InvalidImageName");
  EXPECT_EQ(resolve_image("example.com/x", "Never", *store_, host).reason, "ErrImageNeverPull");
  EXPECT_EQ(resolve_image("example.com/x", "Always", *store_, host).reason, "ErrImagePull");
  const auto info = store_->add_directory("nginx", tree_);
  const ResolvedImage image =
      resolve_image("nginx", "Always", *store_, host);  // The store wins over the alias.
  EXPECT_FALSE(image.host);
  EXPECT_EQ(image.image_id, "docker.io/library/nginx@" + info->id);
  EXPECT_EQ(digest_of(image.image_id), info->id);
  EXPECT_EQ(image.pulled_text, "Container image \"nginx\" already present on machine");
}

const MaskEntry* entry_at(const std::vector<MaskEntry>& entries, const std::string& path) {
  for (const auto& entry : entries) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

TEST(Mask, HidesAllButTheSystem) {
  const auto entries = mask_entries(
      {{"bin", false}, {"usr", true}, {"lib64", true}, {"work", true}, {"file", false}, {"tmp", true}},
      {"/tmp/x/state", "/data/run", "/var/lib/minik/default"});
  EXPECT_EQ(entry_at(entries, "/bin"), nullptr);
  EXPECT_EQ(entry_at(entries, "/lib64"), nullptr);
  EXPECT_TRUE(entry_at(entries, "/work")->opaque);
  EXPECT_FALSE(entry_at(entries, "/file")->opaque);
  EXPECT_EQ(entry_at(entries, "/tmp")->mode, 01777U);
  EXPECT_EQ(entry_at(entries, "/root")->mode, 0700U);
  EXPECT_FALSE(entry_at(entries, "/etc/shadow")->opaque);
  EXPECT_EQ(entry_at(entries, "/tmp/x/state"), nullptr);  // Below /tmp already.
  EXPECT_EQ(entry_at(entries, "/var/lib/minik/default"), nullptr);
  EXPECT_NE(entry_at(entries, "/data/run"), nullptr);
}

TEST(Overlay, OptionsEscapePaths) {
  EXPECT_EQ(overlay_options({"/a:b", "/"}, "/u,v", "/w"),
            "lowerdir=/a\\:b:/,upperdir=/u\\,v,workdir=/w,volatile");
}

TEST(Mounts, ParsesMountinfo) {
  const auto points = parse_mount_points(
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n23 22 0:5 / /run/a\\040b rw - tmpfs t rw\n"
      "24 23 0:5 / /run/a\\040b/c rw - tmpfs t rw\n25 22 0:5 / /run/a\\040bc rw - tmpfs t rw\n");
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[1], "/run/a b");
  EXPECT_EQ(mounts_below(points, "/run/a b"), (std::vector<std::string>{"/run/a b/c", "/run/a b"}));
}

TEST(Passwd, FindsUsers) {
  const std::string text =
      "root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:34::/var/www:/bin/false\nhomeless:x:5:5:::\n";
  EXPECT_EQ(find_user(text, 0)->home, "/root");
  EXPECT_EQ(find_user(text, 33)->gid, 34U);
  EXPECT_EQ(find_user(text, 5)->home, "/");
  EXPECT_FALSE(find_user(text, 77).has_value());
}

TEST(NetnsName, FitsAFileName) {
  EXPECT_EQ(netns_name("default", "ns", "pod"), "minik-default-ns-pod");
  const std::string a = netns_name("default", "ns", std::string(253, 'a') + "x");
  const std::string b = netns_name("default", "ns", std::string(253, 'a') + "y");
  EXPECT_LE(a.size(), 255U);
  EXPECT_NE(a, b);
}

TEST(PathsOf, LogDirectoriesFitAFileName) {
  const Paths paths(RuntimeConfig{});
  const std::string logs = paths.logs("ns", std::string(253, 'p'), random_uuid());
  EXPECT_LE(logs.substr(logs.rfind('/') + 1).size(), 255U);
}

}  // namespace
}  // namespace minik::runtime
