// Ruleset: nftables tables as a value.
//
// Two parts.  The skeleton, tables with chains, rules and empty sets, is constant: the number of rules does
// not depend on the number of Services or pods.  Everything about one object is a Piece: elements of the
// named sets and maps, under the name of the object that caused them.  Pieces are shared between versions, so
// that comparing two rulesets costs what changed.
//
// `Stmt` is closed and has three readers: rule_text (nft(8) syntax), nft_encode (the kernel) and
// rule_simulate (questions).  A new statement does not compile until all three know it.
//
// No anonymous sets, ever: binding many of them in one transaction is quadratic in the kernel.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/cow_map.h"
#include "netd/plan/key.h"

namespace minik::netd {

// What a rule reads from a packet or its connection.
enum class Field : std::uint8_t {
  kIpSaddr,
  kIpDaddr,
  kIp6Saddr,
  kIp6Daddr,
  kL4Proto,
  kSport,
  kDport,
  kCtIpDaddr,
  kCtIp6Daddr,
  kCtDport,  // Of the connection's original direction: before DNAT.
  kCtStatus,
  kCtState,
  kEtherSaddr,
  kIifname,
  kOifname,
  kFibSaddrType,
  kIcmp6Type,
  kNumgen,  // A random number below Term::modulus, plus Term::offset.
};

// One part of a key that a rule looks up.
struct Term {
  Term(Field f) : field(f) {}  // NOLINT: implicit on purpose.
  Term(std::uint32_t mod, std::uint32_t off) : field(Field::kNumgen), modulus(mod), offset(off) {}
  Field field;
  std::uint32_t modulus = 0, offset = 0;
  bool operator==(const Term&) const = default;
};
using Terms = std::vector<Term>;

// field == value, or inside value/prefix for addresses; flags (kCtState, kCtStatus): any bit of value set.
struct Match {
  Field field;
  Bytes value;
  int prefix = -1;  // Bits; -1: all.
  bool negate = false;
  bool operator==(const Match&) const = default;
};
struct MatchSet {
  Terms key;
  std::string set;
  bool negate = false;
  bool operator==(const MatchSet&) const = default;
};
struct LookupVerdict {
  Terms key;
  std::string map;
  bool operator==(const LookupVerdict&) const = default;
};
// To the address and port that the map holds for the key.
struct Dnat {
  Terms key;
  std::string map;
  bool operator==(const Dnat&) const = default;
};
struct Jump {
  std::string chain;
  bool operator==(const Jump&) const = default;
};
struct Goto {
  std::string chain;
  bool operator==(const Goto&) const = default;
};
struct Accept {
  bool operator==(const Accept&) const = default;
};
struct Drop {
  bool operator==(const Drop&) const = default;
};
struct Reject {
  enum class With : std::uint8_t { kPortUnreachable, kTcpReset } with = With::kPortUnreachable;
  bool operator==(const Reject&) const = default;
};
struct Masquerade {
  bool operator==(const Masquerade&) const = default;
};  // fully-random
struct Counter {
  bool operator==(const Counter&) const = default;
};

using Stmt =
    std::variant<Match, MatchSet, LookupVerdict, Dnat, Jump, Goto, Accept, Drop, Reject, Masquerade, Counter>;

Match match(Field field, const Cidr& range, bool negate = false);
Match match(Field field, const Ip& address, bool negate = false);
Match match_proto(std::uint8_t proto);
Match match_iif(const std::string& name);
Match match_icmp6(std::uint8_t type);
Match match_ct_state(std::uint32_t bits);                        // kCtInvalid, ...
Match match_ct_status(std::uint32_t bits, bool negate = false);  // kCtDnat
Match match_fib_saddr_local();
inline constexpr std::uint32_t kCtInvalid = 1, kCtEstablished = 2, kCtRelated = 4, kCtNew = 8;
inline constexpr std::uint32_t kCtDnat = 0x20;
inline constexpr std::uint32_t kRouteLocal = 2;  // RTN_LOCAL

struct Rule {
  std::vector<Stmt> stmts;
  std::string comment;  // At most kCommentMax bytes.
  bool operator==(const Rule&) const = default;
};
inline constexpr std::size_t kCommentMax = 127;

enum class HookPoint : std::uint8_t {
  kPrerouting = 0,
  kInput = 1,
  kForward = 2,
  kOutput = 3,
  kPostrouting = 4
};
struct Hook {
  enum class Kind : std::uint8_t { kFilter, kNat } kind = Kind::kFilter;
  HookPoint point = HookPoint::kForward;
  int priority = 0;
  bool drop_by_default = false;
  bool operator==(const Hook&) const = default;
};

struct Chain {
  std::optional<Hook> hook;
  std::vector<Rule> rules;
  bool operator==(const Chain&) const = default;
};

struct Set {
  enum class Kind : std::uint8_t { kSet, kMap, kVerdictMap } kind = Kind::kSet;
  std::vector<Type> key;
  std::vector<Type> data = {};  // kMap
  bool interval = false;        // Elements are ranges.
  bool dynamic = false;         // The kernel adds elements itself.
  std::uint32_t timeout_ms = 0;
  std::uint32_t size = 0;  // Most elements; 0: no limit.
  bool operator==(const Set&) const = default;
};

enum class TableFamily : std::uint8_t { kInet = 1, kIp = 2, kIp6 = 10 };  // NFPROTO_*

struct TableName {
  TableFamily family = TableFamily::kIp;
  std::string name;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};
std::string text(const TableName& table);  // ip minik-svc

struct Table {
  std::map<std::string, Chain> chains;
  std::map<std::string, Set> sets;
  bool operator==(const Table&) const = default;
};

struct SetName {
  TableName table;
  std::string set;
  friend auto operator<=>(const SetName&, const SetName&) = default;
};

struct Verdict {
  enum class Kind : std::uint8_t { kAccept, kDrop, kGoto, kJump } kind = Kind::kDrop;
  std::string chain = {};
  friend auto operator<=>(const Verdict&, const Verdict&) = default;
};
using Data = std::variant<std::monostate, Bytes, Verdict>;

struct Element {
  Bytes key;
  Data data;
  std::string cause;  // The comment in the listing: "default/web port http".
  bool operator==(const Element&) const = default;
};

// What one object contributes.  Elements are sorted by key; an element belongs to one piece only.
class Piece {
 public:
  void add(const SetName& set, Element element);
  // Sorts; call once after the last add.
  void finish();
  const std::map<SetName, std::vector<Element>>& elements() const { return elements_; }
  bool operator==(const Piece&) const = default;

 private:
  std::map<SetName, std::vector<Element>> elements_;
};

struct Ruleset {
  std::map<TableName, std::shared_ptr<const Table>> tables;
  CowMap<std::string, std::shared_ptr<const Piece>>
      pieces;  // By owner: "service default/web", "pod default/web-7f".
};

}  // namespace minik::netd
