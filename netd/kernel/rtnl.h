// Rtnl: one rtnetlink socket (libnl-3) and the few requests that minik makes with it.
//
// Threads: one.  The socket belongs to the namespace it was opened in.
// Errors: what the kernel answered, with the request in words.
#pragma once

#include <linux/rtnetlink.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"

struct nl_sock;
struct nl_msg;

namespace minik::netd {

// A message being built: header, one fixed struct, attributes.
class RtRequest {
 public:
  template <class Fixed>
  RtRequest(int type, int flags, const Fixed& fixed, std::string what)
      : RtRequest(type, flags, &fixed, sizeof fixed, std::move(what)) {}
  ~RtRequest();
  RtRequest(const RtRequest&) = delete;
  RtRequest& operator=(const RtRequest&) = delete;

  RtRequest& put(int type, const void* bytes, std::size_t size);
  RtRequest& put(int type, const std::string& text);
  RtRequest& put(int type, const Ip& ip) { return put(type, ip.bytes().data(), ip.bytes().size()); }
  RtRequest& put(int type, const Mac& mac) { return put(type, mac.bytes.data(), mac.bytes.size()); }
  RtRequest& put8(int type, std::uint8_t value) { return put(type, &value, sizeof value); }
  RtRequest& put32(int type, std::uint32_t value) { return put(type, &value, sizeof value); }
  // Attributes put by `inner` go inside.
  RtRequest& nest(int type, const std::function<void()>& inner);
  // A fixed struct without a header of its own, as a veth's peer begins.
  RtRequest& raw(const void* bytes, std::size_t size);

  nl_msg* message() { return message_; }
  const std::string& what() const { return what_; }

 private:
  RtRequest(int type, int flags, const void* fixed, std::size_t size, std::string what);
  nl_msg* message_;
  std::string what_;
};

class Rtnl {
 public:
  // In the calling thread's namespace.
  static Result<Rtnl> open();

  Result<> send(RtRequest& request);
  // As `send`, but what is there already (EEXIST) or gone already (ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL) is
  // fine.
  Result<> ensure(RtRequest& request);
  // Every message of a dump.
  Result<> dump(int type, int family, const std::function<void(const nlmsghdr*)>& visit);

  // kNotFound if there is no such link.
  Result<int> link_index(const std::string& name);
  Result<> set_up(int index, bool up);
  Result<> delete_link(const std::string& name);
  // An address without a route of its own and without duplicate detection.
  Result<> add_address(int index, const Ip& ip, int prefix);

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Free> socket_;
};

// Where packets to `to` go.
struct Route {
  Cidr to;
  int link = 0;  // Index; 0: unreachable.
  std::optional<Ip> via;
  std::optional<Ip> source;
};
Result<> put_route(Rtnl& rtnl, const Route& route);
Result<> delete_route(Rtnl& rtnl, const Route& route);

Result<> delete_neighbour(Rtnl& rtnl, int link, const Ip& ip);

// The attribute of this type in a message with a fixed part of `skip` bytes; null if there is none.
const rtattr* attribute_of(const nlmsghdr* message, std::size_t skip, int type);
std::optional<Ip> ip_of(const rtattr* attribute);
std::string text_of(const rtattr* attribute);

}  // namespace minik::netd
