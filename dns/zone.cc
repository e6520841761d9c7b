#include "dns/zone.h"

#include <cstring>

namespace minik::dns {
namespace {

constexpr std::size_t kFirstSlots = 8;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

Zone::Zone(std::shared_ptr<const ZoneSettings> settings) : settings_(std::move(settings)) {
  MINIK_ASSERT(!settings_->areas.empty());
}

std::uint64_t Zone::hash(std::string_view name) const {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  std::uint64_t state = settings_->hash_seed ^ name.size();
  const char* at = name.data();
  std::size_t left = name.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = mix(state ^ word, kMultiplier);
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, at, left);
  return mix(state ^ tail, kMultiplier ^ settings_->hash_seed);
}

std::size_t Zone::Shard::position(std::uint64_t hash, std::string_view name) const {
  const std::size_t mask = slots.size() - 1;
  std::size_t at = hash & mask;
  while (slots[at].node != nullptr && (slots[at].hash != hash || slots[at].node->name() != name))
    at = (at + 1) & mask;
  return at;
}

void Zone::Shard::grow() {
  std::vector<Slot> old(slots.empty() ? kFirstSlots : slots.size() * 2);
  old.swap(slots);
  for (Slot& slot : old) {
    if (slot.node == nullptr) continue;
    const std::size_t at = position(slot.hash, slot.node->name());
    slots[at] = std::move(slot);
  }
}

void Zone::Shard::put(std::uint64_t hash, NodePtr node) {
  if ((used + 1) * 2 > slots.size()) grow();
  Slot& slot = slots[position(hash, node->name())];
  if (slot.node == nullptr) ++used;
  slot = {hash, std::move(node)};
}

void Zone::Shard::erase(std::uint64_t hash, std::string_view name) {
  const std::size_t mask = slots.size() - 1;
  std::size_t hole = position(hash, name);
  slots[hole] = {};
  --used;
  // Moves back what probed past the hole, so that no search stops at it.
  for (std::size_t at = (hole + 1) & mask; slots[at].node != nullptr; at = (at + 1) & mask) {
    const std::size_t home = slots[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots[hole] = std::move(slots[at]);
    slots[at] = {};
    hole = at;
  }
}

const NodePtr& Zone::find_ptr(std::string_view name) const {
  static const NodePtr kNone;
  const std::uint64_t key = hash(name);
  const Shard* shard = shards_[shard_index(key)].get();
  return shard == nullptr ? kNone : shard->slots[shard->position(key, name)].node;
}

const std::string* Zone::area_of(std::string_view name) const {
  for (const std::string& area : settings_->areas) {
    if (is_within(name, area)) return &area;
  }
  return nullptr;
}

Zone::Shard& ZoneEditor::writable(std::uint64_t hash) {
  const std::size_t index = Zone::shard_index(hash);
  if (own_[index] == nullptr) {
    const auto& shared = zone_->shards_[index];
    auto copy = shared == nullptr ? std::make_shared<Zone::Shard>() : std::make_shared<Zone::Shard>(*shared);
    own_[index] = copy.get();
    zone_->shards_[index] = std::move(copy);
  }
  changed_ = true;
  return *own_[index];
}

void ZoneEditor::put(NodePtr node) {
  const std::uint64_t hash = zone_->hash(node->name());
  Zone::Shard& shard = writable(hash);
  const std::size_t before = shard.used;
  shard.put(hash, std::move(node));
  zone_->size_ += shard.used - before;
}

void ZoneEditor::erase(std::string_view name) {
  if (zone_->find(name) == nullptr) return;
  const std::uint64_t hash = zone_->hash(name);
  writable(hash).erase(hash, name);
  --zone_->size_;
}

std::shared_ptr<const Zone> ZoneEditor::finish(std::uint32_t serial) && {
  zone_->serial_ = serial;
  own_.clear();
  return std::move(zone_);
}

}  // namespace minik::dns
