#include <algorithm>

#include "apiserver/journal.h"

namespace minik::apiserver {

Result<Journal::Loaded> MemoryJournal::load() { return disk_->content; }

Result<> MemoryJournal::commit(std::span<const Change> changes, std::uint64_t revision,
                               Durability durability) {
  if (disk_->full) return Error(Code::kUnavailable, "the store cannot write: database or disk is full");
  MINIK_ASSERT(revision > disk_->content.revision);
  auto& objects = disk_->content.objects;
  for (const Change& change : changes) {
    const auto same = [&](const Stored& stored) {
      if (stored.resource != change.key.resource) return false;
      auto body = parse_json(stored.body);
      const Json& meta = object_at(*body, "metadata");
      return string_at(meta, "name") == change.key.name && string_at(meta, "namespace") == change.key.ns;
    };
    objects.erase(std::remove_if(objects.begin(), objects.end(), same), objects.end());
    if (change.body != nullptr) objects.push_back({change.key.resource, change.revision, *change.body});
  }
  disk_->content.revision = revision;
  ++disk_->commits;
  if (durability == Durability::kSynced) ++disk_->synced;
  return {};
}

}  // namespace minik::apiserver
