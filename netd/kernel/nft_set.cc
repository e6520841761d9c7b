#include "netd/kernel/nft_set.h"

#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstring>

namespace minik::netd {
namespace {

constexpr std::uint32_t kVerdictType = 0xffffff00;
constexpr std::uint32_t kTypeBits = 6;

std::uint32_t type_number(const std::vector<Type>& types) {
  std::uint32_t out = 0;
  for (const Type type : types) out = out << kTypeBits | static_cast<std::uint32_t>(type);
  return out;
}

// User data as nft(8) 1.0 writes it for `typeof`: a tree of (type, length, value), where an expression is its
// kind and a nest of what that kind needs.
class Tree {
 public:
  void u32(std::uint8_t type, std::uint32_t value) {
    out_.push_back(type);
    out_.push_back(sizeof value);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out_.insert(out_.end(), bytes, bytes + sizeof value);
  }
  void nest(std::uint8_t type, const Tree& inner) {
    out_.push_back(type);
    out_.push_back(static_cast<std::uint8_t>(inner.out_.size()));
    out_.insert(out_.end(), inner.out_.begin(), inner.out_.end());
  }
  const std::vector<std::uint8_t>& bytes() const { return out_; }

 private:
  std::vector<std::uint8_t> out_;
};

// Numbers of nft(8) 1.0: enum expr_types, enum proto_desc_id and the fields of a protocol header.
constexpr std::uint32_t kExprPayload = 7, kExprMeta = 9, kExprConcat = 13, kExprNumgen = 23;
constexpr std::uint32_t kProtoTransport = 11, kProtoIp = 12, kProtoIp6 = 13, kProtoEther = 18;
constexpr std::uint32_t kIpDaddr = 12, kIp6Daddr = 9, kThDport = 2, kEtherSaddr = 2;

Tree expression(std::uint32_t kind, const Tree& data) {
  Tree out;
  out.u32(NFTNL_UDATA_SET_TYPEOF_EXPR, kind);
  out.nest(NFTNL_UDATA_SET_TYPEOF_DATA, data);
  return out;
}

Tree payload(std::uint32_t protocol, std::uint32_t field) {
  Tree data;
  data.u32(0, protocol);
  data.u32(1, field);
  return expression(kExprPayload, data);
}

// The expression that stands for a type, as rule_text writes it.
Tree expression_for(Type type) {
  Tree data;
  switch (type) {
    case Type::kIp4:
      return payload(kProtoIp, kIpDaddr);
    case Type::kIp6:
      return payload(kProtoIp6, kIp6Daddr);
    case Type::kPort:
      return payload(kProtoTransport, kThDport);
    case Type::kEther:
      return payload(kProtoEther, kEtherSaddr);
    case Type::kProto:
      data.u32(0, NFT_META_L4PROTO);
      return expression(kExprMeta, data);
    case Type::kSlot:
      data.u32(0, NFT_NG_RANDOM);
      data.u32(1, 65536);
      data.u32(2, 0);
      return expression(kExprNumgen, data);
  }
  return {};
}

Tree concatenation(const std::vector<Type>& types) {
  Tree parts;
  for (std::size_t i = 0; i < types.size(); ++i)
    parts.nest(static_cast<std::uint8_t>(i), expression_for(types[i]));
  return expression(kExprConcat, parts);
}

std::vector<std::uint8_t> userdata(const Set& set) {
  Tree out;
  out.u32(NFTNL_UDATA_SET_KEYBYTEORDER, 0);
  out.u32(NFTNL_UDATA_SET_DATABYTEORDER, 0);
  out.nest(NFTNL_UDATA_SET_KEY_TYPEOF, concatenation(set.key));
  if (set.kind == Set::Kind::kMap) out.nest(NFTNL_UDATA_SET_DATA_TYPEOF, concatenation(set.data));
  out.u32(NFTNL_UDATA_SET_DATA_INTERVAL, 0);
  return out.bytes();
}

std::uint32_t flags_of(const Set& set) {
  std::uint32_t flags = 0;
  if (set.kind != Set::Kind::kSet) flags |= NFT_SET_MAP;
  if (set.interval) flags |= NFT_SET_INTERVAL;
  if (set.dynamic) flags |= NFT_SET_EVAL;
  if (set.timeout_ms != 0) flags |= NFT_SET_TIMEOUT;
  if (set.interval && set.key.size() > 1) flags |= NFT_SET_CONCAT;
  return flags;
}

int verdict_code(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kAccept:
      return NF_ACCEPT;
    case Verdict::Kind::kDrop:
      return NF_DROP;
    case Verdict::Kind::kGoto:
      return NFT_GOTO;
    case Verdict::Kind::kJump:
      return NFT_JUMP;
  }
  return NF_DROP;
}

}  // namespace

NftSet empty_set(const SetName& name) {
  NftSet out(nftnl_set_alloc(), nftnl_set_free);
  nftnl_set_set_u32(out.get(), NFTNL_SET_FAMILY, static_cast<std::uint32_t>(name.table.family));
  nftnl_set_set_str(out.get(), NFTNL_SET_TABLE, name.table.name.c_str());
  nftnl_set_set_str(out.get(), NFTNL_SET_NAME, name.set.c_str());
  return out;
}

NftSet encode_set(const SetName& name, const Set& set) {
  NftSet out = empty_set(name);
  nftnl_set_set_u32(out.get(), NFTNL_SET_ID, 1);  // Wanted by the kernel; sets are looked up by name.
  nftnl_set_set_u32(out.get(), NFTNL_SET_FLAGS, flags_of(set));
  nftnl_set_set_u32(out.get(), NFTNL_SET_KEY_TYPE, type_number(set.key));
  const bool single = set.key.size() == 1;
  nftnl_set_set_u32(out.get(), NFTNL_SET_KEY_LEN,
                    static_cast<std::uint32_t>(single ? size_of(set.key[0]) : padded_size(set.key)));
  if (set.kind == Set::Kind::kVerdictMap) {
    nftnl_set_set_u32(out.get(), NFTNL_SET_DATA_TYPE, kVerdictType);
    nftnl_set_set_u32(out.get(), NFTNL_SET_DATA_LEN, 0);
  } else if (set.kind == Set::Kind::kMap) {
    nftnl_set_set_u32(out.get(), NFTNL_SET_DATA_TYPE, type_number(set.data));
    nftnl_set_set_u32(out.get(), NFTNL_SET_DATA_LEN, static_cast<std::uint32_t>(padded_size(set.data)));
  }
  if (set.size != 0) nftnl_set_set_u32(out.get(), NFTNL_SET_DESC_SIZE, set.size);
  if (set.timeout_ms != 0) nftnl_set_set_u64(out.get(), NFTNL_SET_TIMEOUT, set.timeout_ms);
  if (set.interval && !single) {
    std::vector<std::uint8_t> lengths;
    for (const Type type : set.key) lengths.push_back(static_cast<std::uint8_t>(size_of(type)));
    nftnl_set_set_data(out.get(), NFTNL_SET_DESC_CONCAT, lengths.data(),
                       static_cast<std::uint32_t>(lengths.size()));
  }
  if (std::find(set.key.begin(), set.key.end(), Type::kSlot) != set.key.end()) {
    const std::vector<std::uint8_t> tree = userdata(set);
    nftnl_set_set_data(out.get(), NFTNL_SET_USERDATA, tree.data(), static_cast<std::uint32_t>(tree.size()));
  }
  return out;
}

void add_element(nftnl_set& set, const Set& type, const Element& element) {
  const std::size_t key_size = type.key.size() == 1 ? size_of(type.key[0]) : element.key.size();
  nftnl_set_elem* e = nftnl_set_elem_alloc();
  nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, element.key.data(), static_cast<std::uint32_t>(key_size));
  if (const auto* bytes = std::get_if<Bytes>(&element.data)) {
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, bytes->data(), static_cast<std::uint32_t>(bytes->size()));
  }
  if (const auto* verdict = std::get_if<Verdict>(&element.data)) {
    nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_VERDICT,
                           static_cast<std::uint32_t>(verdict_code(verdict->kind)));
    if (!verdict->chain.empty()) nftnl_set_elem_set_str(e, NFTNL_SET_ELEM_CHAIN, verdict->chain.c_str());
  }
  if (!element.cause.empty()) {
    std::array<std::uint8_t, kCommentMax + 3> note;
    note[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
    note[1] = static_cast<std::uint8_t>(element.cause.size() + 1);
    std::memcpy(note.data() + 2, element.cause.c_str(), element.cause.size() + 1);
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, note.data(),
                       static_cast<std::uint32_t>(element.cause.size() + 3));
  }
  nftnl_set_elem_add(&set, e);
}

std::size_t message_size(const Element& element) {
  constexpr std::size_t kHeaders = 48;  // Nests and paddings of an element.
  std::size_t size = kHeaders + element.key.size() + element.cause.size();
  if (const auto* bytes = std::get_if<Bytes>(&element.data)) size += bytes->size();
  if (const auto* verdict = std::get_if<Verdict>(&element.data)) size += 20 + verdict->chain.size();
  return size;
}

std::optional<std::pair<Bytes, Data>> decode_element(const nftnl_set_elem& element) {
  auto* e = const_cast<nftnl_set_elem*>(&element);  // The library's getters are not const.
  std::uint32_t size = 0;
  const void* key = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &size);
  if (key == nullptr || size > Bytes::kMax) return std::nullopt;
  const Bytes key_bytes(std::span(static_cast<const std::uint8_t*>(key), size));
  if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_VERDICT)) {
    const int code = static_cast<int>(nftnl_set_elem_get_u32(e, NFTNL_SET_ELEM_VERDICT));
    for (const auto kind :
         {Verdict::Kind::kAccept, Verdict::Kind::kDrop, Verdict::Kind::kGoto, Verdict::Kind::kJump}) {
      if (verdict_code(kind) != code) continue;
      const char* chain = nftnl_set_elem_get_str(e, NFTNL_SET_ELEM_CHAIN);
      return std::pair<Bytes, Data>(key_bytes, Verdict{kind, chain == nullptr ? "" : chain});
    }
    return std::nullopt;
  }
  if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_DATA)) {
    const void* data = nftnl_set_elem_get(e, NFTNL_SET_ELEM_DATA, &size);
    if (size > Bytes::kMax) return std::nullopt;
    return std::pair<Bytes, Data>(key_bytes, Bytes(std::span(static_cast<const std::uint8_t*>(data), size)));
  }
  return std::pair<Bytes, Data>(key_bytes, std::monostate{});
}

}  // namespace minik::netd
