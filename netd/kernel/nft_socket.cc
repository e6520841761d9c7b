#include "netd/kernel/nft_socket.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "netd/kernel/attributes.h"

namespace minik::netd {
namespace {

constexpr std::size_t kReceiveBytes = 1 << 20;

// Extended acknowledgements name the attribute that was wrong (NLMSGERR_ATTR_OFFS).
std::uint32_t bad_offset(const nlmsghdr* message, const nlmsgerr* error) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return 0;
  std::size_t skip = sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) skip += error->msg.nlmsg_len - sizeof(nlmsghdr);
  std::uint32_t offset = 0;
  for_each_attribute(mnl_nlmsg_get_payload_offset(message, skip), mnl_nlmsg_get_payload_tail(message),
                     [&](const nlattr* attribute) {
                       if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_OFFS)
                         offset = mnl_attr_get_u32(attribute);
                       return true;
                     });
  return offset;
}

}  // namespace

Result<NftSocket> NftSocket::open() {
  NftSocket out;
  out.fd_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!out.fd_) return Error::from_errno(errno, "open the nftables socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(out.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return Error::from_errno(errno, "bind the nftables socket");
  }
  socklen_t length = sizeof address;
  if (::getsockname(out.fd_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Error::from_errno(errno, "name the nftables socket");
  }
  out.port_ = address.nl_pid;
  const int on = 1;
  ::setsockopt(out.fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(out.fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  const int receive = static_cast<int>(kReceiveBytes);
  if (::setsockopt(out.fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive) != 0) {
    ::setsockopt(out.fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
  }
  TRY(out.make_room(kNetlinkBatchBytes / 8));
  return out;
}

// A batch must fit the send buffer.  Without the privilege to force it, the system's limit counts.
Result<> NftSocket::make_room(std::size_t bytes) {
  if (bytes <= send_buffer_) return {};
  const int wanted = static_cast<int>(bytes);
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0 &&
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) != 0) {
    return Error::from_errno(errno, "enlarge the nftables send buffer");
  }
  send_buffer_ = bytes;
  return {};
}

Result<std::vector<NftFailure>> NftSocket::send_batch(const std::string& bytes) {
  TRY(make_room(bytes.size() + bytes.size() / 4));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
               sizeof kernel) < 0) {
    return Error::from_errno(errno, fmt::format("send {} bytes to nftables", bytes.size()));
  }
  // The kernel worked on it inside sendto(), so what it has to say is already waiting.
  std::vector<NftFailure> failures;
  std::array<char, 32 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return failures;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS && !failures.empty()) continue;
    if (got < 0) return Error::from_errno(errno, "read the answer of nftables");
    int left = static_cast<int>(got);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
      if (error->error != 0)
        failures.push_back({message->nlmsg_seq, -error->error, bad_offset(message, error)});
    }
  }
}

Result<> NftSocket::dump(const nlmsghdr* request, const std::function<void(const nlmsghdr*)>& visit) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd_.get(), request, request->nlmsg_len, 0, reinterpret_cast<sockaddr*>(&kernel),
               sizeof kernel) < 0) {
    return Error::from_errno(errno, "ask nftables");
  }
  std::vector<char> buffer(64 * 1024);
  bool interrupted = false;
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, "read from nftables");
    int left = static_cast<int>(got);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != request->nlmsg_seq) continue;
      interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (message->nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
        if (error->error == 0) return {};
        return Error::from_errno(-error->error, "dump nftables");
      }
      if (message->nlmsg_type == NLMSG_DONE) {
        if (interrupted) return Error(Code::kConflict, "nftables changed while it was read");
        return {};
      }
      visit(message);
    }
  }
}

}  // namespace minik::netd
