#include "controllers/disruption_budgets.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/schema.h"
#include "api/selector.h"
#include "controllers/deployments.h"
#include "controllers/pods_of.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

constexpr std::chrono::minutes kDisruptionKept{2};  // An eviction whose pod stays is forgotten then.

std::vector<ObjectPtr> pods_of_budget(const World& world, const Object& budget) {
  std::vector<ObjectPtr> pods;
  const Json* selector = find(spec_of(budget), "selector");
  if (selector == nullptr) return pods;
  const auto parsed = api::LabelSelector::from_json(*selector);
  if (!parsed.ok()) return pods;
  world.objects->for_each("pods", budget.ns(), [&](const ObjectPtr& pod) {
    if (!pod->view<api::Pod>().finished() && parsed->matches(pod->meta().labels)) pods.push_back(pod);
  });
  return pods;
}

// The top of the chain of controllers; null if the pod has none that scales.
ObjectPtr scalable_owner(const World& world, const Object& pod) {
  ObjectPtr found;
  const Object* at = &pod;
  for (int depth = 0; depth < 3; ++depth) {
    const api::OwnerRef* owner = controller_of(*at);
    const api::Kind* kind =
        owner == nullptr ? nullptr : api::Schema::builtin().by_kind(owner->api_version, owner->kind);
    if (kind == nullptr || !kind->has_subresource("scale")) return found;
    const ObjectPtr next = world.objects->find(kind->group_resource(), pod.ns(), owner->name);
    if (next == nullptr || next->uid() != owner->uid) return found;
    found = next;
    at = found.get();
  }
  return found;
}

// The sum of the wanted sizes of all controllers of the pods.
Result<std::int64_t> expected_by_controllers(const World& world, const std::vector<ObjectPtr>& pods) {
  std::map<std::string, std::int64_t> sizes;
  for (const ObjectPtr& pod : pods) {
    const ObjectPtr owner = scalable_owner(world, *pod);
    if (owner == nullptr) {
      const api::OwnerRef* reference = controller_of(*pod);
      if (reference == nullptr)
        return Error(Code::kInvalid, fmt::format("found no controllers for pod \"{}\"", pod->name()));
      const api::Kind* kind = api::Schema::builtin().by_kind(reference->api_version, reference->kind);
      return Error(Code::kInvalid, fmt::format("{} does not implement the scale subresource",
                                               kind == nullptr ? reference->kind : kind->group_resource()));
    }
    sizes[owner->uid()] = int_at(spec_of(*owner), "replicas", 1);
  }
  std::int64_t sum = 0;
  for (const auto& [uid, size] : sizes) sum += size;
  return sum;
}

struct Numbers {
  std::int64_t expected = 0, desired = 0;
};

Result<Numbers> numbers_of(const World& world, const Object& budget, const std::vector<ObjectPtr>& pods) {
  const Json& spec = spec_of(budget);
  const auto count = static_cast<std::int64_t>(pods.size());
  if (const Json* most = find(spec, "maxUnavailable")) {
    const std::int64_t expected = TRY(expected_by_controllers(world, pods));
    return Numbers{expected, std::max<std::int64_t>(0, expected - resolve_share(*most, expected, true))};
  }
  const Json* least = find(spec, "minAvailable");
  if (least == nullptr) return Numbers{count, 0};
  if (least->is_number()) return Numbers{count, least->get<std::int64_t>()};
  const std::int64_t expected = TRY(expected_by_controllers(world, pods));
  return Numbers{expected, resolve_share(*least, expected, true)};
}

// disruptedPods without pods that are going or gone, and without evictions that never came true.
Json disrupted_still(const World& world, const Object& budget, const std::vector<ObjectPtr>& pods,
                     std::optional<WallTime>& again) {
  Json kept = Json::object();
  const Json& before = object_at(status_of(budget), "disruptedPods");
  for (const ObjectPtr& pod : pods) {
    const auto since = parse_rfc3339(string_at(before, pod->name()));
    if (!since || pod->meta().deletion || *since + kDisruptionKept <= world.now) continue;
    kept[pod->name()] = before[pod->name()];
    again = again ? std::min(*again, *since + kDisruptionKept) : *since + kDisruptionKept;
  }
  return kept;
}

}  // namespace

BudgetState budget_state(const World& world, const Object& budget) {
  BudgetState state;
  state.status = status_of(budget);
  const std::vector<ObjectPtr> pods = pods_of_budget(world, budget);
  state.pods = pods.size();
  const auto numbers = numbers_of(world, budget, pods);
  Json conditions = array_at(state.status, "conditions");
  state.status["observedGeneration"] = budget.meta().generation;
  if (!numbers.ok()) {  // What is not known allows nothing.
    state.trouble = numbers.error().message();
    state.status["disruptionsAllowed"] = 0;
    set_condition(conditions, "DisruptionAllowed", false, "SyncFailed", state.trouble, world.now);
  } else {
    Json disrupted = disrupted_still(world, budget, pods, state.again);
    const std::int64_t healthy = std::count_if(pods.begin(), pods.end(), [&](const ObjectPtr& pod) {
      return !pod->meta().deletion && is_ready(pod) && !disrupted.contains(pod->name());
    });
    const std::int64_t allowed =
        numbers->expected <= 0 ? 0 : std::max<std::int64_t>(0, healthy - numbers->desired);
    state.status["currentHealthy"] = healthy;
    state.status["desiredHealthy"] = numbers->desired;
    state.status["expectedPods"] = numbers->expected;
    state.status["disruptionsAllowed"] = allowed;
    if (disrupted.empty())
      state.status.erase("disruptedPods");
    else
      state.status["disruptedPods"] = std::move(disrupted);
    set_condition(conditions, "DisruptionAllowed", allowed > 0,
                  allowed > 0 ? "SufficientPods" : "InsufficientPods", "", world.now);
  }
  for (Json& condition : conditions) {
    condition["observedGeneration"] = budget.meta().generation;
    if (!condition.contains("message")) condition["message"] = "";
  }
  state.status["conditions"] = std::move(conditions);
  return state;
}

std::vector<api::Write> DisruptionController::reconcile(const World& world) {
  std::vector<api::Write> writes;
  std::set<std::string> dirty;
  for (const char* resource : {"poddisruptionbudgets.policy", "pods", "replicasets.apps", "deployments.apps",
                               "statefulsets.apps", "replicationcontrollers"}) {
    api::Snapshot::diff(seen_.get(), *world.objects, resource,
                        [&](const ObjectPtr& before, const ObjectPtr& after) {
                          dirty.insert((after != nullptr ? after : before)->ns());
                        });
  }
  seen_ = world.objects;
  const bool due = wake_ && *wake_ <= world.now;
  if (dirty.empty() && !due) return writes;
  if (due) wake_.reset();
  world.objects->for_each("poddisruptionbudgets.policy", "", [&](const ObjectPtr& budget) {
    if (budget->meta().deletion || (!due && !dirty.contains(budget->ns()))) return;
    BudgetState state = budget_state(world, *budget);
    if (state.again) wake_ = wake_ ? std::min(*wake_, *state.again) : state.again;
    if (state.pods == 0 && told_.insert(budget->uid()).second) {
      reports_.push_back(
          {budget, "controllermanager", false, "NoPods", "No matching pods found", std::nullopt, "", ""});
    } else if (state.pods > 0) {
      told_.erase(budget->uid());
    }
    if (state.status == status_of(*budget)) return;
    if (!state.trouble.empty()) {
      reports_.push_back({budget, "controllermanager", true, "CalculateExpectedPodCountFailed",
                          "Failed to calculate the number of expected pods: " + state.trouble, std::nullopt,
                          "", ""});
    }
    writes.push_back(put_status(*budget, std::move(state.status)));
  });
  return writes;
}

}  // namespace minik::controllers
