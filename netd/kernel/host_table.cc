#include "netd/kernel/host_table.h"

#include <algorithm>

#include "netd/kernel/netns.h"
#include "netd/kernel/nft_encode.h"
#include "netd/kernel/nft_observe.h"
#include "netd/kernel/nft_socket.h"

namespace minik::netd {
namespace {

constexpr int kSourceNatPriority = 100;

Plan host_plan(const HostLink& link) {
  auto table = std::make_shared<Table>();
  Chain& chain = table->chains["postrouting"];
  chain.hook = Hook{Hook::Kind::kNat, HookPoint::kPostrouting, kSourceNatPriority, false};
  Match elsewhere = match_iif(link.host_if);
  elsewhere.field = Field::kOifname;
  elsewhere.negate = true;
  for (const Cidr& range : link.masquerade) {
    const Field source = range.family() == Family::kV4 ? Field::kIpSaddr : Field::kIp6Saddr;
    chain.rules.push_back({{match(source, range), elsewhere, Masquerade{}}, "pods reach the outside"});
  }
  Ruleset rules;
  rules.tables[{TableFamily::kInet, link.masquerade_table}] = std::move(table);
  return {{}, {std::move(rules)}};
}

}  // namespace

Result<> let_out(const HostLink& link) {
  NftSocket socket = TRY(NftSocket::open());
  const Changes changes = diff(Plan{}, host_plan(link));
  NftBatch batch(socket);
  batch.clear_table({TableFamily::kInet, link.masquerade_table});
  for (const RuleChange& change : changes.rules) batch.add(change);
  TRY(batch.commit());
  for (const Cidr& range : link.masquerade) {
    const bool v4 = range.family() == Family::kV4;
    TRY(write_sysctl(v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding", "1"));
  }
  return {};
}

Result<> remove_host_table(const std::string& name) {
  NftSocket socket = TRY(NftSocket::open());
  const TableName table{TableFamily::kInet, name};
  const std::vector<TableName> tables = TRY(list_tables(socket));
  if (std::find(tables.begin(), tables.end(), table) == tables.end()) return {};
  NftBatch batch(socket);
  batch.clear_table(table);
  return batch.commit();
}

}  // namespace minik::netd
