// NetlinkKernel: the Kernel that is Linux: libnl for links, addresses and routes, libnftnl for nftables, one
// transaction per commit.
//
// Its sockets are opened inside the node's namespace, which it makes and pins at
// /run/netns/minik-<cluster>-<node>.
#pragma once

#include <memory>
#include <string>

#include "netd/kernel/kernel.h"
#include "netd/plan/node_config.h"

namespace minik::netd {

class NetlinkKernel final : public Kernel {
 public:
  // Makes the node's namespace if it is not there.  `netns` is its name below /run/netns.
  static Result<std::unique_ptr<NetlinkKernel>> open(const std::string& netns);
  ~NetlinkKernel() override;

  Result<Seen> observe() override;
  Result<Report> reset(const Plan& plan) override;
  Result<Report> commit(const Changes& changes) override;
  int notice_fd() const override;
  Result<std::vector<ForeignChange>> take_notices() override;

 private:
  struct Parts;
  explicit NetlinkKernel(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace minik::netd
