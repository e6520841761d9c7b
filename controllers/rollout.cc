// The arithmetic of rollouts.
#include <algorithm>

#include "base/text.h"
#include "controllers/deployments.h"

namespace minik::controllers {

std::int64_t resolve_share(const Json& value, std::int64_t total, bool round_up) {
  if (value.is_number()) return value.get<std::int64_t>();
  if (!value.is_string()) return 0;
  const std::string text = value.get<std::string>();
  const std::int64_t percent = parse_int(text.substr(0, text.find('%'))).value_or(0);
  return round_up ? (total * percent + 99) / 100 : total * percent / 100;
}

RolloutStep next_step(const RolloutLimits& limits, const SetSize& fresh, const std::vector<SetSize>& old) {
  RolloutStep step{fresh.wanted, {}};
  std::int64_t old_wanted = 0, old_there = 0, available = fresh.available;
  for (const SetSize& set : old) {
    step.old.push_back(set.wanted);
    old_wanted += set.wanted;
    old_there += set.there;
    available += set.available;
  }
  if (limits.recreate) {
    std::fill(step.old.begin(), step.old.end(), 0);
    step.fresh = old_there > 0 ? std::min(fresh.wanted, limits.replicas) : limits.replicas;
    return step;
  }
  // Up: as many as the surge allows.
  const std::int64_t room = limits.replicas + limits.surge - fresh.wanted - old_wanted;
  if (fresh.wanted > limits.replicas)
    step.fresh = limits.replicas;
  else
    step.fresh = std::min(limits.replicas, fresh.wanted + std::max<std::int64_t>(0, room));
  // Down: old pods that are not available first, then as many available ones as may be missed.
  const std::int64_t least = limits.replicas - limits.unavailable;
  std::int64_t droppable = fresh.wanted + old_wanted - least - (fresh.wanted - fresh.available);
  for (std::size_t i = 0; i < old.size() && droppable > 0; ++i) {
    const std::int64_t broken =
        std::min(droppable, std::max<std::int64_t>(0, step.old[i] - old[i].available));
    step.old[i] -= broken;
    droppable -= broken;
  }
  // Bounded by what may go at all: the status of a set lags behind its wanted size.
  std::int64_t spare = std::min(available - least, droppable);
  for (std::size_t i = 0; i < old.size() && spare > 0; ++i) {
    const std::int64_t taken = std::min(spare, step.old[i]);
    step.old[i] -= taken;
    spare -= taken;
  }
  return step;
}

}  // namespace minik::controllers
