// probe_features: tries everything that a node needs, in a namespace that ends with the try.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "netd/kernel/host.h"
#include "netd/kernel/links.h"
#include "netd/kernel/netns.h"
#include "netd/kernel/nft_encode.h"

namespace minik::netd {
namespace {

struct Feature {
  const char* name;
  Rule rule;
  Hook hook;
};

// One rule for each part of nftables that the tables are built of.
std::array<Feature, 5> features() {
  const Hook nat_in{Hook::Kind::kNat, HookPoint::kPrerouting, -100, false};
  const Hook nat_out{Hook::Kind::kNat, HookPoint::kPostrouting, 100, false};
  const Hook forward{Hook::Kind::kFilter, HookPoint::kForward, 0, false};
  const Terms vip{Field::kIpDaddr, Field::kL4Proto, Field::kDport, Term(2, 0)};
  return {{{"nftables NAT with maps and numgen (nft_nat, nft_numgen)", {{Dnat{vip, "m"}}, ""}, nat_in},
           {"nftables masquerade (nft_masq)", {{Masquerade{}}, ""}, nat_out},
           {"nftables reject (nft_reject)", {{Reject{}}, ""}, forward},
           {"nftables fib (nft_fib)", {{match_fib_saddr_local(), Accept{}}, ""}, forward},
           {"connection tracking (nft_ct)", {{match_ct_state(kCtInvalid), Drop{}}, ""}, forward}}};
}

Result<> try_rule(const Feature& feature) {
  NftSocket socket = TRY(NftSocket::open());
  auto table = std::make_shared<Table>();
  table->sets["m"] = {
      Set::Kind::kMap, {Type::kIp4, Type::kProto, Type::kPort, Type::kSlot}, {Type::kIp4, Type::kPort}};
  table->chains["c"] = {feature.hook, {feature.rule}};
  const TableName name{TableFamily::kIp, "minik-probe"};
  Ruleset rules;
  rules.tables[name] = std::move(table);
  NftBatch batch(socket);
  batch.clear_table(name);
  for (const RuleChange& change : diff(Plan{}, {{}, {rules}}).rules) batch.add(change);
  return batch.commit();
}

// A bridge with one isolated, locked port, as pods have it.  Old kernels ignore what they do not know, so the
// flags are read back.
Result<> try_bridge() {
  const std::string self = "/proc/thread-self/ns/net";
  NodeNet net = TRY(NodeNet::open(""));
  NodeLinks node;
  node.mac = Mac{{2, 0, 0, 0, 0, 1}};
  PodLink pod;
  pod.name = "probe";
  pod.host_if = "mkprobe";
  pod.netns = self;
  pod.mac = Mac{{2, 0, 0, 0, 0, 2}};
  TRY(net.set_up(node));
  TRY(net.add_pod(node, pod));
  TRY(net.start_pod(node, pod));
  const std::set<std::string> found = TRY(net.observe());
  if (found.count("port mkprobe on cbr0 up isolated locked") == 0) {
    return Error(Code::kUnsupported, "the bridge knows no isolated and locked ports");
  }
  return {};
}

Error missing(const char* feature, const Error& error) {
  return Error(Code::kUnsupported, fmt::format("this kernel lacks {}: {}", feature, error.message()));
}

}  // namespace

Result<> probe_features() {
  auto probed = in_new_netns([]() -> Result<> {
    if (auto bridge = try_bridge(); !bridge.ok())
      return missing("veth pairs on a bridge with isolated ports", bridge.error());
    for (const Feature& feature : features()) {
      if (auto rule = try_rule(feature); !rule.ok()) return missing(feature.name, rule.error());
    }
    return {};
  });
  if (!probed.ok() && (probed.error().sys_errno() == EPERM)) {
    return Error(Code::kForbidden, "network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN)");
  }
  return probed;
}

}  // namespace minik::netd
