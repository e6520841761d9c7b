#include "dns/node.h"

#include <algorithm>

namespace minik::dns {
namespace {

constexpr std::size_t kRecordsMax = 60'000;  // More cannot leave in one message anyway.

void append16(std::string& to, std::uint16_t value) {
  to += static_cast<char>(value >> 8);
  to += static_cast<char>(value);
}

void append_record(std::string& to, std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                   std::string_view rdata) {
  to += owner;
  append16(to, type);
  append16(to, kClassIn);
  append16(to, static_cast<std::uint16_t>(ttl >> 16));
  append16(to, static_cast<std::uint16_t>(ttl));
  append16(to, static_cast<std::uint16_t>(rdata.size()));
  to += rdata;
}

std::string pointer_to(std::size_t offset) {
  std::string pointer;
  append16(pointer, static_cast<std::uint16_t>(0xC000 | offset));
  return pointer;
}

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view rdata_of(const Ip& ip) { return text_of(ip.bytes()); }

// Where a record of this type keeps the name it points to, inside its RDATA; nothing for the others.
std::optional<std::size_t> target_offset(std::uint16_t type) {
  if (type == kTypeSrv) return 6;
  if (type == kTypeNs) return 0;
  return std::nullopt;
}

Rank best_rank(const std::vector<NodePtr>& parts) {
  Rank best = Rank::kEndpoint;
  for (const NodePtr& part : parts) best = std::min(best, part->rank());
  return best;
}

}  // namespace

std::vector<api::Key> Node::causes() const {
  std::vector<api::Key> keys;
  if (cause_ != nullptr) keys.push_back(*cause_);
  const Rank best = best_rank(parts_);
  for (const NodePtr& part : parts_) {
    if (part->rank() == best) keys.push_back(*part->cause());
  }
  return keys;
}

bool Node::same_records(const Node& other) const {
  return block_ == other.block_ && sets_ == other.sets_ && name_size_ == other.name_size_ &&
         set_count_ == other.set_count_ && rank_ == other.rank_ && apex_ == other.apex_;
}

void NodeDraft::address(const Ip& ip) {
  records_.push_back({ip.is_v4() ? kTypeA : kTypeAaaa, std::string(rdata_of(ip))});
}

void NodeDraft::srv(std::uint16_t weight, std::uint16_t port, std::string_view target) {
  std::string rdata;
  append16(rdata, 0);
  append16(rdata, weight);
  append16(rdata, port);
  rdata += target;
  records_.push_back({kTypeSrv, std::move(rdata)});
}

void NodeDraft::name_record(std::uint16_t type, std::string_view target) {
  records_.push_back({type, std::string(target)});
}

void NodeDraft::text(std::string_view value) {
  std::string rdata(1, static_cast<char>(value.size()));
  rdata += value;
  records_.push_back({kTypeTxt, std::move(rdata)});
}

void NodeDraft::extra(std::string_view target, const Ip& ip) { extras_.push_back({std::string(target), ip}); }

void NodeDraft::add_parts(std::vector<NodePtr> parts) {
  parts_ = std::move(parts);
  const Rank best = best_rank(parts_);
  for (const NodePtr& part : parts_) {
    if (part->rank() != best) continue;
    for (const RecordSet& set : part->sets()) {
      const auto body = part->body(set);
      for (std::size_t at = 0; at < body.size();) {
        const std::size_t rdata_size = get16(body.data() + at + kRecordHeadBytes - 2);
        records_.push_back({set.type, std::string(text_of(body.subspan(at + kRecordHeadBytes, rdata_size)))});
        at += kRecordHeadBytes + rdata_size;
      }
    }
  }
}

NodePtr NodeDraft::finish(Cause cause, Rank rank) && {
  std::sort(records_.begin(), records_.end());
  records_.erase(std::unique(records_.begin(), records_.end()), records_.end());
  std::sort(extras_.begin(), extras_.end());
  extras_.erase(std::unique(extras_.begin(), extras_.end()), extras_.end());
  auto node = std::make_shared<Node>();
  node->block_ = name_;
  node->name_size_ = static_cast<std::uint8_t>(name_.size());
  const std::span<const Record> all(records_);
  for (std::size_t from = 0; from < all.size();) {
    std::size_t to = from;
    while (to < all.size() && all[to].type == all[from].type) ++to;
    append_set(*node, all.subspan(from, std::min(to - from, kRecordsMax)));
    from = to;
  }
  node->block_.shrink_to_fit();
  node->rank_ = rank;
  node->apex_ = apex_;
  node->cause_ = std::move(cause);
  node->parts_ = std::move(parts_);
  return node;
}

void NodeDraft::append_set(Node& node, std::span<const Record> records) const {
  MINIK_ASSERT(node.set_count_ < Node::kSetsMax);
  RecordSet& set = node.sets_[node.set_count_++];
  set.type = records.front().type;
  set.count = static_cast<std::uint16_t>(records.size());
  set.at = static_cast<std::uint32_t>(node.block_.size());
  std::vector<Target> targets;
  const auto target_at = extras_.empty() ? std::nullopt : target_offset(set.type);
  const std::string owner = pointer_to(kHeaderBytes);
  for (const Record& record : records) {
    if (target_at) {
      const std::size_t in_body = node.block_.size() - set.at;
      targets.push_back({record.rdata.substr(*target_at),
                         kHeaderBytes + name_.size() + 4 + in_body + kRecordHeadBytes + *target_at});
    }
    append_record(node.block_, owner, set.type, ttl_, record.rdata);
  }
  set.size = static_cast<std::uint32_t>(node.block_.size()) - set.at;
  if (set.type == kTypeA || set.type == kTypeAaaa) {
    set.record_size = static_cast<std::uint16_t>(set.size / set.count);
  }
  append_extras(node, set, targets);
}

void NodeDraft::append_extras(Node& node, RecordSet& set, const std::vector<Target>& targets) const {
  std::vector<const Target*> sorted;
  sorted.reserve(targets.size());
  for (const Target& target : targets) sorted.push_back(&target);
  const auto by_name = [](const Target* a, const Target* b) { return a->name < b->name; };
  std::stable_sort(sorted.begin(), sorted.end(), by_name);
  const std::size_t begin = node.block_.size();
  for (const Extra& extra : extras_) {
    const Target wanted{extra.target, 0};
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), &wanted, by_name);
    if (found == sorted.end() || (*found)->name != extra.target) continue;
    if (set.size + node.block_.size() - begin > kTcpMax) break;  // No message has room for more.
    const std::size_t offset = (*found)->offset;
    append_record(node.block_, offset < kPointerReach ? pointer_to(offset) : extra.target,
                  extra.ip.is_v4() ? kTypeA : kTypeAaaa, ttl_, rdata_of(extra.ip));
    ++set.extra_count;
  }
  set.extra_size = static_cast<std::uint32_t>(node.block_.size() - begin);
}

NodePtr merge(std::vector<NodePtr> parts, std::uint32_t ttl) {
  MINIK_ASSERT(parts.size() > 1);
  NodeDraft draft(std::string(parts.front()->name()), ttl);
  draft.add_parts(std::move(parts));
  return std::move(draft).finish(nullptr);
}

}  // namespace minik::dns
