#include "apiserver/event_lines.h"

namespace minik::apiserver {

std::shared_ptr<EventLines::Slot> EventLines::slot_of(std::uint64_t revision, const std::string& form) {
  const std::lock_guard lock(mutex_);
  for (auto it = slots_.rbegin(); it != slots_.rend(); ++it) {
    if ((*it)->revision == revision && (*it)->form == form) return *it;
  }
  auto slot = std::make_shared<Slot>();
  slot->revision = revision;
  slot->form = form;
  slots_.push_back(slot);
  if (slots_.size() > kKept) slots_.pop_front();
  return slot;
}

}  // namespace minik::apiserver
