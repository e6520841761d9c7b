#include "dns/udp.h"

#include <algorithm>
#include <cerrno>

namespace minik::dns {

UdpBatch::UdpBatch(Responder& responder, std::vector<Ip> own, std::uint16_t port)
    : responder_(responder),
      own_(std::move(own)),
      port_(port),
      slots_(std::make_unique_for_overwrite<std::array<Slot, kBatch>>()) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    Slot& slot = (*slots_)[i];
    slot.in = {slot.request.data(), slot.request.size()};
    msghdr& head = received_[i].msg_hdr;
    head.msg_name = slot.peer.get();
    head.msg_namelen = sizeof(sockaddr_storage);
    head.msg_iov = &slot.in;
    head.msg_iovlen = 1;
  }
}

void UdpBatch::serve(int fd) {
  responder_.look();
  for (int round = 0; round < kBatchRounds; ++round) {
    const int count = ::recvmmsg(fd, received_.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count <= 0) return;
    send(fd, answer_received(static_cast<std::size_t>(count)));
    if (count < static_cast<int>(kBatch)) return;
  }
}

bool UdpBatch::admits(const SocketAddress& peer) const {
  const std::uint16_t port = peer.port();
  if (port == 0) return false;
  if (port == port_ && std::find(own_.begin(), own_.end(), peer.ip()) != own_.end()) return false;
  return responder_.admits_all() || responder_.admits(peer.ip());
}

std::size_t UdpBatch::answer_received(std::size_t count) {
  std::size_t replies = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Slot& slot = (*slots_)[i];
    msghdr& head = received_[i].msg_hdr;
    const socklen_t peer_size = head.msg_namelen;
    const bool cut = (head.msg_flags & MSG_TRUNC) != 0;
    head.msg_namelen = sizeof(sockaddr_storage);
    if (!admits(slot.peer)) {
      responder_.counters().add(Counters::kForeign);
      continue;
    }
    const std::size_t size =
        responder_.reply(Transport::kUdp, {slot.request.data(), received_[i].msg_len}, cut, slot.reply);
    if (size == 0) continue;
    slot.out = {slot.reply.data(), size};
    msghdr& out = sending_[replies++].msg_hdr;
    out.msg_name = slot.peer.get();
    out.msg_namelen = peer_size;
    out.msg_iov = &slot.out;
    out.msg_iovlen = 1;
  }
  return replies;
}

// A reply that cannot be sent concerns its client only: the rest go out all the same.
void UdpBatch::send(int fd, std::size_t count) {
  for (std::size_t at = 0; at < count;) {
    const int sent = ::sendmmsg(fd, &sending_[at], static_cast<unsigned>(count - at), MSG_DONTWAIT);
    if (sent > 0) {
      at += static_cast<std::size_t>(sent);
    } else if (errno != EINTR) {
      responder_.counters().add(Counters::kSendFailure);
      ++at;
    }
  }
}

}  // namespace minik::dns
