// ZoneBuilder: from snapshots to zones, at the cost of what changed.
//
// Every object contributes nodes (records.h).  The builder remembers which, so a change of one object
// replaces its nodes and nothing else.  A name that several objects contribute to holds all their parts;
// parents of names exist as long as anything is below them.  All changes of one `update` become visible with
// one publish, so no reader sees a name without records in between.
//
// Threads: one (the loop).  Ownership: keeps the last snapshot and zone alive.  Errors: a cluster domain that
// is no DNS name is refused by `make`.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/service_changes.h"
#include "api/snapshot.h"
#include "base/ip.h"
#include "base/result.h"
#include "dns/records.h"
#include "dns/zone.h"

namespace minik::dns {

struct ZoneConfig {
  std::string domain = "cluster.local";
  Ip dns_ip;                                   // ns.dns.Z until the Service kube-system/kube-dns says more.
  std::vector<Cidr> service_cidrs, pod_cidrs;  // Their reverse zones are ours.
  std::uint32_t ttl = 5, negative_ttl = 5;     // Seconds.
};

class ZoneBuilder {
 public:
  // Errors: kInvalid (the domain).
  static Result<ZoneBuilder> make(ZoneConfig config);

  // The zone for `now`: the same pointer as last time if nothing that DNS shows has changed.
  std::shared_ptr<const Zone> update(const api::SnapshotPtr& now);

 private:
  ZoneBuilder(ZoneConfig config, std::shared_ptr<const ZoneSettings> settings);

  struct Contribution {
    Cause cause;
    std::vector<NodePtr> nodes;
  };
  using Compile = std::vector<NodePtr> (*)(const api::Object&, const RecordContext&);
  struct Change {
    ZoneEditor& editor;
    const api::SnapshotPtr& now;
  };

  void update_structure(Change& change);
  void update_service(Change& change, const api::NsName& name);
  void update_each(Change& change, std::string_view resource, Compile compile);
  RecordContext context_for(const api::Key& key);
  // Makes `nodes` all that the context's cause contributes.
  void replace(Change& change, const RecordContext& context, std::vector<NodePtr> nodes);
  void put_part(Change& change, const NodePtr& part);
  void remove_part(Change& change, const NodePtr& part);
  void set_parts(Change& change, std::string_view name, std::vector<NodePtr> parts);
  void appear(Change& change, std::string_view name);
  void disappear(Change& change, std::string_view name);

  ZoneConfig config_;
  api::Key structure_key_;
  api::ServiceChanges services_;
  api::SnapshotPtr seen_;
  std::shared_ptr<const Zone> zone_;
  std::map<api::Key, Contribution> contributions_;
  std::unordered_map<std::string, std::uint32_t> children_;  // Number of names directly below; never 0.
};

}  // namespace minik::dns
