#include "netd/kernel/netlink_kernel.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "netd/kernel/conntrack.h"
#include "netd/kernel/host_table.h"
#include "netd/kernel/links.h"
#include "netd/kernel/netns.h"
#include "netd/kernel/nft_encode.h"
#include "netd/kernel/nft_notice.h"
#include "netd/kernel/nft_observe.h"

namespace minik::netd {

constexpr std::size_t kQuietBatchBytes = 64 * 1024;

struct NetlinkKernel::Parts {
  NodeNet links;
  NftSocket nft;
  NftNotice notice;
  Conntrack conntrack;

  Result<> commit_batch(NftBatch& batch);
  Result<> apply_rules(const std::vector<RuleChange>& changes);
  Result<> replace_rules(const Plan& plan);
  Result<> apply_links(const std::vector<LinkChange>& changes, Report& report);
  Result<> apply(const SetUpNode& change);
  Result<> repair_links(const Topology& topology, Report& report);
};

namespace {

const PodLink* pod_of(const LinkChange& change) {
  return std::visit(
      [](const auto& one) -> const PodLink* {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, SetUpNode>) {
          return nullptr;
        } else {
          return one.pod.get();
        }
      },
      change);
}

bool has_failed(const Report& report, const std::string& uid) {
  for (const PodFailure& failure : report.failed) {
    if (failure.uid == uid) return true;
  }
  return false;
}

}  // namespace

NetlinkKernel::NetlinkKernel(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
NetlinkKernel::~NetlinkKernel() = default;

Result<std::unique_ptr<NetlinkKernel>> NetlinkKernel::open(const std::string& netns) {
  TRY(create_netns(netns));
  const std::string path = netns_path(netns);
  std::optional<NftSocket> nft;
  std::optional<NftNotice> notice;
  std::optional<Conntrack> conntrack;
  TRY(in_netns(path, [&]() -> Result<> {
    nft = TRY(NftSocket::open());
    notice = TRY(NftNotice::open());
    conntrack = TRY(Conntrack::open());
    return {};
  }));
  NodeNet links = TRY(NodeNet::open(path));
  auto parts = std::make_unique<Parts>(
      Parts{std::move(links), *std::move(nft), *std::move(notice), *std::move(conntrack)});
  return std::unique_ptr<NetlinkKernel>(new NetlinkKernel(std::move(parts)));
}

// Large transactions are not listened to; if somebody else's came in between, the caller looks at everything
// again.
Result<> NetlinkKernel::Parts::commit_batch(NftBatch& batch) {
  if (batch.empty()) return {};
  if (batch.size() < kQuietBatchBytes) return batch.commit();
  const std::uint32_t before = TRY(read_generation(nft));
  TRY(notice.pause());
  auto committed = batch.commit();
  TRY(notice.resume());
  if (!committed.ok()) return committed;
  const std::uint32_t after = TRY(read_generation(nft));
  if (after == before + 1) return {};
  return Error(Code::kConflict, "somebody else changed nftables at the same time");
}

Result<> NetlinkKernel::Parts::apply_rules(const std::vector<RuleChange>& changes) {
  if (changes.empty()) return {};
  NftBatch batch(nft);
  for (const RuleChange& change : changes) batch.add(change);
  return commit_batch(batch);
}

Result<> NetlinkKernel::Parts::replace_rules(const Plan& plan) {
  const Changes all = diff(Plan{}, plan);
  NftBatch batch(nft);
  const std::vector<TableName> tables = TRY(list_tables(nft));
  for (const TableName& table : tables) batch.clear_table(table);
  for (const RuleChange& change : all.rules) batch.add(change);
  return commit_batch(batch);
}

Result<> NetlinkKernel::Parts::apply(const SetUpNode& change) {
  TRY(links.set_up(change.node));
  if (change.node.host && change.node.host->egress) return let_out(*change.node.host);
  return {};
}

Result<> NetlinkKernel::Parts::apply_links(const std::vector<LinkChange>& changes, Report& report) {
  for (const LinkChange& change : changes) {
    if (const auto* node = std::get_if<SetUpNode>(&change)) {
      TRY(apply(*node));
      continue;
    }
    const PodLink& pod = *pod_of(change);
    if (has_failed(report, pod.uid)) continue;
    Result<> done;
    if (const auto* add = std::get_if<AddPod>(&change)) done = links.add_pod(add->node, pod);
    if (const auto* start = std::get_if<StartPod>(&change)) done = links.start_pod(start->node, pod);
    if (const auto* remove = std::get_if<RemovePod>(&change)) done = links.remove_pod(remove->node, pod);
    if (!done.ok()) report.failed.push_back({pod.uid, std::move(done).error().wrap("pod " + pod.name)});
  }
  return {};
}

// Pods whose links are as they should be keep them: their connections live on.
Result<> NetlinkKernel::Parts::repair_links(const Topology& topology, Report& report) {
  if (!topology.node) return {};
  const NodeLinks& node = *topology.node;
  TRY(apply(SetUpNode{node}));
  const std::set<std::string> found = TRY(links.observe());
  std::set<std::string> unknown = NodeNet::ports(found);
  std::vector<LinkChange> before, after;
  topology.pods.for_each([&](const std::string&, const std::shared_ptr<const PodLink>& pod) {
    unknown.erase(pod->host_if);
    const std::set<std::string> wanted = facts(node, *pod);
    if (std::includes(found.begin(), found.end(), wanted.begin(), wanted.end())) return;
    before.emplace_back(AddPod{node, pod});
    after.emplace_back(StartPod{node, pod});
  });
  for (const std::string& port : unknown) TRY(links.remove_port(port));
  TRY(links.remove_stale(found, facts(topology), node));
  TRY(apply_links(before, report));
  return apply_links(after, report);
}

Result<Seen> NetlinkKernel::observe() {
  Seen out;
  out.tables = TRY(observe_tables(parts_->nft));
  out.links = TRY(parts_->links.observe());
  return out;
}

Result<Report> NetlinkKernel::reset(const Plan& plan) {
  Report report;
  TRY(parts_->replace_rules(plan));
  TRY(parts_->repair_links(plan.topology, report));
  return report;
}

Result<Report> NetlinkKernel::commit(const Changes& changes) {
  Report report;
  TRY(parts_->apply_links(changes.before, report));
  TRY(parts_->apply_rules(changes.rules));
  TRY(parts_->apply_links(changes.after, report));
  if (!changes.udp.empty()) TRY(parts_->conntrack.forget_stale(changes.udp));
  return report;
}

int NetlinkKernel::notice_fd() const { return parts_->notice.fd(); }

Result<std::vector<ForeignChange>> NetlinkKernel::take_notices() {
  return parts_->notice.take(parts_->nft.port());
}

}  // namespace minik::netd
