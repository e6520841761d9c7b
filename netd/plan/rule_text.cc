#include "netd/plan/rule_text.h"

#include <fmt/format.h>

#include <cstring>

namespace minik::netd {
namespace {

const char* family_text(TableFamily family) {
  switch (family) {
    case TableFamily::kInet:
      return "inet";
    case TableFamily::kIp:
      return "ip";
    case TableFamily::kIp6:
      return "ip6";
  }
  return "";
}

const char* field_text(Field field) {
  switch (field) {
    case Field::kIpSaddr:
      return "ip saddr";
    case Field::kIpDaddr:
      return "ip daddr";
    case Field::kIp6Saddr:
      return "ip6 saddr";
    case Field::kIp6Daddr:
      return "ip6 daddr";
    case Field::kL4Proto:
      return "meta l4proto";
    case Field::kSport:
      return "th sport";
    case Field::kDport:
      return "th dport";
    case Field::kCtIpDaddr:
      return "ct original ip daddr";
    case Field::kCtIp6Daddr:
      return "ct original ip6 daddr";
    case Field::kCtDport:
      return "ct original proto-dst";
    case Field::kCtStatus:
      return "ct status";
    case Field::kCtState:
      return "ct state";
    case Field::kEtherSaddr:
      return "ether saddr";
    case Field::kIifname:
      return "iifname";
    case Field::kOifname:
      return "oifname";
    case Field::kFibSaddrType:
      return "fib saddr type";
    case Field::kIcmp6Type:
      return "icmpv6 type";
    case Field::kNumgen:
      return "numgen";
  }
  return "";
}

std::string key_text(const Terms& key) {
  std::string out;
  for (const Term& term : key) {
    if (!out.empty()) out += " . ";
    if (term.field != Field::kNumgen) {
      out += field_text(term.field);
    } else {
      out += fmt::format("numgen random mod {}", term.modulus);
      if (term.offset != 0) out += fmt::format(" offset {}", term.offset);
    }
  }
  return out;
}

std::uint32_t host32(const Bytes& value) {
  std::uint32_t out = 0;
  std::memcpy(&out, value.data(), std::min(sizeof out, value.size()));
  return out;
}

std::string state_text(std::uint32_t bits) {
  std::string out;
  constexpr std::pair<std::uint32_t, const char*> kNames[] = {
      {kCtInvalid, "invalid"}, {kCtEstablished, "established"}, {kCtRelated, "related"}, {kCtNew, "new"}};
  for (const auto& [bit, name] : kNames) {
    if ((bits & bit) != 0) out += (out.empty() ? "" : ",") + std::string(name);
  }
  return out;
}

std::string value_text(const Match& match) {
  const std::string prefix = match.prefix < 0 ? "" : fmt::format("/{}", match.prefix);
  switch (match.field) {
    case Field::kIpSaddr:
    case Field::kIpDaddr:
    case Field::kCtIpDaddr:
      return text({Type::kIp4}, match.value) + prefix;
    case Field::kIp6Saddr:
    case Field::kIp6Daddr:
    case Field::kCtIp6Daddr:
      return text({Type::kIp6}, match.value) + prefix;
    case Field::kL4Proto:
      return proto_text(match.value.data()[0]);
    case Field::kSport:
    case Field::kDport:
    case Field::kCtDport:
      return text({Type::kPort}, match.value);
    case Field::kEtherSaddr:
      return text({Type::kEther}, match.value);
    case Field::kCtStatus:
      return host32(match.value) == kCtDnat ? "dnat" : std::to_string(host32(match.value));
    case Field::kCtState:
      return state_text(host32(match.value));
    case Field::kIifname:
    case Field::kOifname:
      return fmt::format("\"{}\"", reinterpret_cast<const char*>(match.value.data()));
    case Field::kFibSaddrType:
      return host32(match.value) == kRouteLocal ? "local" : std::to_string(host32(match.value));
    case Field::kIcmp6Type:
      return std::to_string(match.value.data()[0]);
    case Field::kNumgen:
      return std::to_string(host32(match.value));
  }
  return "";
}

struct StmtText {
  TableFamily family;

  std::string operator()(const Match& m) const {
    const bool flags = m.field == Field::kCtStatus || m.field == Field::kCtState;
    return fmt::format("{} {}{}", field_text(m.field), m.negate ? (flags ? "! " : "!= ") : "", value_text(m));
  }
  std::string operator()(const MatchSet& m) const {
    return fmt::format("{} {}@{}", key_text(m.key), m.negate ? "!= " : "", m.set);
  }
  std::string operator()(const LookupVerdict& l) const {
    return fmt::format("{} vmap @{}", key_text(l.key), l.map);
  }
  std::string operator()(const Dnat& d) const {
    return fmt::format("dnat {} to {} map @{}", family == TableFamily::kIp6 ? "ip6" : "ip", key_text(d.key),
                       d.map);
  }
  std::string operator()(const Jump& j) const { return "jump " + j.chain; }
  std::string operator()(const Goto& g) const { return "goto " + g.chain; }
  std::string operator()(const Accept&) const { return "accept"; }
  std::string operator()(const Drop&) const { return "drop"; }
  std::string operator()(const Reject& r) const {
    return r.with == Reject::With::kTcpReset ? "reject with tcp reset" : "reject";
  }
  std::string operator()(const Masquerade&) const { return "masquerade fully-random"; }
  std::string operator()(const Counter&) const { return "counter"; }
};

std::string types_text(const std::vector<Type>& types) {
  std::string out;
  for (const Type type : types) {
    if (!out.empty()) out += " . ";
    switch (type) {
      case Type::kIp4:
        out += "ipv4_addr";
        break;
      case Type::kIp6:
        out += "ipv6_addr";
        break;
      case Type::kEther:
        out += "ether_addr";
        break;
      case Type::kProto:
        out += "inet_proto";
        break;
      case Type::kPort:
        out += "inet_service";
        break;
      case Type::kSlot:
        out += "mark";
        break;
    }
  }
  return out;
}

// A slot has no fixed size type in nft(8), so such keys are declared by the expressions that fill them.
std::string typeof_text(const std::vector<Type>& types) {
  std::string out;
  for (const Type type : types) {
    if (!out.empty()) out += " . ";
    switch (type) {
      case Type::kIp4:
        out += "ip daddr";
        break;
      case Type::kIp6:
        out += "ip6 daddr";
        break;
      case Type::kEther:
        out += "ether saddr";
        break;
      case Type::kProto:
        out += "meta l4proto";
        break;
      case Type::kPort:
        out += "th dport";
        break;
      case Type::kSlot:
        out += "numgen random mod 65536";
        break;
    }
  }
  return out;
}

std::string declaration(const Set& set) {
  const bool by_expression = std::find(set.key.begin(), set.key.end(), Type::kSlot) != set.key.end();
  const auto words = by_expression ? typeof_text : types_text;
  std::string out = (by_expression ? "typeof " : "type ") + words(set.key);
  if (set.kind == Set::Kind::kMap) out += " : " + words(set.data);
  if (set.kind == Set::Kind::kVerdictMap) out += " : verdict";
  out += ";";
  if (set.size != 0) out += fmt::format(" size {};", set.size);
  std::string flags;
  if (set.interval) flags += "interval";
  if (set.dynamic) flags += flags.empty() ? "dynamic" : ",dynamic";
  if (set.timeout_ms != 0) flags += flags.empty() ? "timeout" : ",timeout";
  if (!flags.empty()) out += " flags " + flags + ";";
  if (set.timeout_ms != 0) out += fmt::format(" timeout {}ms;", set.timeout_ms);
  return out;
}

std::string verdict_text(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::kAccept:
      return "accept";
    case Verdict::Kind::kDrop:
      return "drop";
    case Verdict::Kind::kGoto:
      return "goto " + verdict.chain;
    case Verdict::Kind::kJump:
      return "jump " + verdict.chain;
  }
  return "";
}

using Elements = std::map<SetName, std::map<Bytes, const Element*>>;

void print_table(std::string& out, const TableName& name, const Table& table, const Elements& elements) {
  out += fmt::format("table {} {{\n", text(name));
  for (const auto& [set_name, set] : table.sets) {
    out += fmt::format("\t{} {} {{\n\t\t{}\n", set.kind == Set::Kind::kSet ? "set" : "map", set_name,
                       declaration(set));
    if (const auto it = elements.find({name, set_name}); it != elements.end()) {
      const char* between = "\t\telements = { ";
      for (const auto& [key, element] : it->second) {
        out += between + text(set, *element);
        between = ",\n\t\t\t     ";
      }
      out += " }\n";
    }
    out += "\t}\n";
  }
  for (const auto& [chain_name, chain] : table.chains) {
    out += fmt::format("\tchain {} {{\n", chain_name);
    if (chain.hook) out += "\t\t" + text(*chain.hook) + "\n";
    for (const Rule& rule : chain.rules) out += "\t\t" + text(name.family, rule) + "\n";
    out += "\t}\n";
  }
  out += "}\n";
}

}  // namespace

std::string text(const TableName& table) {
  return fmt::format("{} {}", family_text(table.family), table.name);
}

std::string text(TableFamily family, const Rule& rule) {
  std::string out;
  for (const Stmt& stmt : rule.stmts) {
    if (!out.empty()) out += " ";
    out += std::visit(StmtText{family}, stmt);
  }
  if (!rule.comment.empty()) out += fmt::format(" comment \"{}\"", rule.comment);
  return out;
}

std::string text(const Hook& hook) {
  constexpr const char* kPoints[] = {"prerouting", "input", "forward", "output", "postrouting"};
  return fmt::format(
      "type {} hook {} priority {}; policy {};", hook.kind == Hook::Kind::kNat ? "nat" : "filter",
      kPoints[static_cast<std::size_t>(hook.point)], hook.priority, hook.drop_by_default ? "drop" : "accept");
}

std::string text(const Set& set, const Element& element) {
  std::string out = text(set.key, element.key);
  if (!element.cause.empty()) out += fmt::format(" comment \"{}\"", element.cause);
  if (const auto* bytes = std::get_if<Bytes>(&element.data)) out += " : " + text(set.data, *bytes);
  if (const auto* verdict = std::get_if<Verdict>(&element.data)) out += " : " + verdict_text(*verdict);
  return out;
}

std::string text(const std::vector<Ruleset>& rules) {
  Elements elements;
  for (const Ruleset& part : rules) {
    part.pieces.for_each([&](const std::string&, const std::shared_ptr<const Piece>& piece) {
      for (const auto& [set, list] : piece->elements()) {
        for (const Element& element : list) elements[set].emplace(element.key, &element);
      }
    });
  }
  std::string out;
  for (const Ruleset& part : rules) {
    for (const auto& [name, table] : part.tables) print_table(out, name, *table, elements);
  }
  return out;
}

}  // namespace minik::netd
