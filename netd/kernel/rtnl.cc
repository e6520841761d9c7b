#include "netd/kernel/rtnl.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <cerrno>
#include <cstring>

namespace minik::netd {

RtRequest::RtRequest(int type, int flags, const void* fixed, std::size_t size, std::string what)
    : message_(nlmsg_alloc_simple(type, flags)), what_(std::move(what)) {
  MINIK_ASSERT(message_ != nullptr);
  raw(fixed, size);
}

RtRequest::~RtRequest() { nlmsg_free(message_); }

RtRequest& RtRequest::put(int type, const void* bytes, std::size_t size) {
  MINIK_ASSERT(nla_put(message_, type, static_cast<int>(size), bytes) == 0);
  return *this;
}

RtRequest& RtRequest::put(int type, const std::string& text) {
  return put(type, text.c_str(), text.size() + 1);
}

RtRequest& RtRequest::nest(int type, const std::function<void()>& inner) {
  nlattr* start = nla_nest_start(message_, type);
  MINIK_ASSERT(start != nullptr);
  inner();
  nla_nest_end(message_, start);
  return *this;
}

RtRequest& RtRequest::raw(const void* bytes, std::size_t size) {
  MINIK_ASSERT(nlmsg_append(message_, const_cast<void*>(bytes), size, NLMSG_ALIGNTO) == 0);
  return *this;
}

void Rtnl::Free::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<Rtnl> Rtnl::open() {
  Rtnl out;
  out.socket_.reset(nl_socket_alloc());
  if (out.socket_ == nullptr || nl_connect(out.socket_.get(), NETLINK_ROUTE) < 0) {
    return Error::from_errno(errno, "open a route socket");
  }
  nl_socket_disable_auto_ack(out.socket_.get());
  nl_socket_set_buffer_size(out.socket_.get(), 1 << 20, 0);
  return out;
}

namespace {

// libnl maps error numbers to its own; these callbacks keep the kernel's.
struct Answer {
  int error = 0;
  bool done = false;
  const std::function<void(const nlmsghdr*)>* visit = nullptr;
};

int on_error(sockaddr_nl*, nlmsgerr* error, void* into) {
  auto* answer = static_cast<Answer*>(into);
  answer->error = -error->error;
  answer->done = true;
  return NL_STOP;
}
int on_ack(nl_msg*, void* into) {
  static_cast<Answer*>(into)->done = true;
  return NL_STOP;
}
int on_valid(nl_msg* message, void* into) {
  const auto* answer = static_cast<Answer*>(into);
  if (answer->visit != nullptr) (*answer->visit)(nlmsg_hdr(message));
  return NL_OK;
}

Result<> receive(nl_sock* socket, Answer& answer, const std::string& what) {
  const std::unique_ptr<nl_cb, void (*)(nl_cb*)> callbacks(nl_cb_alloc(NL_CB_DEFAULT), nl_cb_put);
  nl_cb_err(callbacks.get(), NL_CB_CUSTOM, on_error, &answer);
  nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, on_ack, &answer);
  nl_cb_set(callbacks.get(), NL_CB_FINISH, NL_CB_CUSTOM, on_ack, &answer);
  nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, on_valid, &answer);
  nl_cb_set(
      callbacks.get(), NL_CB_SEQ_CHECK, NL_CB_CUSTOM, [](nl_msg*, void*) { return int{NL_OK}; }, nullptr);
  while (!answer.done) {
    const int code = nl_recvmsgs(socket, callbacks.get());
    if (code < 0 && !answer.done) return Error(Code::kKernel, fmt::format("{}: {}", what, nl_geterror(code)));
  }
  if (answer.error != 0) return Error::from_errno(answer.error, what);
  return {};
}

}  // namespace

Result<> Rtnl::send(RtRequest& request) {
  nlmsg_hdr(request.message())->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  const int sent = nl_send_auto(socket_.get(), request.message());
  if (sent < 0) return Error(Code::kKernel, fmt::format("{}: {}", request.what(), nl_geterror(sent)));
  Answer answer;
  return receive(socket_.get(), answer, request.what());
}

Result<> Rtnl::ensure(RtRequest& request) {
  auto result = send(request);
  if (result.ok()) return {};
  switch (result.error().sys_errno()) {
    case EEXIST:
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case EADDRNOTAVAIL:
      return {};
    default:
      return result;
  }
}

Result<> Rtnl::dump(int type, int family, const std::function<void(const nlmsghdr*)>& visit) {
  ifinfomsg fixed{};  // Begins with the family, as every rtnetlink request does.
  fixed.ifi_family = static_cast<unsigned char>(family);
  RtRequest request(type, NLM_F_DUMP | NLM_F_REQUEST, fixed, "read the network");
  const int sent = nl_send_auto(socket_.get(), request.message());
  if (sent < 0) return Error(Code::kKernel, fmt::format("{}: {}", request.what(), nl_geterror(sent)));
  Answer answer;
  answer.visit = &visit;
  return receive(socket_.get(), answer, request.what());
}

Result<int> Rtnl::link_index(const std::string& name) {
  ifinfomsg fixed{};
  RtRequest request(RTM_GETLINK, NLM_F_REQUEST, fixed, "find link " + name);
  request.put(IFLA_IFNAME, name);
  const int sent = nl_send_auto(socket_.get(), request.message());
  if (sent < 0) return Error(Code::kKernel, fmt::format("{}: {}", request.what(), nl_geterror(sent)));
  int index = 0;
  Answer answer;
  const std::function<void(const nlmsghdr*)> visit = [&](const nlmsghdr* message) {
    index = static_cast<const ifinfomsg*>(NLMSG_DATA(message))->ifi_index;
    answer.done = true;
  };
  answer.visit = &visit;
  TRY(receive(socket_.get(), answer, request.what()));
  return index;
}

Result<> Rtnl::set_up(int index, bool up) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = up ? IFF_UP : 0;
  link.ifi_change = IFF_UP;
  RtRequest request(RTM_NEWLINK, 0, link, fmt::format("set link {} {}", index, up ? "up" : "down"));
  return send(request);
}

Result<> Rtnl::delete_link(const std::string& name) {
  ifinfomsg link{};
  RtRequest request(RTM_DELLINK, 0, link, "delete link " + name);
  request.put(IFLA_IFNAME, name);
  return ensure(request);
}

Result<> Rtnl::add_address(int index, const Ip& ip, int prefix) {
  ifaddrmsg address{};
  address.ifa_family = ip.is_v4() ? AF_INET : AF_INET6;
  address.ifa_prefixlen = static_cast<unsigned char>(prefix);
  address.ifa_index = static_cast<unsigned>(index);
  RtRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, address, "add address " + ip.text());
  request.put(IFA_LOCAL, ip).put(IFA_ADDRESS, ip);
  request.put32(IFA_FLAGS, IFA_F_NOPREFIXROUTE | (ip.is_v4() ? 0U : static_cast<unsigned>(IFA_F_NODAD)));
  return ensure(request);
}

namespace {

Result<> route_request(Rtnl& rtnl, const Route& route, int type, int flags, const char* verb) {
  rtmsg fixed{};
  fixed.rtm_family = route.to.family() == Family::kV4 ? AF_INET : AF_INET6;
  fixed.rtm_dst_len = static_cast<unsigned char>(route.to.prefix());
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = RTPROT_STATIC;
  fixed.rtm_type = route.link == 0 ? RTN_UNREACHABLE : RTN_UNICAST;
  fixed.rtm_scope = route.link != 0 && !route.via ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  RtRequest request(type, flags, fixed, fmt::format("{} route {}", verb, route.to.text()));
  request.put(RTA_DST, route.to.base());
  if (route.link != 0) request.put32(RTA_OIF, static_cast<std::uint32_t>(route.link));
  if (route.via) request.put(RTA_GATEWAY, *route.via);
  if (route.source) request.put(RTA_PREFSRC, *route.source);
  return type == RTM_NEWROUTE ? rtnl.send(request) : rtnl.ensure(request);
}

}  // namespace

Result<> put_route(Rtnl& rtnl, const Route& route) {
  return route_request(rtnl, route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "add");
}

Result<> delete_route(Rtnl& rtnl, const Route& route) {
  return route_request(rtnl, route, RTM_DELROUTE, 0, "delete");
}

Result<> delete_neighbour(Rtnl& rtnl, int link, const Ip& ip) {
  ndmsg fixed{};
  fixed.ndm_family = ip.is_v4() ? AF_INET : AF_INET6;
  fixed.ndm_ifindex = link;
  RtRequest request(RTM_DELNEIGH, 0, fixed, "delete neighbour " + ip.text());
  request.put(NDA_DST, ip);
  return rtnl.ensure(request);
}

const rtattr* attribute_of(const nlmsghdr* message, std::size_t skip, int type) {
  const auto* start = reinterpret_cast<const char*>(message) + NLMSG_HDRLEN + NLMSG_ALIGN(skip);
  const auto* attribute = reinterpret_cast<const rtattr*>(start);
  auto left = static_cast<long>(message->nlmsg_len) - static_cast<long>(NLMSG_HDRLEN + NLMSG_ALIGN(skip));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
  }
  return nullptr;
}

std::optional<Ip> ip_of(const rtattr* attribute) {
  if (attribute == nullptr) return std::nullopt;
  const auto* bytes = static_cast<const std::uint8_t*>(RTA_DATA(attribute));
  if (RTA_PAYLOAD(attribute) == 16) return Ip::v6(std::span<const std::uint8_t, 16>(bytes, 16));
  if (RTA_PAYLOAD(attribute) != 4) return std::nullopt;
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return Ip::v4(ntohl(value));
}

std::string text_of(const rtattr* attribute) {
  if (attribute == nullptr) return "";
  const auto* text = static_cast<const char*>(RTA_DATA(attribute));
  return std::string(text, ::strnlen(text, RTA_PAYLOAD(attribute)));
}

}  // namespace minik::netd
