// Registry: what a write means.  Defaults, admission, validation, allocation, generation, deletion.
//
// Threads: any; each call is one store transaction.
// Errors: the API's: kInvalid (with causes: 422, without: 400), kNotFound, kAlreadyExists, kConflict,
// kForbidden.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/managed_fields.h"
#include "api/rules.h"
#include "api/schema.h"
#include "apiserver/custom_kinds.h"
#include "apiserver/service_leases.h"
#include "apiserver/store.h"
#include "base/clock.h"

namespace minik::apiserver {

enum class PatchType : std::uint8_t { kJson, kMerge, kStrategic, kApply };

// What a URL names.
struct Target {
  const api::Kind* kind = nullptr;
  std::string ns, name;
  std::string subresource;            // "", "status", "scale", "finalize"
  const api::Kind* served = nullptr;  // The version of the patch, when it is not the stored one.
  api::Key key() const { return {kind->group_resource(), ns, name}; }
  // For the texts of answers, in the version that the client speaks: deployments.apps, Deployment.apps.
  const api::Kind& shown() const { return served == nullptr ? *kind : *served; }
  std::string resource_text() const { return with_group(shown().resource); }
  std::string kind_text() const { return with_group(shown().kind); }

 private:
  std::string with_group(const std::string& word) const {
    return shown().group.empty() ? word : word + "." + shown().group;
  }
};

struct WriteOptions {
  bool dry_run = false;
  std::string manager = {};  // Who gets the changed fields; empty (our own controllers): nobody.
  bool force = false;        // Apply: take fields from those who hold another value there.
  bool applied = false;      // Set inside: the body brings its managed fields.
  // Called in the transaction with what is about to be there and what was there before (null: nothing); its
  // error undoes the write.
  std::function<Result<>(const api::Snapshot& objects, const api::Object& next, const api::Object* before)>
      check = {};
};

struct DeleteOptions {
  std::optional<std::int64_t> grace_seconds;
  std::string propagation;            // Background (default), Foreground, Orphan.
  std::string uid, resource_version;  // Preconditions.
  bool dry_run = false;
};

struct Deleted {
  api::ObjectPtr object;  // The last state, or the state with its deletion timestamp.
  bool gone = false;      // No finalizer and no grace period left it behind.
};

class Registry {
 public:
  // The kinds that are there now.
  api::SchemaPtr schema() const { return kinds_.schema(); }

  Registry(Store& store, const Clock& clock, ServiceRanges ranges)
      : store_(store), clock_(clock), leases_(std::move(ranges)), kinds_(store) {}

  Result<api::ObjectPtr> create(const Target& target, Json body, const WriteOptions& options);
  Result<api::ObjectPtr> replace(const Target& target, const Json& body, const WriteOptions& options);
  // `patch` is applied to the newest state, inside the transaction.
  Result<api::ObjectPtr> patch(const Target& target, PatchType type, const Json& patch,
                               const WriteOptions& options);
  Result<Deleted> remove(const Target& target, const DeleteOptions& options);
  // Server-side apply: merges `config` by the manager's fields; creates the object when there is none.
  struct Applied {
    api::ObjectPtr object;
    bool created = false;
  };
  Result<Applied> apply_config(const Target& target, const Json& config, const WriteOptions& options);
  Result<std::vector<Deleted>> remove_all(const Target& target, const std::vector<api::Key>& keys,
                                          const DeleteOptions& options);

  // Deletes the pod if the disruption budgets allow it; else says why not, and nothing changes.
  struct Eviction {
    bool done = true;
    std::string message, cause;
  };
  Result<Eviction> evict(const Target& pod, const DeleteOptions& options);
  // Puts the pod on a node, as a core/v1 Binding asks.
  Result<> bind(const Target& pod, const Json& binding, const WriteOptions& options);

  // The wishes of controllers, in one transaction that need not reach the disk at once.  A wish that cannot
  // be (somebody was faster) is dropped: the next tick computes it again.  Answers the errors of the others.
  // `outcomes`, if given, gets for each write what became of it, in order.
  std::vector<Error> apply(const std::vector<api::Write>& writes, std::vector<Result<>>* outcomes = nullptr);

  // Scale, as autoscaling/v1 wants it, of an object that has replicas.
  static Json scale_of(const api::Kind& kind, const api::Object& object);

 private:
  Result<api::ObjectPtr> create_in(Tx& tx, const Target& target, Json body, const WriteOptions& options = {});
  Result<api::ObjectPtr> update_in(Tx& tx, const Target& target, const api::Object& old, Json body,
                                   const WriteOptions& options = {});
  Result<api::ObjectPtr> store_change(Tx& tx, const Target& target, const api::Object& old, Json body,
                                      const WriteOptions& options = {});
  api::FieldWriter writer_of(const Target& target, const WriteOptions& options) const;
  Result<Deleted> remove_in(Tx& tx, const Target& target, const DeleteOptions& options);
  Result<Json> apply_patch(const Target& target, const api::Object& old, PatchType type, const Json& patch);
  Result<> apply_one(Tx& tx, const api::Kind& kind, const api::Write& write);
  Result<Eviction> spend_budget(Tx& tx, const api::Object& pod, bool dry_run);
  Result<api::ObjectPtr> update_ephemeral(Tx& tx, const Target& target, const api::Object& old,
                                          const Json& body);
  Result<> check_namespace(const Tx& tx, const Target& target) const;
  Result<> admit(const Tx& tx, const Target& target, Json& body, const Json* old);

  Store& store_;
  const Clock& clock_;
  ServiceLeases leases_;
  CustomKinds kinds_;
};

// For answers: services "web" not found, …
Error not_found(const Target& target);

}  // namespace minik::apiserver
