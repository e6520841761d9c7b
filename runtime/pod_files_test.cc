#include "runtime/pod_files.h"

#include <gtest/gtest.h>

#include "runtime/test_pods.h"

namespace minik::runtime {
namespace {

constexpr const char* kHead =
    "# Kubernetes-managed hosts file.\n"
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n";

TEST(HostsFile, AsTheGuideShowsIt) {
  const auto pod = test_pod("nginx", "containers: []");
  EXPECT_EQ(hosts_file(*pod, {"10.200.0.4"}, "cluster.local", ""),
            std::string(kHead) + "10.200.0.4\tnginx\n");
}

TEST(HostsFile, HostAliasesAsTheGuideShowsThem) {
  const auto pod = test_pod("hostaliases-pod",
                            "hostAliases:\n- {ip: 127.0.0.1, hostnames: [foo.local, bar.local]}\n"
                            "- {ip: 10.1.2.3, hostnames: [foo.remote, bar.remote]}\n");
  EXPECT_EQ(hosts_file(*pod, {"10.200.0.5"}, "cluster.local", ""),
            std::string(kHead) +
                "10.200.0.5\thostaliases-pod\n\n# Entries added by HostAliases.\n"
                "127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tfoo.remote\tbar.remote\n");
}

TEST(HostsFile, SubdomainAndTwoFamilies) {
  const auto pod = test_pod("p", "{hostname: busybox-1, subdomain: sub}");
  EXPECT_EQ(hosts_file(*pod, {"10.0.0.1", "fd00::1"}, "cluster.local", ""),
            std::string(kHead) +
                "10.0.0.1\tbusybox-1.sub.default.svc.cluster.local\tbusybox-1\n"
                "fd00::1\tbusybox-1.sub.default.svc.cluster.local\tbusybox-1\n");
}

TEST(HostsFile, HostNetworkHasTheNodesFile) {
  const auto pod = test_pod("p", "{hostNetwork: true, hostAliases: [{ip: 1.2.3.4, hostnames: [a]}]}");
  EXPECT_EQ(hosts_file(*pod, {"10.0.0.1"}, "cluster.local", "127.0.0.1 localhost\n"),
            "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n"
            "\n# Entries added by HostAliases.\n1.2.3.4\ta\n");
}

class ResolvConfFile : public ::testing::Test {
 protected:
  std::string text(const std::string& spec) {
    return resolv_conf(*test_pod("p", spec), {"10.96.0.10", "cluster.local", host_}, warning_).text();
  }
  std::string warning_;
  ResolvConf host_ =
      parse_resolv_conf("# c\nnameserver 9.9.9.9\nsearch old\nsearch corp.test.\noptions edns0 # x\n");
};

TEST_F(ResolvConfFile, ClusterFirst) {
  EXPECT_EQ(
      text("containers: []"),
      "nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local corp.test\n"
      "options ndots:5\n");
}

TEST_F(ResolvConfFile, DefaultAndHostNetworkHaveTheNodes) {
  const std::string node = "nameserver 9.9.9.9\nsearch corp.test\noptions edns0\n";
  EXPECT_EQ(text("dnsPolicy: Default"), node);
  EXPECT_EQ(text("hostNetwork: true"), node);
  EXPECT_NE(text("{hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet}"), node);
}

TEST_F(ResolvConfFile, NoneAsTheGuideShowsIt) {
  EXPECT_EQ(text("dnsPolicy: None\ndnsConfig:\n  nameservers: [1.2.3.4]\n"
                 "  searches: [ns1.svc.cluster-domain.example, my.dns.search.suffix]\n"
                 "  options: [{name: ndots, value: '2'}, {name: edns0}]\n"),
            "nameserver 1.2.3.4\nsearch ns1.svc.cluster-domain.example my.dns.search.suffix\noptions ndots:2 "
            "edns0\n");
}

TEST_F(ResolvConfFile, DnsConfigIsAddedWithoutDoubles) {
  EXPECT_EQ(
      text("dnsConfig:\n  nameservers: [1.1.1.1, 10.96.0.10]\n  searches: [a, cluster.local]\n"
           "  options: [{name: ndots, value: '2'}]\n"),
      "nameserver 10.96.0.10\nnameserver 1.1.1.1\n"
      "search default.svc.cluster.local svc.cluster.local cluster.local corp.test a\noptions ndots:2\n");
  EXPECT_EQ(warning_, "");
}

TEST_F(ResolvConfFile, LimitsCutFromTheEnd) {
  std::string searches;
  for (int i = 0; i < 40; ++i) searches += "s" + std::to_string(i) + ", ";
  const std::string out =
      text("dnsConfig: {nameservers: [1.1.1.1, 2.2.2.2, 3.3.3.3], searches: [" + searches + "]}");
  EXPECT_EQ(
      warning_,
      "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
      "10.96.0.10 1.1.1.1 2.2.2.2");
  EXPECT_EQ(out.find("3.3.3.3"), std::string::npos);
  EXPECT_NE(out.find(" s27\n"), std::string::npos);
}

}  // namespace
}  // namespace minik::runtime
