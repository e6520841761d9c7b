// Zone: everything the cluster's DNS knows, as one immutable value.
//
// Names are spread over 1024 hash shards; a copy of a zone shares all shards, a change copies the shards it
// touches and nothing else.  Non-existing parents of existing names ("empty non-terminals") are nodes without
// records, so one probe tells an answer, NODATA and NXDOMAIN apart.  The hash is seeded per zone, so nobody
// can choose names that collide.
//
// Threads: a zone may be read by any thread; publish it through Published<Zone>.  ZoneEditor belongs to one
// thread. Ownership: nodes are shared between zones.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dns/node.h"

namespace minik::dns {

struct ZoneSettings {
  // Apexes of the parts of the name space that we answer for, in wire form: the cluster domain first, then
  // the reverse zones.
  std::vector<std::string> areas;
  std::uint32_t ttl = 5, negative_ttl = 5;  // Seconds.
  std::uint64_t hash_seed = 0;
};

class Zone {
 public:
  explicit Zone(std::shared_ptr<const ZoneSettings> settings);

  // `name`: lower-case wire form.  Null if the name does not exist.
  const Node* find(std::string_view name) const { return find_ptr(name).get(); }
  const NodePtr& find_ptr(std::string_view name) const;
  // The apex of the area that `name` is in; null if we are not responsible for it.
  const std::string* area_of(std::string_view name) const;
  const std::vector<std::string>& areas() const { return settings_->areas; }
  const std::string& domain() const { return settings_->areas.front(); }

  std::uint32_t serial() const { return serial_; }  // Of every SOA (RFC 1982 arithmetic).
  std::uint32_t ttl() const { return settings_->ttl; }
  std::uint32_t negative_ttl() const { return settings_->negative_ttl; }
  std::size_t size() const { return size_; }  // Names.

  // In no particular order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& shard : shards_) {
      if (shard == nullptr) continue;
      for (const Slot& slot : shard->slots) {
        if (slot.node != nullptr) visit(*slot.node);
      }
    }
  }

 private:
  friend class ZoneEditor;
  static constexpr std::size_t kShards = 1024;

  struct Slot {
    std::uint64_t hash = 0;
    NodePtr node;
  };
  // Open addressing with linear probing; the number of slots is a power of two and at most half are used.
  struct Shard {
    std::vector<Slot> slots;
    std::size_t used = 0;
    std::size_t position(std::uint64_t hash, std::string_view name) const;
    void put(std::uint64_t hash, NodePtr node);
    void erase(std::uint64_t hash, std::string_view name);
    void grow();
  };
  std::uint64_t hash(std::string_view name) const;
  static std::size_t shard_index(std::uint64_t hash) { return hash >> 54; }

  std::shared_ptr<const ZoneSettings> settings_;
  std::array<std::shared_ptr<const Shard>, kShards> shards_{};
  std::size_t size_ = 0;
  std::uint32_t serial_ = 0;
};

// ZoneEditor: makes the next zone from one that is published.  Each touched shard is copied once.
class ZoneEditor {
 public:
  explicit ZoneEditor(const Zone& from) : zone_(std::make_shared<Zone>(from)), own_(Zone::kShards) {}

  const Zone& zone() const { return *zone_; }  // As edited so far.
  // Adds the node or takes the place of the one with its name.
  void put(NodePtr node);
  void erase(std::string_view name);
  bool changed() const { return changed_; }
  std::shared_ptr<const Zone> finish(std::uint32_t serial) &&;

 private:
  Zone::Shard& writable(std::uint64_t hash);

  std::shared_ptr<Zone> zone_;
  std::vector<Zone::Shard*> own_;  // The shards that this editor has copied.
  bool changed_ = false;
};

}  // namespace minik::dns
