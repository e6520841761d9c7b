// ServiceLeases: ClusterIPs and NodePorts, handed out inside the request.
//
// The Services in the store are the leases; this only indexes them, by the difference between the last
// snapshot it saw and the transaction at hand, so a transaction that is undone undoes its leases too.
// KEP-3070, KEP-3668.
//
// Threads: the store's writer thread only (call it inside a transaction).
// Errors: kInvalid with causes in the API's words; kInternal when a range is full.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "api/rules.h"
#include "api/snapshot.h"
#include "base/ip.h"

namespace minik::apiserver {

struct ServiceRanges {
  std::vector<Cidr> cluster_ips;  // The first is the primary family's.
  int node_port_low = 30000, node_port_high = 32767;
};

class ServiceLeases {
 public:
  explicit ServiceLeases(ServiceRanges ranges) : ranges_(std::move(ranges)) {}

  // Fills in families, ClusterIPs and NodePorts of `service`.  `old` is the stored object on an update.
  // Causes are for what the client asked and cannot have.
  Result<> allocate(const api::Snapshot& now, Json& service, const Json* old, api::Causes& causes);

  const ServiceRanges& ranges() const { return ranges_; }

 private:
  void sync(const api::Snapshot& now);
  void count(const api::ObjectPtr& service, int by);
  Result<> allocate_ips(Json& service, const Json* old, api::Causes& causes);
  Result<> allocate_node_ports(Json& service, const Json* old, api::Causes& causes);
  std::optional<Ip> free_ip(const Cidr& range) const;
  std::optional<int> free_node_port(const std::map<int, bool>& taken) const;
  const Cidr* range_of(std::string_view family) const;

  ServiceRanges ranges_;
  api::Snapshot seen_;
  std::map<Ip, int> ips_;
  std::map<int, int> node_ports_;
};

}  // namespace minik::apiserver
