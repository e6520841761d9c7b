// Node: one name of the zone with its records ready to be copied into a reply.  Immutable.
//
// A record set's body is in final wire form for a reply whose question is this very name: owners are the
// pointer 0xC00C, and since the length of the question's name is fixed, so is every other offset.  After the
// body come the records for the additional section (addresses of SRV and NS targets).
//
// Threads: any may read.  Ownership: shared by zones, shards and the builder; unchanged nodes are never
// copied.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "base/ip.h"
#include "dns/message.h"

namespace minik::dns {

struct RecordSet {
  std::uint16_t type = 0;
  std::uint16_t count = 0;
  std::uint16_t record_size = 0;  // 0: records differ in size.
  std::uint16_t extra_count = 0;  // Records for the additional section.
  std::uint32_t at = 0;           // Offsets and sizes are bytes in the node's block.
  std::uint32_t size = 0;
  std::uint32_t extra_size = 0;  // Directly behind the body.
  friend bool operator==(const RecordSet&, const RecordSet&) = default;
};

// The object that a node's records come from.
using Cause = std::shared_ptr<const api::Key>;
// Where several objects have records at one name, only those with the lowest rank count.
enum class Rank : std::uint8_t { kClusterIp, kEndpoint };

class Node;
using NodePtr = std::shared_ptr<const Node>;

class Node {
 public:
  static constexpr std::size_t kSetsMax = 3;  // A, AAAA, SRV: no name of ours has more types.

  std::string_view name() const { return {block_.data(), name_size_}; }
  std::span<const RecordSet> sets() const { return {sets_.data(), set_count_}; }
  const RecordSet* find(std::uint16_t type) const {
    for (const RecordSet& set : sets()) {
      if (set.type == type) return &set;
    }
    return nullptr;
  }
  std::span<const std::uint8_t> body(const RecordSet& set) const { return bytes(set.at, set.size); }
  std::span<const std::uint8_t> extra(const RecordSet& set) const {
    return bytes(set.at + set.size, set.extra_size);
  }
  bool is_apex() const { return apex_; }  // Owns the SOA of its area, which is written afresh each time.

  // Null for names that exist only because something is below them, and for nodes made of several.
  const Cause& cause() const { return cause_; }
  Rank rank() const { return rank_; }
  // The nodes that this one was put together from; empty if it stands for one object or none.
  const std::vector<NodePtr>& parts() const { return parts_; }
  // Every object that this name's records come from.
  std::vector<api::Key> causes() const;
  // Same name, records and rank.
  bool same_records(const Node& other) const;

 private:
  friend class NodeDraft;
  std::span<const std::uint8_t> bytes(std::size_t at, std::size_t size) const {
    return {reinterpret_cast<const std::uint8_t*>(block_.data()) + at, size};
  }

  std::string block_;  // The name, then bodies and extras.
  std::array<RecordSet, kSetsMax> sets_{};
  std::uint8_t name_size_ = 0, set_count_ = 0;
  Rank rank_ = Rank::kClusterIp;
  bool apex_ = false;
  Cause cause_;
  std::vector<NodePtr> parts_;
};

// NodeDraft: collects the records of one name and makes the node.
class NodeDraft {
 public:
  // `ttl` in seconds.
  NodeDraft(std::string name, std::uint32_t ttl) : name_(std::move(name)), ttl_(ttl) {}

  void address(const Ip& ip);
  void srv(std::uint16_t weight, std::uint16_t port, std::string_view target);
  void name_record(std::uint16_t type, std::string_view target);  // CNAME, PTR, NS.
  void text(std::string_view value);                              // TXT with one string.
  // An address of a name that the SRV or NS records here point to.
  void extra(std::string_view target, const Ip& ip);
  void mark_apex() { apex_ = true; }
  void add_parts(std::vector<NodePtr> parts);

  const std::string& name() const { return name_; }
  // Records are sorted and equal ones emitted once, so the node does not depend on the order of the calls.
  NodePtr finish(Cause cause, Rank rank = Rank::kClusterIp) &&;

 private:
  struct Record {
    std::uint16_t type;
    std::string rdata;
    friend auto operator<=>(const Record&, const Record&) = default;
  };
  struct Extra {
    std::string target;
    Ip ip;
    friend auto operator<=>(const Extra&, const Extra&) = default;
  };
  struct Target {
    std::string name;
    std::size_t offset;  // In the reply.
  };
  void append_set(Node& node, std::span<const Record> records) const;
  void append_extras(Node& node, RecordSet& set, const std::vector<Target>& targets) const;

  std::string name_;
  std::uint32_t ttl_;
  std::vector<Record> records_;
  std::vector<Extra> extras_;
  std::vector<NodePtr> parts_;
  bool apex_ = false;
};

// One node for what several objects have at one name.  `parts` has at least two, all of that name.
NodePtr merge(std::vector<NodePtr> parts, std::uint32_t ttl);

}  // namespace minik::dns
