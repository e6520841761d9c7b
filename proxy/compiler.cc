#include "proxy/compiler.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/service.h"
#include "api/service_changes.h"
#include "proxy/service_piece.h"
#include "proxy/service_tables.h"

namespace minik::proxy {

using api::NsName;

struct Compiler::State {
  netd::NodeConfig config;
  api::ServiceChanges changes;
  Compiled last;
  std::map<NsName, ServicePiece> pieces;
  std::map<NsName, std::vector<Vip>> wanted;
  std::map<Vip, std::vector<NsName>> claims;  // In order of arrival: the first has the address.
  std::map<NsName, std::vector<std::string>> problems;
  std::uint32_t largest = 0;  // Chains stay once they are there.

  std::set<NsName> claim(const NsName& name, std::vector<Vip> vips);
  std::map<Vip, NsName> taken_for(const NsName& name) const;
  void compile(const NsName& name, const api::ObjectPtr& service);
  void forget(const NsName& name);
  void make_tables(std::uint32_t needed);
  void add_routed();
  void note_udp(const ServicePiece* before, const ServicePiece& after);
};

namespace {

std::string owner_of(const NsName& name) { return "service " + name.ns + "/" + name.name; }

api::ObjectPtr proxied(const api::Snapshot& now, const NsName& name) {
  api::ObjectPtr service = now.find("services", name.ns, name.name);
  return service != nullptr && is_proxied(*service) ? service : nullptr;
}

}  // namespace

// Replaces the Service's claims.  Answers who must be compiled again because an address changed hands.
std::set<NsName> Compiler::State::claim(const NsName& name, std::vector<Vip> vips) {
  std::set<NsName> others;
  std::vector<Vip>& own = wanted[name];
  for (const Vip& vip : own) {
    if (std::binary_search(vips.begin(), vips.end(), vip)) continue;
    std::vector<NsName>& queue = claims[vip];
    const bool had = !queue.empty() && queue.front() == name;
    queue.erase(std::remove(queue.begin(), queue.end(), name), queue.end());
    if (queue.empty())
      claims.erase(vip);
    else if (had)
      others.insert(queue.front());
  }
  for (const Vip& vip : vips) {
    if (!std::binary_search(own.begin(), own.end(), vip)) claims[vip].push_back(name);
  }
  if (vips.empty())
    wanted.erase(name);
  else
    own = std::move(vips);
  return others;
}

std::map<Vip, NsName> Compiler::State::taken_for(const NsName& name) const {
  std::map<Vip, NsName> out;
  const auto own = wanted.find(name);
  if (own == wanted.end()) return out;
  for (const Vip& vip : own->second) {
    const auto queue = claims.find(vip);
    if (queue != claims.end() && queue->second.front() != name) out.emplace(vip, queue->second.front());
  }
  return out;
}

// UDP flows that lead to an endpoint that is gone are forgotten after the commit.
void Compiler::State::note_udp(const ServicePiece* before, const ServicePiece& after) {
  for (const netd::UdpVip& vip : after.udp) {
    const bool same =
        before != nullptr && std::find(before->udp.begin(), before->udp.end(), vip) != before->udp.end();
    if (!same) last.udp.push_back(vip);
  }
}

void Compiler::State::forget(const NsName& name) {
  pieces.erase(name);
  problems.erase(name);
  last.ruleset.pieces.erase(owner_of(name));
}

void Compiler::State::compile(const NsName& name, const api::ObjectPtr& service) {
  if (service == nullptr) return forget(name);
  const auto before = pieces.find(name);
  const ServicePiece* old = before == pieces.end() ? nullptr : &before->second;
  static const std::map<PortKey, std::vector<Backend>> kNone;
  ServicePiece piece = compile_service(*service, changes.slices(name), config, taken_for(name),
                                       old == nullptr ? kNone : old->slots);
  note_udp(old, piece);
  make_tables(piece.largest);
  last.ruleset.pieces.set(owner_of(name), piece.piece);
  if (piece.problems.empty())
    problems.erase(name);
  else
    problems[name] = piece.problems;
  pieces[name] = std::move(piece);
}

void Compiler::State::make_tables(std::uint32_t needed) {
  if (needed <= largest) return;
  largest = needed;
  for (const Family family : {Family::kV4, Family::kV6}) {
    if (config.has(family))
      last.ruleset.tables[netd::service_table(family)] = service_skeleton(config, family, largest);
  }
}

void Compiler::State::add_routed() {
  auto piece = std::make_shared<netd::Piece>();
  for (const netd::RoutedIp& routed : config.routed) {
    if (!config.has(routed.ip.family())) continue;
    piece->add(routed_set(routed.ip.family()),
               {netd::Bytes().add(routed.ip), {}, "pod " + routed.ns + "/" + routed.pod});
  }
  piece->finish();
  last.ruleset.pieces.set("node " + config.node, std::move(piece));
}

Compiler::Compiler(netd::NodeConfig config) : state_(std::make_unique<State>()) {
  state_->config = std::move(config);
  state_->make_tables(kChainsAlways);
  state_->add_routed();
}

Compiler::~Compiler() = default;

Compiled Compiler::update(const api::SnapshotPtr& now) {
  State& s = *state_;
  s.last.udp.clear();
  std::set<NsName> dirty = s.changes.update(now);
  std::set<NsName> moved;
  for (const NsName& name : dirty) {
    const api::ObjectPtr service = proxied(*now, name);
    moved.merge(s.claim(name, service == nullptr ? std::vector<Vip>{} : vips_of(*service, s.config)));
  }
  dirty.merge(moved);
  for (const NsName& name : dirty) s.compile(name, proxied(*now, name));
  if (!dirty.empty()) {
    s.last.problems.clear();
    for (const auto& [name, texts] : s.problems) {
      for (const std::string& text : texts)
        s.last.problems.emplace_back(api::Key{"services", name.ns, name.name}, text);
    }
  }
  return s.last;
}

}  // namespace minik::proxy
