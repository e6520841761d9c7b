#include "netd/kernel/nft_observe.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "netd/kernel/attributes.h"
#include "netd/kernel/nft_rule.h"
#include "netd/kernel/nft_set.h"

namespace minik::netd {
namespace {

constexpr int kTries = 5;
constexpr const char* kOurs = "minik";
using Buffer = std::array<char, 1024>;

bool known_family(std::uint32_t family) {
  return family == static_cast<std::uint32_t>(TableFamily::kInet) ||
         family == static_cast<std::uint32_t>(TableFamily::kIp) ||
         family == static_cast<std::uint32_t>(TableFamily::kIp6);
}

TableName table_name(std::uint32_t family, const char* name) {
  return {static_cast<TableFamily>(family), name == nullptr ? "" : name};
}

nlmsghdr* dump_request(NftSocket& socket, Buffer& buffer, std::uint16_t type) {
  return nftnl_nlmsg_build_hdr(buffer.data(), type, NFPROTO_UNSPEC, NLM_F_DUMP, socket.next_sequence());
}

using Tables = std::map<TableName, SeenTable>;

Result<> read_chains(NftSocket& socket, Tables& tables) {
  Buffer buffer;
  return socket.dump(dump_request(socket, buffer, NFT_MSG_GETCHAIN), [&](const nlmsghdr* message) {
    const std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)> chain(nftnl_chain_alloc(),
                                                                           nftnl_chain_free);
    if (nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return;
    const auto table = tables.find(table_name(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY),
                                              nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)));
    if (table == tables.end()) return;
    SeenChain& seen = table->second.chains[nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)];
    if (!nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM)) return;
    const char* type = nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TYPE);
    seen.hook =
        Hook{type != nullptr && std::strcmp(type, "nat") == 0 ? Hook::Kind::kNat : Hook::Kind::kFilter,
             static_cast<HookPoint>(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM)),
             nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO),
             nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_DROP};
  });
}

Result<> read_rules(NftSocket& socket, Tables& tables) {
  Buffer buffer;
  return socket.dump(dump_request(socket, buffer, NFT_MSG_GETRULE), [&](const nlmsghdr* message) {
    const NftRule rule(nftnl_rule_alloc(), nftnl_rule_free);
    if (nftnl_rule_nlmsg_parse(message, rule.get()) < 0) return;
    const auto table = tables.find(table_name(nftnl_rule_get_u32(rule.get(), NFTNL_RULE_FAMILY),
                                              nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)));
    if (table == tables.end()) return;
    SeenChain& chain = table->second.chains[nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)];
    chain.rules.push_back(fingerprint_of(*rule));
  });
}

// A single field has its own size in the kernel, and is padded in ours.
Bytes padded(const Bytes& key) { return Bytes().add(key.span()); }

Result<> read_elements(NftSocket& socket, const SetName& name, std::map<Bytes, Data>& out) {
  Buffer buffer;
  nlmsghdr* request =
      nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, static_cast<std::uint16_t>(name.table.family),
                            NLM_F_DUMP, socket.next_sequence());
  const NftSet asked = empty_set(name);
  nftnl_set_nlmsg_build_payload(request, asked.get());
  return socket.dump(request, [&](const nlmsghdr* message) {
    const NftSet set(nftnl_set_alloc(), nftnl_set_free);
    if (nftnl_set_elems_nlmsg_parse(message, set.get()) < 0) return;
    nftnl_set_elem_foreach(
        set.get(),
        [](nftnl_set_elem* element, void* into) {
          if (auto decoded = decode_element(*element)) {
            (*static_cast<std::map<Bytes, Data>*>(into))[padded(decoded->first)] = std::move(decoded->second);
          }
          return 0;
        },
        &out);
  });
}

Result<> read_sets(NftSocket& socket, Tables& tables) {
  Buffer buffer;
  std::vector<SetName> names;
  TRY(socket.dump(dump_request(socket, buffer, NFT_MSG_GETSET), [&](const nlmsghdr* message) {
    const NftSet set(nftnl_set_alloc(), nftnl_set_free);
    if (nftnl_set_nlmsg_parse(message, set.get()) < 0) return;
    const TableName table = table_name(nftnl_set_get_u32(set.get(), NFTNL_SET_FAMILY),
                                       nftnl_set_get_str(set.get(), NFTNL_SET_TABLE));
    if (tables.count(table) != 0) names.push_back({table, nftnl_set_get_str(set.get(), NFTNL_SET_NAME)});
  }));
  for (const SetName& name : names) {
    auto read = read_elements(socket, name, tables[name.table].sets[name.set]);
    if (!read.ok()) return std::move(read).error();
  }
  return {};
}

Result<Tables> read_all(NftSocket& socket) {
  Tables tables;
  const std::vector<TableName> names = TRY(list_tables(socket));
  for (const TableName& name : names) tables[name];
  TRY(read_chains(socket, tables));
  TRY(read_rules(socket, tables));
  TRY(read_sets(socket, tables));
  return tables;
}

}  // namespace

Result<std::vector<TableName>> list_tables(NftSocket& socket) {
  Buffer buffer;
  std::vector<TableName> out;
  TRY(socket.dump(dump_request(socket, buffer, NFT_MSG_GETTABLE), [&](const nlmsghdr* message) {
    const std::unique_ptr<nftnl_table, void (*)(const nftnl_table*)> table(nftnl_table_alloc(),
                                                                           nftnl_table_free);
    if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return;
    const std::uint32_t family = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FAMILY);
    const char* name = nftnl_table_get_str(table.get(), NFTNL_TABLE_NAME);
    if (known_family(family) && name != nullptr && starts_with(name, kOurs))
      out.push_back(table_name(family, name));
  }));
  return out;
}

Result<std::uint32_t> read_generation(NftSocket& socket) {
  Buffer buffer;
  std::uint32_t generation = 0;
  const nlmsghdr* request =
      nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, socket.next_sequence());
  TRY(socket.dump(request, [&](const nlmsghdr* message) {
    for_each_attribute(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)),
                       mnl_nlmsg_get_payload_tail(message), [&](const nlattr* attribute) {
                         if (mnl_attr_get_type(attribute) == NFTA_GEN_ID)
                           generation = ntohl(mnl_attr_get_u32(attribute));
                         return true;
                       });
  }));
  return generation;
}

Result<std::map<TableName, SeenTable>> observe_tables(NftSocket& socket) {
  for (int attempt = 1;; ++attempt) {
    auto tables = read_all(socket);
    if (tables.ok() || tables.error().code() != Code::kConflict || attempt == kTries) return tables;
  }
}

}  // namespace minik::netd
