#include "netd/plan/rule_simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "netd/plan/rule_text.h"

namespace minik::netd {

struct Simulator::State {
  enum class Next : std::uint8_t { kContinue, kReturn, kAccept, kDrop, kReset, kUnreachable };
  Packet packet;
  Ip original_daddr;
  std::uint16_t original_dport = 0;
  bool dnat = false, masqueraded = false;
  Next next = Next::kContinue;
  std::vector<std::string> trail;
};

namespace {

bool family_of(TableFamily table, const Packet& packet) {
  if (table == TableFamily::kInet) return true;
  return (table == TableFamily::kIp) == packet.saddr.is_v4();
}

bool has_ports(std::uint8_t proto) { return proto == kTcp || proto == kUdp || proto == kSctp; }

bool covers(std::span<const std::uint8_t> network, int prefix, std::span<const std::uint8_t> address) {
  for (std::size_t i = 0; i < network.size() && prefix > 0; ++i, prefix -= 8) {
    const int mask = prefix >= 8 ? 0xff : 0xff << (8 - prefix) & 0xff;
    if (((network[i] ^ address[i]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace

Simulator::Simulator(const std::vector<Ruleset>& rules, std::set<Ip> local) : local_(std::move(local)) {
  for (const Ruleset& part : rules) {
    for (const auto& [name, table] : part.tables) {
      kept_tables_.push_back(table);
      tables_[name] = table.get();
      for (const auto& [chain_name, chain] : table->chains) {
        if (chain.hook) hooks_[chain.hook->point].push_back({name, &chain_name, &chain});
      }
    }
    part.pieces.for_each([&](const std::string&, const std::shared_ptr<const Piece>& piece) {
      kept_pieces_.push_back(piece);
      for (const auto& [set, list] : piece->elements()) {
        for (const Element& element : list) elements_[set].emplace(element.key, &element);
      }
    });
  }
  for (auto& [point, chains] : hooks_) {
    std::stable_sort(chains.begin(), chains.end(), [](const BaseChain& a, const BaseChain& b) {
      return a.chain->hook->priority < b.chain->hook->priority;
    });
  }
}

const Element* Simulator::find(const TableName& table, const std::string& set, const Bytes& key) const {
  const auto elements = elements_.find({table, set});
  if (elements == elements_.end()) return nullptr;
  const auto element = elements->second.find(key);
  return element == elements->second.end() ? nullptr : element->second;
}

namespace {

// What `field` holds, or nothing when the packet does not have it.
std::optional<Bytes> load(const Packet& p, const Ip& ct_daddr, std::uint16_t ct_dport, bool dnat,
                          const std::set<Ip>& local, Field field) {
  const auto address = [](const Ip& ip, bool v4) -> std::optional<Bytes> {
    if (ip.is_v4() != v4) return std::nullopt;
    return Bytes(ip.bytes());
  };
  const auto link_name = [](const std::string& name) { return match_iif(name).value; };
  switch (field) {
    case Field::kIpSaddr:
      return address(p.saddr, true);
    case Field::kIpDaddr:
      return address(p.daddr, true);
    case Field::kIp6Saddr:
      return address(p.saddr, false);
    case Field::kIp6Daddr:
      return address(p.daddr, false);
    case Field::kCtIpDaddr:
      return address(ct_daddr, true);
    case Field::kCtIp6Daddr:
      return address(ct_daddr, false);
    case Field::kL4Proto:
      return Bytes({&p.proto, 1});
    case Field::kSport:
      return Bytes().add_port(p.sport);
    case Field::kDport:
      return Bytes().add_port(has_ports(p.proto) ? p.dport : 0);
    case Field::kCtDport:
      return Bytes().add_port(ct_dport);
    case Field::kCtStatus:
      return Bytes().add_host32(dnat ? kCtDnat : 0);
    case Field::kCtState:
      return Bytes().add_host32(p.ct_state);
    case Field::kEtherSaddr:
      if (p.iif.empty()) return std::nullopt;
      return Bytes(p.ether.bytes);
    case Field::kIifname:
      return link_name(p.iif);
    case Field::kOifname:
      return link_name("");
    case Field::kFibSaddrType:
      return Bytes().add_host32(local.count(p.saddr) != 0 ? kRouteLocal : 0);
    case Field::kIcmp6Type:
      if (p.proto != kIcmp6) return std::nullopt;
      return Bytes({&p.icmp6_type, 1});
    case Field::kNumgen:
      return std::nullopt;
  }
  return std::nullopt;
}

bool same_value(const Match& m, const Bytes& found) {
  const std::size_t size = std::min(m.value.size(), found.size());
  if (m.field == Field::kCtState || m.field == Field::kCtStatus) {
    std::uint32_t wanted = 0, have = 0;
    std::memcpy(&wanted, m.value.data(), sizeof wanted);
    std::memcpy(&have, found.data(), sizeof have);
    return (wanted & have) != 0;
  }
  const int bits = m.prefix < 0 ? static_cast<int>(size * 8) : m.prefix;
  return covers(m.value.span().first(size), bits, found.span().first(size));
}

}  // namespace

bool Simulator::matches(const TableName& table, const State& s, const Stmt& stmt) const {
  const auto read = [&](Field field) {
    return load(s.packet, s.original_daddr, s.original_dport, s.dnat, local_, field);
  };
  if (const auto* m = std::get_if<Match>(&stmt)) {
    const auto found = read(m->field);
    return found && same_value(*m, *found) != m->negate;
  }
  if (const auto* m = std::get_if<MatchSet>(&stmt)) {
    Bytes key;
    for (const Term& term : m->key) {
      const auto field = read(term.field);
      if (!field) return false;
      key.add(field->span());
    }
    return (find(table, m->set, key) != nullptr) != m->negate;
  }
  return true;
}

Simulator::States Simulator::follow(const TableName& table, const Verdict& verdict, State state) const {
  switch (verdict.kind) {
    case Verdict::Kind::kAccept:
      state.next = State::Next::kAccept;
      break;
    case Verdict::Kind::kDrop:
      state.next = State::Next::kDrop;
      break;
    case Verdict::Kind::kJump:
      return run_chain(table, verdict.chain, std::move(state));
    case Verdict::Kind::kGoto: {
      States out = run_chain(table, verdict.chain, std::move(state));
      for (State& s : out) {
        if (s.next == State::Next::kContinue) s.next = State::Next::kReturn;
      }
      return out;
    }
  }
  return {std::move(state)};
}

Simulator::States Simulator::run_dnat(const TableName& table, const Dnat& dnat, State state) const {
  const Term& last = dnat.key.back();
  const std::uint32_t draws = last.field == Field::kNumgen ? last.modulus : 1;
  States out;
  for (std::uint32_t draw = 0; draw < draws; ++draw) {
    Bytes key;
    for (const Term& term : dnat.key) {
      if (term.field == Field::kNumgen) {
        key.add_host32(term.offset + draw);
      } else if (const auto field = load(state.packet, state.original_daddr, state.original_dport, state.dnat,
                                         local_, term.field)) {
        key.add(field->span());
      }
    }
    State next = state;
    const Element* element = find(table, dnat.map, key);
    const auto* target = element == nullptr ? nullptr : std::get_if<Bytes>(&element->data);
    if (target != nullptr) {
      const std::size_t size = next.packet.daddr.bytes().size();
      const auto* bytes = target->data();
      next.packet.daddr =
          size == 4
              ? Ip::v4(static_cast<std::uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3])
              : Ip::v6(std::span<const std::uint8_t, 16>(bytes, 16));
      next.packet.dport = static_cast<std::uint16_t>(bytes[size] << 8 | bytes[size + 1]);
      next.dnat = true;
      next.next = State::Next::kAccept;
      next.trail.push_back(fmt::format("{} {}: {}", text(table), dnat.map, element->cause));
    }
    out.push_back(std::move(next));
  }
  return out;
}

Simulator::States Simulator::run_rule(const TableName& table, const std::string& chain, const Rule& rule,
                                      State state) const {
  const auto note = [&](State& s) {
    s.trail.push_back(fmt::format("{} {}: {}", text(table), chain, text(table.family, rule)));
  };
  for (const Stmt& stmt : rule.stmts) {
    if (!matches(table, state, stmt)) return {std::move(state)};
    if (const auto* lookup = std::get_if<LookupVerdict>(&stmt)) {
      Bytes key;
      for (const Term& term : lookup->key) {
        const auto field =
            load(state.packet, state.original_daddr, state.original_dport, state.dnat, local_, term.field);
        if (!field) return {std::move(state)};
        key.add(field->span());
      }
      const Element* element = find(table, lookup->map, key);
      if (element == nullptr) return {std::move(state)};
      state.trail.push_back(fmt::format("{} {}: {}", text(table), lookup->map, element->cause));
      return follow(table, std::get<Verdict>(element->data), std::move(state));
    }
    if (const auto* dnat = std::get_if<Dnat>(&stmt)) return run_dnat(table, *dnat, std::move(state));
    if (const auto* jump = std::get_if<Jump>(&stmt)) {
      return follow(table, {Verdict::Kind::kJump, jump->chain}, std::move(state));
    }
    if (const auto* go = std::get_if<Goto>(&stmt)) {
      return follow(table, {Verdict::Kind::kGoto, go->chain}, std::move(state));
    }
    if (std::holds_alternative<Accept>(stmt)) state.next = State::Next::kAccept;
    if (std::holds_alternative<Drop>(stmt)) state.next = State::Next::kDrop;
    if (const auto* reject = std::get_if<Reject>(&stmt)) {
      const bool reset = reject->with == Reject::With::kTcpReset;
      if (reset && state.packet.proto != kTcp) return {std::move(state)};
      state.next = reset ? State::Next::kReset : State::Next::kUnreachable;
    }
    if (std::holds_alternative<Masquerade>(stmt)) {
      state.masqueraded = true;
      state.next = State::Next::kAccept;
    }
    if (state.next != State::Next::kContinue) {
      note(state);
      return {std::move(state)};
    }
  }
  return {std::move(state)};
}

Simulator::States Simulator::run_chain(const TableName& table, const std::string& name, State state) const {
  const auto& chains = tables_.at(table)->chains;
  const auto chain = chains.find(name);
  if (chain == chains.end()) return {std::move(state)};
  States running{std::move(state)}, done;
  for (const Rule& rule : chain->second.rules) {
    States next;
    for (State& s : running) {
      for (State& after : run_rule(table, name, rule, std::move(s))) {
        (after.next == State::Next::kContinue ? next : done).push_back(std::move(after));
      }
    }
    running = std::move(next);
  }
  for (State& s : done) {
    if (s.next == State::Next::kReturn) s.next = State::Next::kContinue;
    running.push_back(std::move(s));
  }
  return running;
}

Simulator::States Simulator::run_hook(HookPoint point, States states) const {
  const auto chains = hooks_.find(point);
  if (chains == hooks_.end()) return states;
  for (const BaseChain& base : chains->second) {
    States next;
    for (State& state : states) {
      const bool ended = state.next != State::Next::kContinue;
      const bool nat = base.chain->hook->kind == Hook::Kind::kNat;
      if (ended || !family_of(base.table.family, state.packet) || (nat && state.packet.ct_state != kCtNew)) {
        next.push_back(std::move(state));
        continue;
      }
      for (State& after : run_chain(base.table, *base.name, std::move(state))) {
        if (after.next == State::Next::kContinue && base.chain->hook->drop_by_default) {
          after.next = State::Next::kDrop;
          after.trail.push_back(fmt::format("{} {}: policy drop", text(base.table), *base.name));
        }
        if (after.next == State::Next::kAccept) after.next = State::Next::kContinue;
        next.push_back(std::move(after));
      }
    }
    states = std::move(next);
  }
  return states;
}

std::vector<Fate> Simulator::run(const Packet& packet) const {
  State start;
  start.packet = packet;
  start.original_daddr = packet.daddr;
  start.original_dport = packet.dport;
  States states =
      run_hook(packet.iif.empty() ? HookPoint::kOutput : HookPoint::kPrerouting, {std::move(start)});
  States out;
  for (State& state : states) {
    States one{std::move(state)};
    const bool local = local_.count(one[0].packet.daddr) != 0;
    if (!packet.iif.empty()) one = run_hook(local ? HookPoint::kInput : HookPoint::kForward, std::move(one));
    if (!local || packet.iif.empty()) one = run_hook(HookPoint::kPostrouting, std::move(one));
    std::move(one.begin(), one.end(), std::back_inserter(out));
  }
  const auto order = [](const Fate& f) { return std::make_tuple(f.kind, f.daddr, f.dport, f.masqueraded); };
  std::vector<Fate> fates;
  for (State& s : out) {
    Fate fate{Fate::Kind::kDelivered, s.packet.daddr, s.packet.dport, s.masqueraded, std::move(s.trail)};
    if (s.next == State::Next::kDrop) fate.kind = Fate::Kind::kDropped;
    if (s.next == State::Next::kReset) fate.kind = Fate::Kind::kReset;
    if (s.next == State::Next::kUnreachable) fate.kind = Fate::Kind::kUnreachable;
    fates.push_back(std::move(fate));
  }
  std::sort(fates.begin(), fates.end(), [&](const Fate& a, const Fate& b) { return order(a) < order(b); });
  fates.erase(std::unique(fates.begin(), fates.end(),
                          [&](const Fate& a, const Fate& b) { return order(a) == order(b); }),
              fates.end());
  return fates;
}

}  // namespace minik::netd
