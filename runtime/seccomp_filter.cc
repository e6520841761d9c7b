#include "runtime/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>

#include "base/files.h"

namespace minik::runtime {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kForeignBit = 0x40000000;  // x32
#elif defined(__aarch64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kForeignBit = 0x80000000;  // None: never set in a valid number.
#else
#error "the seccomp filter needs this machine's AUDIT_ARCH value"
#endif

constexpr std::uint32_t kDenied[] = {
    SYS_kexec_load,   SYS_kexec_file_load, SYS_init_module,
    SYS_finit_module, SYS_delete_module,   SYS_reboot,
    SYS_swapon,       SYS_swapoff,         SYS_open_by_handle_at,
    SYS_bpf,          SYS_perf_event_open, SYS_userfaultfd,
    SYS_add_key,      SYS_request_key,     SYS_keyctl,
    SYS_acct,         SYS_settimeofday,    SYS_clock_settime,
    SYS_pivot_root,
};

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter leave(std::uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
sock_filter jump(std::uint16_t test, std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, if_true, if_false);
}

}  // namespace

std::vector<sock_filter> deny_filter() {
  std::vector<sock_filter> program;
  program.push_back(load(offsetof(seccomp_data, arch)));
  program.push_back(jump(BPF_JEQ, kArch, 1, 0));
  program.push_back(leave(SECCOMP_RET_ERRNO | ENOSYS));
  program.push_back(load(offsetof(seccomp_data, nr)));
  program.push_back(jump(BPF_JSET, kForeignBit, 0, 1));
  program.push_back(leave(SECCOMP_RET_ERRNO | ENOSYS));
  const std::size_t count = std::size(kDenied);
  for (std::size_t i = 0; i < count; ++i) {
    // Over the rest of the list and the "allow" behind it.
    program.push_back(jump(BPF_JEQ, kDenied[i], static_cast<std::uint8_t>(count - i), 0));
  }
  program.push_back(leave(SECCOMP_RET_ALLOW));
  program.push_back(leave(SECCOMP_RET_ERRNO | EPERM));
  return program;
}

std::string deny_filter_base64() {
  const std::vector<sock_filter> program = deny_filter();
  return base64({reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)});
}

}  // namespace minik::runtime
