#include "netd/kernel/nft_notice.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

#include "netd/kernel/attributes.h"

namespace minik::netd {
namespace {

constexpr std::uint16_t kNewGeneration = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;

// Drops every message but NEWGEN before it is queued; a large commit announces thousands of elements.
Result<> filter(int fd) {
  std::array<sock_filter, 4> program{
      sock_filter{BPF_LD | BPF_H | BPF_ABS, 0, 0, offsetof(nlmsghdr, nlmsg_type)},
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, htons(kNewGeneration)},  // Loads are in network order.
      sock_filter{BPF_RET | BPF_K, 0, 0, 0xffffffff},
      sock_filter{BPF_RET | BPF_K, 0, 0, 0},
  };
  const sock_fprog code{program.size(), program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code) != 0) {
    return Error::from_errno(errno, "filter nftables notices");
  }
  return {};
}

ForeignChange read_generation(const nlmsghdr* message) {
  ForeignChange change;
  for_each_attribute(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)),
                     mnl_nlmsg_get_payload_tail(message), [&](const nlattr* attribute) {
                       if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_PID) {
                         change.pid = ntohl(mnl_attr_get_u32(attribute));
                       }
                       if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME) {
                         change.program = mnl_attr_get_str(attribute);
                       }
                       return true;
                     });
  return change;
}

}  // namespace

Result<NftNotice> NftNotice::open() {
  NftNotice out;
  out.fd_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!out.fd_) return Error::from_errno(errno, "open the notice socket");
  TRY(filter(out.fd_.get()));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(out.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return Error::from_errno(errno, "bind the notice socket");
  }
  TRY(out.resume());
  return out;
}

Result<> NftNotice::pause() {
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof group) != 0) {
    return Error::from_errno(errno, "pause nftables notices");
  }
  return {};
}

Result<> NftNotice::resume() {
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return Error::from_errno(errno, "listen to nftables notices");
  }
  return {};
}

Result<std::vector<ForeignChange>> NftNotice::take(std::uint32_t own) {
  std::vector<ForeignChange> out;
  std::array<char, 8192> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return out;
    if (got < 0 && errno == ENOBUFS) {  // Some were lost: it may have been anybody.
      out.push_back({0, "unknown"});
      continue;
    }
    if (got < 0) return Error::from_errno(errno, "read nftables notices");
    int left = static_cast<int>(got);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type == kNewGeneration && message->nlmsg_pid != own)
        out.push_back(read_generation(message));
    }
  }
}

}  // namespace minik::netd
