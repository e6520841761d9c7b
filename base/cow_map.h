// CowMap<K, V>: an ordered map that is a value: copies share structure, a change copies one chunk.
//
// Two levels: a vector of chunks of at most kChunk entries.  Lookup is two binary searches; a change copies
// one chunk and the vector of chunk pointers; `diff` skips chunks that both maps share, so comparing two
// versions costs what changed between them.
//
// Threads: a const CowMap may be read by any thread; `set` and `erase` need the map to be owned by one
// thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace minik {

template <class K, class V>
class CowMap {
 public:
  using Entry = std::pair<K, V>;
  static constexpr std::size_t kChunk = 128;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  template <class Q>
  const V* find(const Q& key) const {
    const std::size_t c = chunk_of(key);
    if (c == chunks_.size()) return nullptr;
    const Chunk& chunk = *chunks_[c];
    const auto it = lower(chunk, key);
    return it != chunk.end() && !(key < it->first) ? &it->second : nullptr;
  }

  void set(const K& key, V value) {
    if (chunks_.empty()) chunks_.push_back(std::make_shared<Chunk>());
    std::size_t c = chunk_of(key);
    if (c == chunks_.size()) --c;  // Beyond the last key: append to the last chunk.
    auto chunk = std::make_shared<Chunk>(*chunks_[c]);
    const auto it = std::lower_bound(chunk->begin(), chunk->end(), key, less_entry<K>);
    if (it != chunk->end() && !(key < it->first)) {
      it->second = std::move(value);
    } else {
      chunk->insert(it, Entry(key, std::move(value)));
      ++size_;
    }
    if (chunk->size() <= kChunk) {
      chunks_[c] = std::move(chunk);
      return;
    }
    const auto middle = chunk->begin() + static_cast<std::ptrdiff_t>(kChunk / 2);
    auto tail = std::make_shared<Chunk>(middle, chunk->end());
    chunk->erase(middle, chunk->end());
    chunks_[c] = std::move(chunk);
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(c) + 1, std::move(tail));
  }

  template <class Q>
  bool erase(const Q& key) {
    const std::size_t c = chunk_of(key);
    if (c == chunks_.size()) return false;
    const auto it = lower(*chunks_[c], key);
    if (it == chunks_[c]->end() || key < it->first) return false;
    const auto at = it - chunks_[c]->begin();
    --size_;
    if (chunks_[c]->size() == 1) {
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(c));
      return true;
    }
    auto chunk = std::make_shared<Chunk>(*chunks_[c]);
    chunk->erase(chunk->begin() + at);
    chunks_[c] = std::move(chunk);
    return true;
  }

  // In key order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& chunk : chunks_) {
      for (const auto& [key, value] : *chunk) visit(key, value);
    }
  }
  // In key order from the first key not below `from`, until `visit` answers false.
  template <class Q, class Visit>
  void for_each_from(const Q& from, Visit&& visit) const {
    for (std::size_t c = chunk_of(from); c < chunks_.size(); ++c) {
      auto it = lower(*chunks_[c], from);
      for (; it != chunks_[c]->end(); ++it) {
        if (!visit(it->first, it->second)) return;
      }
    }
  }

  // Calls visit(key, const V* before, const V* after) for each key whose value differs; null means absent.
  template <class Visit>
  static void diff(const CowMap& before, const CowMap& after, Visit&& visit) {
    Cursor a(before), b(after);
    while (!a.done() || !b.done()) {
      if (a.skip_shared(b)) continue;
      if (b.done() || (!a.done() && a.key() < b.key())) {
        visit(a.key(), &a.value(), static_cast<const V*>(nullptr));
        a.next();
      } else if (a.done() || b.key() < a.key()) {
        visit(b.key(), static_cast<const V*>(nullptr), &b.value());
        b.next();
      } else {
        if (!(a.value() == b.value())) visit(b.key(), &a.value(), &b.value());
        a.next();
        b.next();
      }
    }
  }

 private:
  using Chunk = std::vector<Entry>;

  template <class Q>
  static bool less_entry(const Entry& entry, const Q& key) {
    return entry.first < key;
  }
  template <class Q>
  static typename Chunk::const_iterator lower(const Chunk& chunk, const Q& key) {
    return std::lower_bound(chunk.begin(), chunk.end(), key, less_entry<Q>);
  }
  // The first chunk whose last key is not below `key`.
  template <class Q>
  std::size_t chunk_of(const Q& key) const {
    const auto it = std::partition_point(chunks_.begin(), chunks_.end(), [&](const auto& chunk) {
      return chunk->empty() || chunk->back().first < key;
    });
    return static_cast<std::size_t>(it - chunks_.begin());
  }

  struct Cursor {
    explicit Cursor(const CowMap& m) : map(m) { settle(); }
    bool done() const { return chunk == map.chunks_.size(); }
    const K& key() const { return (*map.chunks_[chunk])[at].first; }
    const V& value() const { return (*map.chunks_[chunk])[at].second; }
    void next() {
      ++at;
      settle();
    }
    void settle() {
      while (chunk < map.chunks_.size() && at >= map.chunks_[chunk]->size()) {
        ++chunk;
        at = 0;
      }
    }
    bool skip_shared(Cursor& other) {
      if (done() || other.done() || at != 0 || other.at != 0) return false;
      if (map.chunks_[chunk] != other.map.chunks_[other.chunk]) return false;
      ++chunk;
      ++other.chunk;
      settle();
      other.settle();
      return true;
    }
    const CowMap& map;
    std::size_t chunk = 0;
    std::size_t at = 0;
  };

  std::vector<std::shared_ptr<Chunk>> chunks_;  // Shared chunks are never changed in place.
  std::size_t size_ = 0;
};

}  // namespace minik
