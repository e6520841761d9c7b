// What can be done to a pod beside writing it: eviction, binding, ephemeral containers.
#include <fmt/format.h>

#include "api/pod.h"
#include "api/selector.h"
#include "apiserver/registry.h"

namespace minik::apiserver {

using api::Object;
using api::ObjectPtr;

namespace {

constexpr const char* kBudgets = "poddisruptionbudgets.policy";
constexpr std::size_t kDisruptedMax = 2000;  // Evictions under way that one budget remembers.
constexpr const char* kBlocked = "Cannot evict pod as it would violate the pod's disruption budget.";

const Json& status_of(const Object& object) { return object_at(object.body(), "status"); }

// A pod that serves nobody is evicted without asking.
bool needs_no_budget(const Object& pod) {
  const auto& view = pod.view<api::Pod>();
  return view.finished() || view.phase == "Pending" || view.phase.empty() || pod.meta().deletion;
}

std::vector<ObjectPtr> budgets_of(const api::Snapshot& now, const Object& pod) {
  std::vector<ObjectPtr> budgets;
  now.for_each(kBudgets, pod.ns(), [&](const ObjectPtr& budget) {
    const Json* selector = find(budget->body(), "spec", "selector");
    if (selector == nullptr) return;
    const auto parsed = api::LabelSelector::from_json(*selector);
    if (parsed.ok() && parsed->matches(pod.meta().labels)) budgets.push_back(budget);
  });
  return budgets;
}

bool evicts_unready(const Object& budget) {
  if (string_at(object_at(budget.body(), "spec"), "unhealthyPodEvictionPolicy") == "AlwaysAllow") return true;
  const std::int64_t desired = int_at(status_of(budget), "desiredHealthy");
  return desired > 0 && int_at(status_of(budget), "currentHealthy") >= desired;
}

std::string sync_failure(const Object& budget) {
  for (const Json& condition : array_at(status_of(budget), "conditions")) {
    if (string_at(condition, "reason") == "SyncFailed") return string_at(condition, "message");
  }
  return "";
}

std::string cause_of(const Object& budget) {
  if (const std::string failure = sync_failure(budget); !failure.empty()) {
    return fmt::format(
        "The disruption budget {} does not allow evicting pods currently because it failed sync: {}",
        budget.name(), failure);
  }
  return fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", budget.name(),
                     int_at(status_of(budget), "desiredHealthy"),
                     int_at(status_of(budget), "currentHealthy"));
}

void set_scheduled(Json& status, WallTime now) {
  Json conditions = Json::array();
  for (const Json& condition : array_at(status, "conditions")) {
    if (string_at(condition, "type") != "PodScheduled") conditions.push_back(condition);
  }
  conditions.push_back({{"type", "PodScheduled"},
                        {"status", "True"},
                        {"lastProbeTime", nullptr},
                        {"lastTransitionTime", rfc3339(now)}});
  status["conditions"] = std::move(conditions);
}

Result<> check_binding(const Target& pod, const Json& binding) {
  api::Causes causes;
  const Json& target = object_at(binding, "target");
  const std::string kind = string_at(target, "kind");
  if (!kind.empty() && kind != "Node")
    api::cause_unsupported(causes, "target.kind", Json(kind), {"Node", "<empty>"});
  if (string_at(target, "name").empty()) api::cause_required(causes, "target.name");
  if (!causes.empty()) return api::invalid("Binding", pod.name, std::move(causes));
  return {};
}

}  // namespace

Result<Registry::Eviction> Registry::spend_budget(Tx& tx, const Object& pod, bool dry_run) {
  if (needs_no_budget(pod)) return Eviction{};
  const std::vector<ObjectPtr> budgets = budgets_of(tx.now(), pod);
  if (budgets.empty()) return Eviction{};
  if (budgets.size() > 1) {
    return Error(Code::kInternal,
                 "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
                 "support.");
  }
  const Object& budget = *budgets[0];
  if (!pod.view<api::Pod>().ready && evicts_unready(budget)) return Eviction{};
  const Json& status = status_of(budget);
  if (int_at(status, "observedGeneration") < budget.meta().generation) {
    return Eviction{
        false, kBlocked,
        fmt::format("The disruption budget {} is still being processed by the server.", budget.name())};
  }
  if (object_at(status, "disruptedPods").size() > kDisruptedMax) {
    return Error(Code::kForbidden,
                 fmt::format("{} \"{}\" is forbidden: DisruptedPods map too big - too many evictions not "
                             "confirmed by PDB controller",
                             kBudgets, budget.name()));
  }
  const std::int64_t allowed = int_at(status, "disruptionsAllowed");
  if (allowed <= 0) return Eviction{false, kBlocked, cause_of(budget)};
  if (dry_run) return Eviction{};
  Json body = budget.body();
  body["status"]["disruptionsAllowed"] = allowed - 1;
  body["status"]["disruptedPods"][pod.name()] = rfc3339(clock_.now());
  tx.put(kBudgets, std::move(body));
  return Eviction{};
}

Result<Registry::Eviction> Registry::evict(const Target& target, const DeleteOptions& options) {
  Eviction eviction;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    const ObjectPtr pod = tx.now().find(target.key());
    if (pod == nullptr) return not_found(target);
    eviction = TRY(spend_budget(tx, *pod, options.dry_run));
    if (eviction.done) TRY(remove_in(tx, target, options));
    if (options.dry_run) tx.discard();
    return {};
  }));
  return eviction;
}

Result<> Registry::bind(const Target& target, const Json& binding, const WriteOptions& options) {
  TRY(check_binding(target, binding));
  return store_.transact([&](Tx& tx) -> Result<> {
    const ObjectPtr pod = tx.now().find(target.key());
    if (pod == nullptr) return not_found(target);
    const auto refuse = [&](const std::string& why) {
      return Error(Code::kConflict,
                   fmt::format("Operation cannot be fulfilled on pods/binding \"{}\": {}", target.name, why));
    };
    if (pod->meta().deletion)
      return refuse(fmt::format("pod {} is being deleted, cannot be assigned to a host", target.name));
    const std::string& node = pod->view<api::Pod>().node_name;
    if (!node.empty())
      return refuse(fmt::format("pod {} is already assigned to node \"{}\"", target.name, node));
    Json body = pod->body();
    body["spec"]["nodeName"] = string_at(object_at(binding, "target"), "name");
    const Json& annotations = object_at(object_at(binding, "metadata"), "annotations");
    if (!annotations.empty()) body["metadata"]["annotations"].update(annotations);
    set_scheduled(body["status"], clock_.now());
    TRY(store_change(tx, target, *pod, std::move(body)));
    if (options.dry_run) tx.discard();
    return {};
  });
}

Result<ObjectPtr> Registry::update_ephemeral(Tx& tx, const Target& target, const Object& old,
                                             const Json& body) {
  Json next = old.body();
  const Json& wanted = array_at(object_at(body, "spec"), "ephemeralContainers");
  if (wanted.empty())
    next["spec"].erase("ephemeralContainers");
  else
    next["spec"]["ephemeralContainers"] = wanted;
  api::drop_nulls(next);
  api::apply_defaults(*target.kind->type, next);
  api::default_object(*target.kind, next);
  api::Causes causes;
  api::validate_ephemeral_update(causes, next, old.body());
  if (!causes.empty()) return api::invalid(target.kind->kind, target.name, std::move(causes));
  return store_change(tx, target, old, std::move(next));
}

}  // namespace minik::apiserver
