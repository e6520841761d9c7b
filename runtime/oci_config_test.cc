#include "runtime/oci_config.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/files.h"
#include "runtime/seccomp_filter.h"

namespace minik::runtime {
namespace {

ContainerSpec spec() {
  ContainerSpec s;
  s.argv = {"/bin/sh", "-c", "true"};
  s.env = {{"A", "1"}, {"PATH", "/bin"}};
  s.rootfs = "/run/x/rootfs";
  s.net_path = "/run/x/net";
  s.ipc_path = "/run/x/ipc";
  s.uts_path = "/run/x/uts";
  s.shm_dir = "/run/x/shm";
  s.no_new_privileges = true;
  s.binds = {{"/state/hosts", "/etc/hosts", false}, {"/bin/httpd", "/.minik/httpd", true}};
  return s;
}

TEST(OciConfig, Golden) {
  const auto golden = read_file(MINIK_SOURCE_DIR "/runtime/testdata/config.json");
  ASSERT_TRUE(golden.ok());
  Json config = oci_config(spec());
  EXPECT_EQ(config["annotations"].size(), 1U);
  config.erase("annotations");  // The filter differs from machine to machine.
  EXPECT_EQ(config.dump(2) + "\n", *golden);
}

TEST(OciConfig, PrivilegedIsNeitherMaskedNorFiltered) {
  ContainerSpec s = spec();
  s.privileged = true;
  s.all_capabilities = {"CAP_SYS_ADMIN"};
  const Json config = oci_config(s);
  EXPECT_EQ(find(config, "annotations"), nullptr);
  EXPECT_EQ(find(config, "linux", "maskedPaths"), nullptr);
  EXPECT_EQ((*find(config, "process", "capabilities", "bounding"))[0], "CAP_SYS_ADMIN");
}

TEST(OciConfig, HostNamespacesAreLeftOut) {
  ContainerSpec s = spec();
  s.net_path.clear();
  EXPECT_EQ(oci_config(s)["linux"]["namespaces"].size(), 4U);
}

TEST(OciConfig, ExecTakesTheProcessOver) {
  const Json process = exec_process(oci_config(spec()), {"ls"});
  EXPECT_EQ(process["args"], Json({"ls"}));
  EXPECT_EQ(process["env"], Json({"A=1", "PATH=/bin"}));
  EXPECT_EQ(process["noNewPrivileges"], true);
}

TEST(Capabilities, NamesOfBits) {
  EXPECT_EQ(capability_names("0000000000000401"),
            (std::vector<std::string>{"CAP_CHOWN", "CAP_NET_BIND_SERVICE"}));
  EXPECT_EQ(capability_names("000001ffffffffff").size(), 41U);
  EXPECT_TRUE(capability_names("xyz").empty());
}

// A small machine for the few instructions that the filter uses.
std::uint32_t run_filter(const seccomp_data& data) {
  const auto program = deny_filter();
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& i = program[at];
    if (i.code == (BPF_LD | BPF_W | BPF_ABS)) {
      std::copy_n(reinterpret_cast<const char*>(&data) + i.k, 4, reinterpret_cast<char*>(&a));
    } else if (i.code == (BPF_RET | BPF_K)) {
      return i.k;
    } else {
      const bool yes = i.code == (BPF_JMP | BPF_JEQ | BPF_K) ? a == i.k : (a & i.k) != 0;
      at += yes ? i.jt : i.jf;
    }
  }
  return 0xbad;
}

TEST(Seccomp, DeniesTheListAndNothingElse) {
  seccomp_data data{};
#if defined(__x86_64__)
  data.arch = AUDIT_ARCH_X86_64;
#else
  data.arch = AUDIT_ARCH_AARCH64;
#endif
  for (const int nr : {SYS_reboot, SYS_kexec_load, SYS_pivot_root, SYS_bpf, SYS_settimeofday}) {
    data.nr = nr;
    EXPECT_EQ(run_filter(data), SECCOMP_RET_ERRNO | EPERM) << nr;
  }
  for (const int nr : {SYS_read, SYS_execve, SYS_mount, SYS_unshare, SYS_openat, SYS_clone}) {
    data.nr = nr;
    EXPECT_EQ(run_filter(data), SECCOMP_RET_ALLOW) << nr;
  }
  data.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(run_filter(data), SECCOMP_RET_ERRNO | ENOSYS);
}

}  // namespace
}  // namespace minik::runtime
