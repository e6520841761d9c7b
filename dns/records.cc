#include "dns/records.h"

#include <algorithm>

#include "api/pod.h"

namespace minik::dns {
namespace {

std::optional<std::string> name_below(const std::string& domain,
                                      std::initializer_list<std::string_view> labels) {
  std::optional<std::string> name = domain;
  for (const std::string_view label : labels) {
    name = child_name(label, *name);
    if (!name) break;
  }
  return name;
}

void add_empty(std::vector<NodePtr>& nodes, const std::optional<std::string>& name,
               const RecordContext& context) {
  if (name) nodes.push_back(NodeDraft(*name, context.ttl).finish(context.cause));
}

void add_apex(std::vector<NodePtr>& nodes, const std::string& apex, const std::string& server,
              const std::vector<Ip>& server_ips, const RecordContext& context) {
  NodeDraft draft(apex, context.ttl);
  draft.mark_apex();
  draft.name_record(kTypeNs, server);
  for (const Ip& ip : server_ips) draft.extra(server, ip);
  nodes.push_back(std::move(draft).finish(context.cause));
}

}  // namespace

std::vector<NodePtr> pod_records(const api::Object& object, const RecordContext& context) {
  std::vector<NodePtr> nodes;
  const auto& pod = object.view<api::Pod>();
  if (object.meta().deletion || pod.finished()) return nodes;
  std::vector<Ip> ips = pod.ips;
  if (pod.ip) ips.push_back(*pod.ip);
  std::sort(ips.begin(), ips.end());
  ips.erase(std::unique(ips.begin(), ips.end()), ips.end());
  for (const Ip& ip : ips) {
    const auto name = name_below(context.domain, {"pod", object.ns(), dashed(ip)});
    if (!name) continue;
    NodeDraft draft(*name, context.ttl);
    draft.address(ip);
    nodes.push_back(std::move(draft).finish(context.cause));
  }
  return nodes;
}

std::vector<NodePtr> namespace_records(const api::Object& ns, const RecordContext& context) {
  std::vector<NodePtr> nodes;
  add_empty(nodes, name_below(context.domain, {"svc", ns.name()}), context);
  add_empty(nodes, name_below(context.domain, {"pod", ns.name()}), context);
  return nodes;
}

std::vector<NodePtr> structure_records(const std::vector<std::string>& areas,
                                       const std::vector<Ip>& server_ips, const RecordContext& context) {
  std::vector<NodePtr> nodes;
  add_empty(nodes, name_below(context.domain, {"svc"}), context);
  add_empty(nodes, name_below(context.domain, {"pod"}), context);
  const auto version = name_below(context.domain, {"dns-version"});
  const auto server = name_below(context.domain, {"dns", "ns"});
  if (!version || !server) return nodes;
  NodeDraft version_draft(*version, kVersionTtl);
  version_draft.text(kSchemaVersion);
  nodes.push_back(std::move(version_draft).finish(context.cause));
  NodeDraft server_draft(*server, context.ttl);
  for (const Ip& ip : server_ips) server_draft.address(ip);
  nodes.push_back(std::move(server_draft).finish(context.cause));
  for (const std::string& area : areas) add_apex(nodes, area, *server, server_ips, context);
  return nodes;
}

std::vector<std::string> reverse_zones(const Cidr& range) {
  const int step = range.family() == Family::kV4 ? 8 : 4;
  const int bits = range.family() == Family::kV4 ? 32 : 128;
  const int whole = (range.prefix() + step - 1) / step;  // Labels of each zone.
  const int count = 1 << (whole * step - range.prefix());
  std::vector<std::string> zones;
  for (int i = 0; i < count; ++i) {
    // The i-th block of the size of one zone: i is added to the last of the `whole` units.
    std::array<std::uint8_t, 16> bytes{};
    const auto base = range.base().bytes();
    std::copy(base.begin(), base.end(), bytes.begin());
    if (whole > 0) {
      const int last_bit = whole * step - 1;
      const int shift = 7 - last_bit % 8;
      auto& byte = bytes[static_cast<std::size_t>(last_bit / 8)];
      byte = static_cast<std::uint8_t>(byte + (i << shift));
    }
    const Ip ip = step == 8 ? Ip::v4((std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
                                     (std::uint32_t{bytes[2]} << 8) | bytes[3])
                            : Ip::v6(bytes);
    const std::string full = reverse_name(ip);
    std::string_view zone = full;
    for (int label = whole; label < bits / step; ++label) zone = parent_name(zone);
    zones.emplace_back(zone);
  }
  return zones;
}

}  // namespace minik::dns
