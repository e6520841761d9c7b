// AddressController: gives new Pods their node and their address.  The Pods themselves are the leases: there
// is no other record, so a restart continues where it was.
//
// Threads: one.  Errors: none; the store may refuse a write, then the next update computes it again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/snapshot.h"
#include "base/clock.h"
#include "base/ip.h"

namespace minik::cni {

struct AddressConfig {
  std::string node;
  std::vector<Ip> node_ips;     // status.hostIPs, and the addresses of hostNetwork pods.
  std::vector<Cidr> pod_cidrs;  // One per family; the first is the primary.
};

class AddressController {
 public:
  explicit AddressController(AddressConfig config);
  ~AddressController();
  // kPutAll writes for Pods that wait for an address: spec.nodeName, status.podIP(s), hostIP(s),
  // PodScheduled.
  std::vector<api::Write> update(const api::SnapshotPtr& now, WallTime time);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minik::cni
