// Conntrack: the node's UDP flows, and forgetting the stale ones (service-proxy.md row 59).
//
// Threads: one.  The handle belongs to the namespace it was opened in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "netd/plan/plan.h"

struct nfct_handle;

namespace minik::netd {

struct Flow {
  Ip source, destination;  // As the client sent it.
  std::uint16_t source_port = 0, destination_port = 0;
  Ip answering;  // Who answers: the endpoint, or the destination itself without NAT.
  std::uint16_t answering_port = 0;
};

class Conntrack {
 public:
  // In the calling thread's namespace.
  static Result<Conntrack> open();

  Result<std::vector<Flow>> udp_flows(Family family);
  Result<> forget(const Flow& flow);
  // Deletes the flows to these addresses that lead to somebody who does not serve any more.
  Result<> forget_stale(const std::vector<UdpVip>& vips);

 private:
  struct Close {
    void operator()(nfct_handle* handle) const;
  };
  std::unique_ptr<nfct_handle, Close> handle_;
};

// Pure: the flows that are stale.  An address without any serving endpoint keeps its flows.
std::vector<Flow> stale_flows(const std::vector<Flow>& flows, const std::vector<UdpVip>& vips);

}  // namespace minik::netd
