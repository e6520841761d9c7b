#include "netd/kernel/nft_rule.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include <cstring>

#include "netd/plan/plan.h"

namespace minik::netd {
namespace {

constexpr std::uint8_t kFingerprintType = 200;  // Beyond what nft(8) uses; it ignores what it does not know.
constexpr std::uint32_t kFirst = NFT_REG32_00;

struct Layout {
  enum class From : std::uint8_t { kNetwork, kTransport, kLink, kMeta, kCt, kFib, kNumgen } from;
  std::uint32_t at = 0;    // Offset in the header, or the key of meta and ct.
  std::uint32_t size = 0;  // Bytes
};

Layout layout_of(Field field) {
  using From = Layout::From;
  switch (field) {
    case Field::kIpSaddr:
      return {From::kNetwork, 12, 4};
    case Field::kIpDaddr:
      return {From::kNetwork, 16, 4};
    case Field::kIp6Saddr:
      return {From::kNetwork, 8, 16};
    case Field::kIp6Daddr:
      return {From::kNetwork, 24, 16};
    case Field::kSport:
      return {From::kTransport, 0, 2};
    case Field::kDport:
      return {From::kTransport, 2, 2};
    case Field::kIcmp6Type:
      return {From::kTransport, 0, 1};
    case Field::kEtherSaddr:
      return {From::kLink, 6, 6};
    case Field::kL4Proto:
      return {From::kMeta, NFT_META_L4PROTO, 1};
    case Field::kIifname:
      return {From::kMeta, NFT_META_IIFNAME, 16};
    case Field::kOifname:
      return {From::kMeta, NFT_META_OIFNAME, 16};
    case Field::kCtIpDaddr:
      return {From::kCt, NFT_CT_DST_IP, 4};
    case Field::kCtIp6Daddr:
      return {From::kCt, NFT_CT_DST_IP6, 16};
    case Field::kCtDport:
      return {From::kCt, NFT_CT_PROTO_DST, 2};
    case Field::kCtStatus:
      return {From::kCt, NFT_CT_STATUS, 4};
    case Field::kCtState:
      return {From::kCt, NFT_CT_STATE, 4};
    case Field::kFibSaddrType:
      return {From::kFib, 0, 4};
    case Field::kNumgen:
      return {From::kNumgen, 0, 4};
  }
  return {From::kMeta, 0, 0};
}

bool is_v4(Field f) { return f == Field::kIpSaddr || f == Field::kIpDaddr; }
bool is_v6(Field f) { return f == Field::kIp6Saddr || f == Field::kIp6Daddr; }

class RuleEncoder {
 public:
  RuleEncoder(nftnl_rule& rule, TableFamily family) : rule_(rule), family_(family) {}

  void operator()(const Match& m) {
    require(m.field);
    const Layout layout = layout_of(m.field);
    load(Term(m.field), kFirst);
    const std::uint32_t op = m.negate ? NFT_CMP_NEQ : NFT_CMP_EQ;
    if (m.field == Field::kCtState || m.field == Field::kCtStatus) {
      const std::uint32_t zero = 0;
      mask(m.value.data(), layout.size);
      compare(m.negate ? NFT_CMP_EQ : NFT_CMP_NEQ, &zero, sizeof zero);
      return;
    }
    if (m.prefix >= 0) {
      std::array<std::uint8_t, 16> bits{};
      for (int bit = 0; bit < m.prefix; ++bit) bits[static_cast<std::size_t>(bit) / 8] |= 0x80 >> bit % 8;
      mask(bits.data(), layout.size);
    }
    compare(op, m.value.data(), layout.size);
  }
  void operator()(const MatchSet& m) {
    load_key(m.key);
    nftnl_expr* e = lookup(m.set);
    if (m.negate) nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    add(e);
  }
  void operator()(const LookupVerdict& l) {
    load_key(l.key);
    nftnl_expr* e = lookup(l.map);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
    add(e);
  }
  void operator()(const Dnat& d) {
    load_key(d.key);
    nftnl_expr* e = lookup(d.map);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, kFirst);
    add(e);
    const bool v6 = family_ == TableFamily::kIp6;
    e = nftnl_expr_alloc("nat");
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, kFirst);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, kFirst + (v6 ? 4 : 1));
    add(e);
  }
  void operator()(const Jump& j) { verdict(NFT_JUMP, j.chain.c_str()); }
  void operator()(const Goto& g) { verdict(NFT_GOTO, g.chain.c_str()); }
  void operator()(const Accept&) { verdict(NF_ACCEPT, nullptr); }
  void operator()(const Drop&) { verdict(NF_DROP, nullptr); }
  void operator()(const Reject& r) {
    const bool reset = r.with == Reject::With::kTcpReset;
    if (reset) require_proto(kTcp);
    nftnl_expr* e = nftnl_expr_alloc("reject");
    std::uint32_t type = NFT_REJECT_ICMP_UNREACH;
    std::uint8_t code = family_ == TableFamily::kIp6 ? 4 : 3;  // Port unreachable.
    if (family_ == TableFamily::kInet) {
      type = NFT_REJECT_ICMPX_UNREACH;
      code = NFT_REJECT_ICMPX_PORT_UNREACH;
    }
    nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE,
                       reset ? static_cast<std::uint32_t>(NFT_REJECT_TCP_RST) : type);
    nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, reset ? 0 : code);
    add(e);
  }
  void operator()(const Masquerade&) {
    nftnl_expr* e = nftnl_expr_alloc("masq");
    nftnl_expr_set_u32(e, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
    add(e);
  }
  void operator()(const Counter&) { add(nftnl_expr_alloc("counter")); }

 private:
  void add(nftnl_expr* e) { nftnl_rule_add_expr(&rule_, e); }

  nftnl_expr* lookup(const std::string& set) {
    nftnl_expr* e = nftnl_expr_alloc("lookup");
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, kFirst);
    nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set.c_str());
    return e;
  }

  void load_key(const Terms& key) {
    for (const Term& term : key) require(term.field);
    std::uint32_t reg = kFirst;
    for (const Term& term : key) {
      load(term, reg);
      reg += (layout_of(term.field).size + 3) / 4;
    }
  }

  void load(const Term& term, std::uint32_t reg) {
    const Layout layout = layout_of(term.field);
    switch (layout.from) {
      case Layout::From::kNetwork:
        return payload(NFT_PAYLOAD_NETWORK_HEADER, layout.at, layout.size, reg);
      case Layout::From::kTransport:
        return payload(NFT_PAYLOAD_TRANSPORT_HEADER, layout.at, layout.size, reg);
      case Layout::From::kLink:
        return payload(NFT_PAYLOAD_LL_HEADER, layout.at, layout.size, reg);
      case Layout::From::kMeta:
        return meta(layout.at, reg);
      case Layout::From::kCt: {
        nftnl_expr* e = nftnl_expr_alloc("ct");
        nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, layout.at);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
        const bool directed = layout.at != NFT_CT_STATE && layout.at != NFT_CT_STATUS;
        if (directed) nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, 0);
        return add(e);
      }
      case Layout::From::kFib: {
        nftnl_expr* e = nftnl_expr_alloc("fib");
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, reg);
        return add(e);
      }
      case Layout::From::kNumgen: {
        nftnl_expr* e = nftnl_expr_alloc("numgen");
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, reg);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, term.modulus);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_OFFSET, term.offset);
        return add(e);
      }
    }
  }

  void payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size, std::uint32_t reg) {
    nftnl_expr* e = nftnl_expr_alloc("payload");
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, size);
    add(e);
  }
  void meta(std::uint32_t key, std::uint32_t reg) {
    nftnl_expr* e = nftnl_expr_alloc("meta");
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
    add(e);
  }
  void compare(std::uint32_t op, const void* value, std::uint32_t size) {
    nftnl_expr* e = nftnl_expr_alloc("cmp");
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, kFirst);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
    nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, size);
    add(e);
  }
  void mask(const void* bits, std::uint32_t size) {
    const std::array<std::uint8_t, 16> zero{};
    nftnl_expr* e = nftnl_expr_alloc("bitwise");
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, kFirst);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, kFirst);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, size);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero.data(), size);
    add(e);
  }
  void verdict(int code, const char* chain) {
    nftnl_expr* e = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(code));
    if (chain != nullptr) nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
    add(e);
  }

  // The checks without which `field` would read another protocol's header.
  void require(Field field) {
    if (field == Field::kEtherSaddr && !ether_) {
      const std::uint16_t type = ARPHRD_ETHER;
      meta(NFT_META_IIFTYPE, kFirst);
      compare(NFT_CMP_EQ, &type, sizeof type);
      ether_ = true;
    }
    if (is_v4(field)) require_family(NFPROTO_IPV4, ETH_P_IP);
    if (is_v6(field) || field == Field::kIcmp6Type) require_family(NFPROTO_IPV6, ETH_P_IPV6);
    if (field == Field::kIcmp6Type) require_proto(kIcmp6);
  }
  void require_family(std::uint8_t family, std::uint16_t ether_type) {
    if (family_ != TableFamily::kInet || checked_family_) return;
    checked_family_ = true;
    if (ether_) {
      const std::uint16_t type = htons(ether_type);
      payload(NFT_PAYLOAD_LL_HEADER, 12, 2, kFirst);
      compare(NFT_CMP_EQ, &type, sizeof type);
    } else {
      meta(NFT_META_NFPROTO, kFirst);
      compare(NFT_CMP_EQ, &family, sizeof family);
    }
  }
  void require_proto(std::uint8_t proto) {
    meta(NFT_META_L4PROTO, kFirst);
    compare(NFT_CMP_EQ, &proto, sizeof proto);
  }

  nftnl_rule& rule_;
  TableFamily family_;
  bool ether_ = false, checked_family_ = false;
};

using Udata = std::unique_ptr<nftnl_udata_buf, void (*)(const nftnl_udata_buf*)>;
Udata make_udata() { return {nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN), nftnl_udata_buf_free}; }

}  // namespace

NftRule encode_rule(const TableName& table, const std::string& chain, const Rule& rule) {
  NftRule out(nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_u32(out.get(), NFTNL_RULE_FAMILY, static_cast<std::uint32_t>(table.family));
  nftnl_rule_set_str(out.get(), NFTNL_RULE_TABLE, table.name.c_str());
  nftnl_rule_set_str(out.get(), NFTNL_RULE_CHAIN, chain.c_str());
  RuleEncoder encode(*out, table.family);
  for (const Stmt& stmt : rule.stmts) std::visit(encode, stmt);
  const Udata udata = make_udata();
  if (!rule.comment.empty()) {
    nftnl_udata_put_strz(udata.get(), NFTNL_UDATA_RULE_COMMENT, rule.comment.substr(0, kCommentMax).c_str());
  }
  const std::uint64_t mark = fingerprint(table.family, rule);
  nftnl_udata_put(udata.get(), kFingerprintType, sizeof mark, &mark);
  nftnl_rule_set_data(out.get(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(udata.get()),
                      nftnl_udata_buf_len(udata.get()));
  return out;
}

std::uint64_t fingerprint_of(const nftnl_rule& rule) {
  std::uint32_t size = 0;
  const void* data = nftnl_rule_get_data(&rule, NFTNL_RULE_USERDATA, &size);
  std::uint64_t mark = 0;
  if (data == nullptr) return mark;
  nftnl_udata_parse(
      data, size,
      [](const nftnl_udata* item, void* out) {
        if (nftnl_udata_type(item) == kFingerprintType && nftnl_udata_len(item) == sizeof(std::uint64_t)) {
          std::memcpy(out, nftnl_udata_get(item), sizeof(std::uint64_t));
        }
        return 0;
      },
      &mark);
  return mark;
}

}  // namespace minik::netd
