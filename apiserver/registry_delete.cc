// Deletion and the writes of controllers.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/definition.h"
#include "api/pod.h"
#include "apiserver/registry.h"

namespace minik::apiserver {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kForeground = "foregroundDeletion";

// Seconds that the object has for its end.  Only pods have any, and only once a node has them.
std::int64_t grace_of(const Object& object, const DeleteOptions& options) {
  if (object.resource() != "pods") return 0;
  const auto& pod = object.view<api::Pod>();
  if (pod.node_name.empty() || pod.finished()) return 0;
  return options.grace_seconds.value_or(pod.grace_seconds);
}

Result<> check_delete_preconditions(const Target& target, const Object& object,
                                    const DeleteOptions& options) {
  if (!options.uid.empty() && options.uid != object.uid()) {
    return Error(Code::kConflict,
                 fmt::format("Operation cannot be fulfilled on {} \"{}\": Precondition failed: UID in "
                             "precondition: {}, UID in "
                             "object meta: {}",
                             target.resource_text(), target.name, options.uid, object.uid()));
  }
  if (!options.resource_version.empty() && options.resource_version != std::to_string(object.revision())) {
    return Error(Code::kConflict, fmt::format("Operation cannot be fulfilled on {} \"{}\": Precondition "
                                              "failed: ResourceVersion in precondition: "
                                              "{}, ResourceVersion in object meta: {}",
                                              target.resource_text(), target.name, options.resource_version,
                                              object.revision()));
  }
  return {};
}

// The namespaces that a cluster cannot be without.
Result<> check_may_go(const Target& target) {
  static const std::set<std::string> kKept = {"default", "kube-system", "kube-public", "kube-node-lease"};
  if (target.kind->group_resource() != "namespaces" || !kKept.contains(target.name)) return {};
  return Error(Code::kForbidden,
               fmt::format("namespaces \"{}\" is forbidden: this namespace may not be deleted", target.name));
}

// Takes the owner out of its dependents, so that they live on.
void orphan_dependents(Tx& tx, const Object& owner) {
  std::vector<ObjectPtr> dependents;
  for (const auto& resource : tx.now().resources()) {
    tx.now().for_each(resource, "", [&](const ObjectPtr& object) {
      const auto& owners = object->meta().owners;
      if (std::any_of(owners.begin(), owners.end(),
                      [&](const api::OwnerRef& o) { return o.uid == owner.uid(); }))
        dependents.push_back(object);
    });
  }
  for (const ObjectPtr& object : dependents) {
    Json body = object->body();
    Json kept = Json::array();
    for (const Json& reference : array_at(body["metadata"], "ownerReferences")) {
      if (string_at(reference, "uid") != owner.uid()) kept.push_back(reference);
    }
    if (kept.empty())
      body["metadata"].erase("ownerReferences");
    else
      body["metadata"]["ownerReferences"] = kept;
    tx.put(object->resource(), std::move(body));
  }
}

// Keeps a definition until its objects are gone.  One whose names were never accepted has none.
void hold_definition(const api::Snapshot& objects, Json& definition, WallTime now) {
  const std::string name = string_at(definition["metadata"], "name");
  if (!api::owns_objects(definition) || objects.count(name) == 0) return;
  definition["metadata"]["finalizers"].push_back(api::kCleanupFinalizer);
  definition["status"]["conditions"].push_back(
      {{"type", "Terminating"},
       {"status", "True"},
       {"lastTransitionTime", rfc3339(now)},
       {"reason", "InstanceDeletionPending"},
       {"message", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"}});
}

}  // namespace

Result<Deleted> Registry::remove_in(Tx& tx, const Target& target, const DeleteOptions& options) {
  const ObjectPtr object = tx.now().find(target.key());
  if (object == nullptr) return not_found(target);
  TRY(check_may_go(target));
  TRY(check_delete_preconditions(target, *object, options));
  if (options.propagation == "Orphan") orphan_dependents(tx, *object);
  const ObjectPtr current = tx.now().find(target.key());
  const std::int64_t grace = grace_of(*current, options);
  Json body = current->body();
  Json& meta = body["metadata"];
  if (options.propagation == "Foreground" && !current->meta().deletion)
    meta["finalizers"].push_back(kForeground);
  const bool is_namespace = target.kind->group_resource() == "namespaces";
  if (target.kind->group_resource() == api::kDefinitions && !current->meta().deletion)
    hold_definition(tx.now(), body, clock_.now());
  const bool held = grace > 0 || is_namespace || !array_at(meta, "finalizers").empty();
  if (!held) {
    tx.remove(target.key());
    return Deleted{current, true};
  }
  const auto& was = current->meta();
  if (was.deletion && (grace >= was.deletion_grace_seconds || was.deletion_grace_seconds == 0)) {
    return Deleted{current, false};  // A second delete may only shorten the grace.
  }
  meta["deletionTimestamp"] = rfc3339(clock_.now() + std::chrono::seconds(grace));
  meta["deletionGracePeriodSeconds"] = grace;
  if (is_namespace) body["status"]["phase"] = "Terminating";
  if (was.generation > 0) meta["generation"] = was.generation + 1;
  return Deleted{tx.put(target.kind->group_resource(), std::move(body)), false};
}

Result<> Registry::apply_one(Tx& tx, const api::Kind& kind, const Write& write) {
  Target target{&kind, write.key.ns, write.key.name, ""};
  const ObjectPtr old = tx.now().find(write.key);
  if (write.op == Write::Op::kPut && write.expected_revision == 0) {
    auto made = create_in(tx, target, write.body);
    return made.ok() ? Result<>() : std::move(made).error();
  }
  if (old == nullptr) return not_found(target);
  if (write.expected_revision != 0 && write.expected_revision != old->revision()) {
    return Error(Code::kConflict, write.key.text() + " changed meanwhile");
  }
  switch (write.op) {
    case Write::Op::kDelete: {
      auto deleted = remove_in(tx, target, DeleteOptions{});
      return deleted.ok() ? Result<>() : std::move(deleted).error();
    }
    case Write::Op::kRemove:
      tx.remove(write.key);
      return {};
    case Write::Op::kPutAll: {
      auto stored = store_change(tx, target, *old, write.body);
      return stored.ok() ? Result<>() : std::move(stored).error();
    }
    case Write::Op::kPutStatus:
      target.subresource = "status";
      [[fallthrough]];
    case Write::Op::kPut:
      break;
  }
  Json body = write.body;
  body["metadata"]["resourceVersion"] = std::to_string(old->revision());
  auto updated = update_in(tx, target, *old, std::move(body));
  return updated.ok() ? Result<>() : std::move(updated).error();
}

std::vector<Error> Registry::apply(const std::vector<Write>& writes, std::vector<Result<>>* outcomes) {
  std::vector<Error> errors;
  if (writes.empty()) return errors;
  const api::SchemaPtr kinds = schema();
  auto done = store_.transact(
      [&](Tx& tx) -> Result<> {
        for (const Write& write : writes) {
          const api::Kind* kind = kinds->by_key(write.key.resource);
          auto applied = kind == nullptr ? Result<>(Error(Code::kNotFound, "no such kind any more"))
                                         : apply_one(tx, *kind, write);
          if (outcomes != nullptr) outcomes->push_back(applied);
          if (applied.ok()) continue;
          const Code code = applied.error().code();
          if (code == Code::kConflict || code == Code::kNotFound || code == Code::kAlreadyExists) continue;
          errors.push_back(std::move(applied).error().wrap(write.key.text()));
        }
        return {};
      },
      Durability::kRelaxed);
  if (!done.ok()) errors.push_back(std::move(done).error());
  return errors;
}

}  // namespace minik::apiserver
