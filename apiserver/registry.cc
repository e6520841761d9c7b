#include "apiserver/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/conversion.h"
#include "api/definition.h"
#include "api/generation.h"
#include "api/patch.h"
#include "api/selector.h"
#include "apiserver/class_admission.h"
#include "apiserver/custom_objects.h"
#include "apiserver/pod_admission.h"
#include "base/files.h"
#include "base/log.h"

namespace minik::apiserver {

using api::Kind;
using api::Object;
using api::ObjectPtr;

namespace {

constexpr int kGeneratedNameTries = 8;
constexpr std::size_t kGeneratedPrefixMax = 58;  // 63 less five random characters.

bool has_status(const Kind& kind) { return kind.has_subresource("status"); }

Error conflict(const Target& target) {
  return Error(
      Code::kConflict,
      fmt::format(
          "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your "
          "changes to the latest version and try again",
          target.resource_text(), target.name));
}

// Fields that only the server writes.
void keep_server_fields(Json& meta, const Json& old_meta) {
  for (const char* member : {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                             "generation", "selfLink"}) {
    if (old_meta.contains(member))
      meta[member] = old_meta[member];
    else
      meta.erase(member);
  }
  meta["name"] = old_meta["name"];
  if (old_meta.contains("namespace")) meta["namespace"] = old_meta["namespace"];
}

bool equal_but_revision(const Json& a, const Json& b) {
  Json left = a, right = b;
  left["metadata"].erase("resourceVersion");
  right["metadata"].erase("resourceVersion");
  return left == right;
}

Result<> check_preconditions(const Target& target, const Json& body, const Object& old) {
  const Json& meta = object_at(body, "metadata");
  const std::string revision = string_at(meta, "resourceVersion");
  if (!revision.empty() && revision != "0" && revision != std::to_string(old.revision()))
    return conflict(target);
  const std::string uid = string_at(meta, "uid");
  if (!uid.empty() && uid != old.uid()) {
    return Error(Code::kConflict, fmt::format("Operation cannot be fulfilled on {} \"{}\": Precondition "
                                              "failed: UID in precondition: {}, UID in "
                                              "object meta: {}",
                                              target.resource_text(), target.name, uid, old.uid()));
  }
  return {};
}

Result<Json> replicas_of(const Target& target, const Json& scale) {
  const Json* replicas = find(scale, "spec", "replicas");
  const std::int64_t wanted =
      replicas == nullptr || !replicas->is_number() ? 0 : replicas->get<std::int64_t>();
  if (wanted < 0) {
    api::Causes causes;
    api::cause_invalid(causes, "spec.replicas", wanted, "must be greater than or equal to 0");
    return api::invalid("Scale", target.name, std::move(causes));
  }
  return Json(wanted);
}

// Undoes a dry run; its answer has the revision that is stored.
ObjectPtr forget(Tx& tx, const Object& made, const Object* old) {
  tx.discard();
  Json body = made.body();
  if (old == nullptr)
    body["metadata"].erase("resourceVersion");
  else
    body["metadata"]["resourceVersion"] = std::to_string(old->revision());
  return std::make_shared<Object>(made.resource(), old == nullptr ? 0 : old->revision(), std::move(body));
}

}  // namespace

api::FieldWriter Registry::writer_of(const Target& target, const WriteOptions& options) const {
  const Kind& version = target.served == nullptr ? *target.kind : *target.served;
  return {options.manager, version.api_version(), target.subresource, clock_.now()};
}

Error not_found(const Target& target) {
  return Error(Code::kNotFound, fmt::format("{} \"{}\" not found", target.resource_text(), target.name));
}

Json Registry::scale_of(const Kind& kind, const Object& object) {
  if (kind.custom != nullptr) return custom_scale(kind, object);
  const Json& meta = object_at(object.body(), "metadata");
  Json scale = {{"kind", "Scale"}, {"apiVersion", "autoscaling/v1"}};
  for (const char* member : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (meta.contains(member)) scale["metadata"][member] = meta[member];
  }
  const Json& spec = object_at(object.body(), "spec");
  scale["spec"]["replicas"] = int_at(spec, "replicas", 1);
  scale["status"]["replicas"] = int_at(object_at(object.body(), "status"), "replicas");
  const auto selector = api::LabelSelector::from_json(object_at(spec, "selector"));
  scale["status"]["selector"] = selector.ok() ? selector->text() : "";
  return scale;
}

Result<> Registry::check_namespace(const Tx& tx, const Target& target) const {
  if (!target.kind->namespaced) return {};
  const ObjectPtr ns = tx.now().find("namespaces", "", target.ns);
  if (ns == nullptr) return Error(Code::kNotFound, fmt::format("namespaces \"{}\" not found", target.ns));
  if (ns->meta().deletion) {
    return Error(Code::kForbidden, fmt::format("{} \"{}\" is forbidden: unable to create new content in "
                                               "namespace {} because it is being terminated",
                                               target.resource_text(), target.name, target.ns));
  }
  return {};
}

// Defaults, allocation and rules; what every create and spec update goes through.
Result<> Registry::admit(const Tx& tx, const Target& target, Json& body, const Json* old) {
  const Kind& kind = *target.kind;
  if (kind.group_resource() == "pods" && old == nullptr) {
    TRY(admit_service_account(tx.now(), target.ns, body));
    TRY(admit_priority(tx.now(), body));
    admit_tolerations(body);
  }
  if (old == nullptr) admit_default_class(tx.now(), kind, body);
  api::apply_defaults(*kind.type, body);
  api::default_object(kind, body);
  api::Causes causes;
  if (kind.group_resource() == "services") {
    // Rules first: an allocation for nonsense would only add noise.
    api::Causes before = old == nullptr ? api::validate_create(kind, body) : api::Causes{};
    if (!before.empty()) return api::invalid(target.kind_text(), target.name, std::move(before));
    TRY(leases_.allocate(tx.now(), body, old, causes));
  }
  api::Causes rules =
      old == nullptr ? api::validate_create(kind, body) : api::validate_update(kind, body, *old);
  causes.insert(causes.end(), rules.begin(), rules.end());
  if (!causes.empty()) return api::invalid(target.kind_text(), target.name, std::move(causes));
  if (kind.group_resource() == api::kDefinitions) api::set_definition_status(tx.now(), body, clock_.now());
  return {};
}

Result<ObjectPtr> Registry::create_in(Tx& tx, const Target& wanted, Json body, const WriteOptions& options) {
  Target target = wanted;
  const Kind& kind = *target.kind;
  api::drop_nulls(body);
  Json& meta = body["metadata"];
  if (!meta.is_object()) meta = Json::object();
  if (!string_at(meta, "resourceVersion").empty()) {
    return Error(Code::kInvalid, "resourceVersion should not be set on objects to be created");
  }
  if (kind.namespaced)
    meta["namespace"] = target.ns;
  else
    meta.erase("namespace");
  target.name = string_at(meta, "name");
  const std::string prefix = string_at(meta, "generateName").substr(0, kGeneratedPrefixMax);
  for (int i = 0; target.name.empty() && !prefix.empty() && i < kGeneratedNameTries; ++i) {
    const std::string name = prefix + random_suffix(5);
    if (tx.now().find(kind.group_resource(), target.ns, name) == nullptr) target.name = name;
  }
  if (!target.name.empty()) meta["name"] = target.name;
  TRY(check_definition(tx.now(), kind));
  TRY(check_namespace(tx, target));
  if (tx.now().find(target.key()) != nullptr) {
    return Error(Code::kAlreadyExists,
                 fmt::format("{} \"{}\" already exists", target.resource_text(), target.name));
  }
  body["kind"] = kind.kind;
  body["apiVersion"] = kind.api_version();
  if (has_status(kind)) body.erase("status");
  for (const char* member : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"})
    meta.erase(member);
  if (!options.applied) meta.erase("managedFields");
  meta["uid"] = random_uuid();
  meta["creationTimestamp"] = rfc3339(clock_.now());
  api::prepare_create(kind, body);
  TRY(admit(tx, target, body, nullptr));
  static const std::set<std::string> kPending = {"pods", "persistentvolumeclaims", "persistentvolumes"};
  if (kPending.contains(kind.group_resource())) body["status"]["phase"] = "Pending";
  api::set_generation(kind, body, nullptr);
  if (!options.manager.empty() && !options.applied)
    api::track_update(*kind.type, nullptr, body, writer_of(wanted, options));
  const ObjectPtr stored = tx.put(kind.group_resource(), std::move(body));
  if (kind.group_resource() == "namespaces") {  // So that its first pod finds the account that pods run as.
    const Target account{api::Schema::builtin().by_key("serviceaccounts"), target.name, "default", ""};
    TRY(create_in(tx, account, {{"metadata", {{"name", "default"}}}}));
  }
  return stored;
}

// Stores `body` in place of `old` unless nothing changed; removes the object when its last finalizer went.
Result<ObjectPtr> Registry::store_change(Tx& tx, const Target& target, const Object& old, Json body,
                                         const WriteOptions& options) {
  if (!options.manager.empty() && !options.applied)
    api::track_update(*target.kind->type, &old.body(), body, writer_of(target, options));
  if (equal_but_revision(body, old.body())) return tx.now().find(target.key());
  api::set_generation(*target.kind, body, &old.body());
  ObjectPtr stored = tx.put(target.kind->group_resource(), std::move(body));
  const bool namespace_held = target.kind->group_resource() == "namespaces" &&
                              !array_at(object_at(stored->body(), "spec"), "finalizers").empty();
  const bool done = stored->meta().deletion && stored->meta().finalizers.empty() &&
                    stored->meta().deletion_grace_seconds == 0;
  if (done && !namespace_held) tx.remove(target.key());
  return stored;
}

Result<ObjectPtr> Registry::update_in(Tx& tx, const Target& target, const Object& old, Json body,
                                      const WriteOptions& options) {
  const Kind& kind = *target.kind;
  TRY(check_preconditions(target, body, old));
  if (target.subresource == "status") {
    Json next = old.body();
    if (body.contains("status"))
      next["status"] = body["status"];
    else
      next.erase("status");
    if (options.applied)
      next["metadata"]["managedFields"] = object_at(body, "metadata").value("managedFields", Json());
    TRY(check_custom(kind, next));
    return store_change(tx, target, old, std::move(next), options);
  }
  if (target.subresource == "scale") {
    Json next = old.body();
    const Json replicas = TRY(replicas_of(target, body));
    if (kind.custom == nullptr)
      next["spec"]["replicas"] = replicas;
    else
      set_custom_replicas(kind, next, replicas);
    TRY(check_custom(kind, next));
    return store_change(tx, target, old, std::move(next), options);
  }
  if (target.subresource == "ephemeralcontainers") return update_ephemeral(tx, target, old, body);
  if (target.subresource == "finalize") {
    Json next = old.body();
    next["spec"]["finalizers"] = array_at(object_at(body, "spec"), "finalizers");
    return store_change(tx, target, old, std::move(next), options);
  }
  api::drop_nulls(body);
  Json& meta = body["metadata"];
  if (!meta.is_object()) meta = Json::object();
  keep_server_fields(meta, old.body()["metadata"]);
  meta["resourceVersion"] = std::to_string(old.revision());
  body["kind"] = kind.kind;
  body["apiVersion"] = kind.api_version();
  if (has_status(kind)) {
    if (old.body().contains("status"))
      body["status"] = old.body()["status"];
    else
      body.erase("status");
  }
  api::prepare_update(kind, body, old.body());
  TRY(admit(tx, target, body, &old.body()));
  if (old.meta().deletion) {  // No new finalizers once the deletion began.
    for (const auto& finalizer : api::Meta::parse(body).finalizers) {
      const auto& had = old.meta().finalizers;
      if (std::find(had.begin(), had.end(), finalizer) != had.end()) continue;
      api::Causes causes;
      api::cause_forbidden(causes, "metadata.finalizers",
                           "no new finalizers can be added if the object is being deleted");
      return api::invalid(target.kind_text(), target.name, std::move(causes));
    }
  }
  return store_change(tx, target, old, std::move(body), options);
}

Result<ObjectPtr> Registry::create(const Target& target, Json body, const WriteOptions& options) {
  ObjectPtr made;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    made = TRY(create_in(tx, target, std::move(body), options));
    if (options.check) TRY(options.check(tx.now(), *made, nullptr));
    if (options.dry_run) made = forget(tx, *made, nullptr);
    return {};
  }));
  return made;
}

Result<ObjectPtr> Registry::replace(const Target& target, const Json& body, const WriteOptions& options) {
  ObjectPtr made;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    const ObjectPtr old = tx.now().find(target.key());
    if (old == nullptr) return not_found(target);
    made = TRY(update_in(tx, target, *old, body, options));
    if (options.check) TRY(options.check(tx.now(), *made, old.get()));
    if (options.dry_run) made = forget(tx, *made, old.get());
    return {};
  }));
  return made;
}

Result<Json> Registry::apply_patch(const Target& target, const Object& old, PatchType type,
                                   const Json& patch) {
  const bool scale = target.subresource == "scale";
  const Kind& shape_kind = target.served == nullptr ? *target.kind : *target.served;
  Json current = scale ? scale_of(*target.kind, old) : api::from_stored(shape_kind, old.body());
  Json next;
  switch (type) {
    case PatchType::kJson:
      next = TRY(api::json_patch(current, patch));
      break;
    case PatchType::kApply:  // apply_config's.
    case PatchType::kMerge:
      next = api::merge_patch(current, patch);
      break;
    case PatchType::kStrategic: {
      const api::StructType* shape = scale ? api::Schema::builtin().type("Scale") : shape_kind.type;
      next = TRY(api::strategic_patch(*shape, current, patch));
      break;
    }
  }
  if (string_at(object_at(next, "metadata"), "name") != target.name) {
    return Error(Code::kInvalid,
                 fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                             string_at(object_at(next, "metadata"), "name"), target.name));
  }
  if (!scale) {
    TRY(api::check_types(shape_kind, next));
    api::take_unknown_fields(*shape_kind.type, next);
    api::to_stored(shape_kind, next);
  }
  return next;
}

Result<ObjectPtr> Registry::patch(const Target& target, PatchType type, const Json& patch,
                                  const WriteOptions& options) {
  ObjectPtr made;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    const ObjectPtr old = tx.now().find(target.key());
    if (old == nullptr) return not_found(target);
    Json next = TRY(apply_patch(target, *old, type, patch));
    made = TRY(update_in(tx, target, *old, std::move(next), options));
    if (options.check) TRY(options.check(tx.now(), *made, old.get()));
    if (options.dry_run) made = forget(tx, *made, old.get());
    return {};
  }));
  return made;
}

Result<Registry::Applied> Registry::apply_config(const Target& target, const Json& config,
                                                 const WriteOptions& options) {
  WriteOptions inner = options;
  inner.applied = true;
  Applied applied;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    const ObjectPtr old = tx.now().find(target.key());
    if (old == nullptr && !target.subresource.empty()) return not_found(target);
    Json next = TRY(api::apply_config(*target.kind->type, old == nullptr ? nullptr : &old->body(), config,
                                      writer_of(target, options), options.force));
    applied.created = old == nullptr;
    applied.object = old == nullptr ? TRY(create_in(tx, target, std::move(next), inner))
                                    : TRY(update_in(tx, target, *old, std::move(next), inner));
    if (options.check) TRY(options.check(tx.now(), *applied.object, old.get()));
    if (options.dry_run) applied.object = forget(tx, *applied.object, old.get());
    return {};
  }));
  return applied;
}

Result<Deleted> Registry::remove(const Target& target, const DeleteOptions& options) {
  Deleted deleted;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    deleted = TRY(remove_in(tx, target, options));
    if (options.dry_run) tx.discard();
    return {};
  }));
  return deleted;
}

Result<std::vector<Deleted>> Registry::remove_all(const Target& target, const std::vector<api::Key>& keys,
                                                  const DeleteOptions& options) {
  std::vector<Deleted> all;
  TRY(store_.transact([&](Tx& tx) -> Result<> {
    for (const api::Key& key : keys) {
      Target one = target;
      one.ns = key.ns;
      one.name = key.name;
      auto deleted = remove_in(tx, one, options);
      if (deleted.ok())
        all.push_back(*std::move(deleted));
      else if (deleted.error().code() != Code::kNotFound)
        return std::move(deleted).error();
    }
    if (options.dry_run) tx.discard();
    return {};
  }));
  return all;
}

}  // namespace minik::apiserver
