// What each object puts into the zone: the Kubernetes DNS schema 1.1.0 as pure functions from objects to
// nodes.
//
// Rules and their sources: reference dns.md section 1 (records, endpoint names, readiness, pod records, PTR).
// A name that would be longer than 255 bytes (only possible with a cluster domain beyond 59) is left out.
//
// Threads: pure.  Errors: none; what cannot be honoured yields no record.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "base/ip.h"
#include "dns/node.h"

namespace minik::dns {

inline constexpr std::uint32_t kVersionTtl = 28'800;  // Seconds, of dns-version.
inline constexpr std::string_view kSchemaVersion = "1.1.0";

struct RecordContext {
  std::string domain;  // Wire form.
  std::uint32_t ttl = 5;
  Cause cause;  // The object that is compiled.
};

// `slices`: the EndpointSlices that carry the Service's name.  No two nodes have the same name.
std::vector<NodePtr> service_records(const api::Object& service, const std::vector<api::ObjectPtr>& slices,
                                     const RecordContext& context);
// The pod's addresses below ns.pod.Z, if it holds them still.
std::vector<NodePtr> pod_records(const api::Object& pod, const RecordContext& context);
// ns.svc.Z and ns.pod.Z: names without records.
std::vector<NodePtr> namespace_records(const api::Object& ns, const RecordContext& context);
// What is there without any object: the apexes, ns.dns.Z with `server_ips`, dns-version.Z, svc.Z, pod.Z.
std::vector<NodePtr> structure_records(const std::vector<std::string>& areas,
                                       const std::vector<Ip>& server_ips, const RecordContext& context);

// Apexes of the reverse zones that together cover `range`, cut at bytes (IPv4) or nibbles (IPv6).
std::vector<std::string> reverse_zones(const Cidr& range);

}  // namespace minik::dns
