#include "netd/kernel/nft_encode.h"

#include <fmt/format.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/limits.h"
#include "netd/kernel/attributes.h"
#include "netd/kernel/nft_rule.h"
#include "netd/kernel/nft_set.h"
#include "netd/plan/rule_text.h"

namespace minik::netd {
namespace {

constexpr std::size_t kMessageBytes = 128 * 1024;
constexpr std::size_t kElementBytes = 60'000;  // One attribute holds less than 64 KiB.

}  // namespace

NftBatch::NftBatch(NftSocket& socket) : socket_(socket), scratch_(kMessageBytes) {
  const std::uint32_t sequence = socket_.next_sequence();
  nftnl_batch_begin(scratch_.data(), sequence);
  const auto* header = reinterpret_cast<const nlmsghdr*>(scratch_.data());
  bytes_.append(scratch_.data(), header->nlmsg_len);
  messages_.push_back({sequence, 0, "commit", nullptr, 0, nullptr});
}

template <class Build>
void NftBatch::message(std::uint16_t type, TableFamily family, std::uint16_t flags, std::string what,
                       Build&& build) {
  const std::uint32_t sequence = socket_.next_sequence();
  nlmsghdr* header =
      nftnl_nlmsg_build_hdr(scratch_.data(), type, static_cast<std::uint16_t>(family), flags, sequence);
  build(header);
  messages_.push_back({sequence, bytes_.size(), std::move(what), nullptr, 0, nullptr});
  bytes_.append(scratch_.data(), header->nlmsg_len);
}

void NftBatch::table(const TableName& table, std::uint16_t type, std::uint16_t flags, const char* verb) {
  const std::unique_ptr<nftnl_table, void (*)(const nftnl_table*)> out(nftnl_table_alloc(), nftnl_table_free);
  nftnl_table_set_u32(out.get(), NFTNL_TABLE_FAMILY, static_cast<std::uint32_t>(table.family));
  nftnl_table_set_str(out.get(), NFTNL_TABLE_NAME, table.name.c_str());
  message(type, table.family, flags, fmt::format("{} table {}", verb, text(table)),
          [&](nlmsghdr* header) { nftnl_table_nlmsg_build_payload(header, out.get()); });
}

void NftBatch::clear_table(const TableName& name) {
  table(name, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add");
  table(name, NFT_MSG_DELTABLE, 0, "delete");
}

void NftBatch::chain(const TableName& table, const std::string& name, const std::optional<Hook>& hook,
                     bool remove) {
  const std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)> out(nftnl_chain_alloc(), nftnl_chain_free);
  nftnl_chain_set_u32(out.get(), NFTNL_CHAIN_FAMILY, static_cast<std::uint32_t>(table.family));
  nftnl_chain_set_str(out.get(), NFTNL_CHAIN_TABLE, table.name.c_str());
  nftnl_chain_set_str(out.get(), NFTNL_CHAIN_NAME, name.c_str());
  if (hook) {
    nftnl_chain_set_str(out.get(), NFTNL_CHAIN_TYPE, hook->kind == Hook::Kind::kNat ? "nat" : "filter");
    nftnl_chain_set_u32(out.get(), NFTNL_CHAIN_HOOKNUM, static_cast<std::uint32_t>(hook->point));
    nftnl_chain_set_s32(out.get(), NFTNL_CHAIN_PRIO, hook->priority);
    nftnl_chain_set_u32(out.get(), NFTNL_CHAIN_POLICY, hook->drop_by_default ? NF_DROP : NF_ACCEPT);
  }
  message(remove ? NFT_MSG_DELCHAIN : NFT_MSG_NEWCHAIN, table.family, remove ? 0 : NLM_F_CREATE | NLM_F_EXCL,
          fmt::format("{} chain {} {}", remove ? "delete" : "add", text(table), name),
          [&](nlmsghdr* header) { nftnl_chain_nlmsg_build_payload(header, out.get()); });
}

void NftBatch::elements(const SetName& set, const Set& type, const std::vector<ElementPtr>& list,
                        bool remove) {
  const std::uint16_t kind = remove ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM;
  const std::uint16_t flags = remove ? 0 : NLM_F_CREATE | NLM_F_EXCL;
  const std::string what =
      fmt::format("{} elements of {} {}", remove ? "delete" : "add", text(set.table), set.set);
  for (std::size_t first = 0; first < list.size();) {
    const NftSet out = empty_set(set);
    std::size_t size = 0, next = first;
    for (; next < list.size() && next - first < kSetElementsPerMessage; ++next) {
      size += message_size(*list[next]);
      if (size > kElementBytes) break;
      add_element(*out, type, *list[next]);
    }
    message(kind, set.table.family, flags, what,
            [&](nlmsghdr* header) { nftnl_set_elems_nlmsg_build_payload(header, out.get()); });
    messages_.back().elements = &list;
    messages_.back().first = first;
    messages_.back().set = &type;
    first = next;
  }
}

void NftBatch::write(const AddTable& c) {
  table(c.table, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, "add");
}

void NftBatch::write(const DeleteTable& c) { table(c.table, NFT_MSG_DELTABLE, 0, "delete"); }

void NftBatch::write(const AddChain& c) { chain(c.table, c.chain, c.hook, false); }

void NftBatch::write(const DeleteChain& c) { chain(c.table, c.chain, std::nullopt, true); }

void NftBatch::write(const AddSet& c) {
  const NftSet out = encode_set({c.table, c.name}, c.set);
  message(NFT_MSG_NEWSET, c.table.family, NLM_F_CREATE | NLM_F_EXCL,
          fmt::format("add set {} {}", text(c.table), c.name),
          [&](nlmsghdr* header) { nftnl_set_nlmsg_build_payload(header, out.get()); });
}

void NftBatch::write(const DeleteSet& c) {
  const NftSet out = empty_set({c.table, c.name});
  message(NFT_MSG_DELSET, c.table.family, 0, fmt::format("delete set {} {}", text(c.table), c.name),
          [&](nlmsghdr* header) { nftnl_set_nlmsg_build_payload(header, out.get()); });
}

void NftBatch::write(const FlushChain& c) {
  const NftRule out(nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_u32(out.get(), NFTNL_RULE_FAMILY, static_cast<std::uint32_t>(c.table.family));
  nftnl_rule_set_str(out.get(), NFTNL_RULE_TABLE, c.table.name.c_str());
  nftnl_rule_set_str(out.get(), NFTNL_RULE_CHAIN, c.chain.c_str());
  message(NFT_MSG_DELRULE, c.table.family, 0, fmt::format("flush chain {} {}", text(c.table), c.chain),
          [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, out.get()); });
}

void NftBatch::write(const AddRules& c) {
  for (const Rule& rule : c.rules) {
    const NftRule out = encode_rule(c.table, c.chain, rule);
    message(NFT_MSG_NEWRULE, c.table.family, NLM_F_CREATE | NLM_F_APPEND,
            fmt::format("add rule {} {} {}", text(c.table), c.chain, text(c.table.family, rule)),
            [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, out.get()); });
  }
}

void NftBatch::write(const AddElements& c) { elements(c.set, c.type, c.elements, false); }

void NftBatch::write(const DeleteElements& c) { elements(c.set, c.type, c.elements, true); }

void NftBatch::add(const RuleChange& change) {
  std::visit([this](const auto& one) { write(one); }, change);
}

// Which element of a list message the kernel stumbled over: the one whose attribute spans the offset it gave.
std::string NftBatch::explain(const NftFailure& failure) const {
  for (const Message& m : messages_) {
    if (m.sequence != failure.sequence) continue;
    std::string out = m.what;
    if (m.elements == nullptr || failure.offset == 0) return out;
    const auto* header = reinterpret_cast<const nlmsghdr*>(bytes_.data() + m.start);
    const char* wrong = reinterpret_cast<const char*>(header) + failure.offset;
    std::size_t index = m.first;
    const auto element = [&](const nlattr* attribute) {
      if (wrong >= reinterpret_cast<const char*>(mnl_attr_next(attribute))) {
        ++index;
        return true;
      }
      if (index < m.elements->size()) out += ": " + text(*m.set, *(*m.elements)[index]);
      return false;
    };
    for_each_attribute(mnl_nlmsg_get_payload_offset(header, sizeof(nfgenmsg)),
                       mnl_nlmsg_get_payload_tail(header), [&](const nlattr* attribute) {
                         if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS) return true;
                         for_each_attribute(mnl_attr_get_payload(attribute), mnl_attr_next(attribute),
                                            element);
                         return false;
                       });
    return out;
  }
  return "nftables";
}

Result<> NftBatch::commit() {
  const std::uint32_t sequence = socket_.next_sequence();
  nftnl_batch_end(scratch_.data(), sequence);
  const auto* header = reinterpret_cast<const nlmsghdr*>(scratch_.data());
  bytes_.append(scratch_.data(), header->nlmsg_len);
  const std::vector<NftFailure> failures = TRY(socket_.send_batch(bytes_));
  if (failures.empty()) return {};
  return Error::from_errno(failures[0].error, explain(failures[0]));
}

}  // namespace minik::netd
