#include "netd/kernel/conntrack.h"

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

namespace minik::netd {
namespace {

using Entry = std::unique_ptr<nf_conntrack, void (*)(nf_conntrack*)>;

Ip ip_attribute(const nf_conntrack* entry, Family family, nf_conntrack_attr v4, nf_conntrack_attr v6) {
  if (family == Family::kV4) return Ip::v4(ntohl(nfct_get_attr_u32(entry, v4)));
  const auto* bytes = static_cast<const std::uint8_t*>(nfct_get_attr(entry, v6));
  return Ip::v6(std::span<const std::uint8_t, 16>(bytes, 16));
}

struct Dump {
  Family family;
  std::vector<Flow> flows;
};

int collect(nf_conntrack_msg_type, nf_conntrack* entry, void* into) {
  auto* dump = static_cast<Dump*>(into);
  if (nfct_get_attr_u8(entry, ATTR_ORIG_L4PROTO) != IPPROTO_UDP) return NFCT_CB_CONTINUE;
  Flow flow;
  flow.source = ip_attribute(entry, dump->family, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
  flow.destination = ip_attribute(entry, dump->family, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
  flow.answering = ip_attribute(entry, dump->family, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
  flow.source_port = ntohs(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_SRC));
  flow.destination_port = ntohs(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_DST));
  flow.answering_port = ntohs(nfct_get_attr_u16(entry, ATTR_REPL_PORT_SRC));
  dump->flows.push_back(flow);
  return NFCT_CB_CONTINUE;
}

}  // namespace

void Conntrack::Close::operator()(nfct_handle* handle) const { nfct_close(handle); }

Result<Conntrack> Conntrack::open() {
  Conntrack out;
  out.handle_.reset(nfct_open(CONNTRACK, 0));
  if (out.handle_ == nullptr) return Error::from_errno(errno, "open conntrack");
  return out;
}

Result<std::vector<Flow>> Conntrack::udp_flows(Family family) {
  Dump dump{family, {}};
  const std::uint32_t number = family == Family::kV4 ? AF_INET : AF_INET6;
  nfct_callback_register(handle_.get(), NFCT_T_ALL, collect, &dump);
  const int code = nfct_query(handle_.get(), NFCT_Q_DUMP, &number);
  const int error = errno;
  nfct_callback_unregister(handle_.get());
  if (code < 0) return Error::from_errno(error, "read conntrack");
  return std::move(dump.flows);
}

Result<> Conntrack::forget(const Flow& flow) {
  const Entry entry(nfct_new(), nfct_destroy);
  if (entry == nullptr) return Error::from_errno(ENOMEM, "forget a flow");
  const bool v4 = flow.source.is_v4();
  nfct_set_attr_u8(entry.get(), ATTR_L3PROTO, v4 ? AF_INET : AF_INET6);
  nfct_set_attr(entry.get(), v4 ? ATTR_IPV4_SRC : ATTR_IPV6_SRC, flow.source.bytes().data());
  nfct_set_attr(entry.get(), v4 ? ATTR_IPV4_DST : ATTR_IPV6_DST, flow.destination.bytes().data());
  nfct_set_attr_u8(entry.get(), ATTR_L4PROTO, IPPROTO_UDP);
  nfct_set_attr_u16(entry.get(), ATTR_PORT_SRC, htons(flow.source_port));
  nfct_set_attr_u16(entry.get(), ATTR_PORT_DST, htons(flow.destination_port));
  if (nfct_query(handle_.get(), NFCT_Q_DESTROY, entry.get()) < 0 && errno != ENOENT) {
    return Error::from_errno(errno, "forget a UDP flow to " + flow.destination.text());
  }
  return {};
}

std::vector<Flow> stale_flows(const std::vector<Flow>& flows, const std::vector<UdpVip>& vips) {
  std::map<std::pair<Ip, std::uint16_t>, const UdpVip*> by_address;
  for (const UdpVip& vip : vips) by_address[{vip.address, vip.port}] = &vip;
  std::vector<Flow> out;
  for (const Flow& flow : flows) {
    const auto vip = by_address.find({flow.destination, flow.destination_port});
    if (vip == by_address.end() || vip->second->serving.empty()) continue;
    const auto& serving = vip->second->serving;
    const std::pair<Ip, std::uint16_t> answering{flow.answering, flow.answering_port};
    if (std::find(serving.begin(), serving.end(), answering) == serving.end()) out.push_back(flow);
  }
  return out;
}

Result<> Conntrack::forget_stale(const std::vector<UdpVip>& vips) {
  std::set<Family> families;
  for (const UdpVip& vip : vips) families.insert(vip.address.family());
  for (const Family family : families) {
    const std::vector<Flow> flows = TRY(udp_flows(family));
    for (const Flow& flow : stale_flows(flows, vips)) TRY(forget(flow));
  }
  return {};
}

}  // namespace minik::netd
