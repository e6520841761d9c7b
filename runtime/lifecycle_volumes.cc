// Volumes of running pods: what they hold follows their ConfigMaps, Secrets, labels and the age of tokens.
#include <algorithm>
#include <set>

#include "runtime/lifecycle.h"
#include "runtime/projected_volume.h"

namespace minik::runtime {
namespace {

std::set<api::Key> changed_objects(const api::Snapshot* before, const api::Snapshot& after) {
  std::set<api::Key> changed;
  for (const char* resource : {"configmaps", "secrets"}) {
    api::Snapshot::diff(before, after, resource, [&](const api::ObjectPtr& old, const api::ObjectPtr& now) {
      changed.insert((now != nullptr ? now : old)->key());
    });
  }
  return changed;
}

bool reads_any(const api::Object& pod, const std::set<api::Key>& changed) {
  const auto& volumes = pod.view<api::Pod>().volumes;
  return std::any_of(volumes.begin(), volumes.end(), [&](const Json& volume) {
    const auto keys = is_projected(volume) ? objects_of(pod.ns(), volume) : std::vector<api::Key>();
    return std::any_of(keys.begin(), keys.end(), [&](const api::Key& key) { return changed.contains(key); });
  });
}

}  // namespace

void Lifecycle::see_objects(const api::Snapshot* before, const api::Snapshot& after) {
  if (before == nullptr) return;  // Every pod is new, and new pods read everything.
  const auto changed = changed_objects(before, after);
  if (changed.empty()) return;
  std::vector<PodPtr> concerned;
  for (const auto& [uid, pod] : pods_) {
    if (pod->state.object != nullptr && reads_any(*pod->state.object, changed)) concerned.push_back(pod);
  }
  for (const auto& pod : concerned) {
    PodState& state = pod->state;
    state.volumes_at = steady_now();
    for (auto& run : state.containers) {  // What waited for a volume tries again now.
      if (run.phase == Phase::kNone && run.waiting_reason.empty()) run.not_before = steady_now();
    }
    step(*pod);
  }
}

void Lifecycle::plan_refresh(Pod& pod, std::optional<std::chrono::seconds> in) {
  if (!in) return;
  const SteadyTime at = steady_now() + std::max(std::chrono::seconds(1), *in);
  auto& planned = pod.state.volumes_at;
  if (!planned || at < *planned) planned = at;
}

}  // namespace minik::runtime
