#include "controllers/custom_kinds.h"

#include <algorithm>

#include "api/definition.h"

namespace minik::controllers {

using api::ObjectPtr;
using api::Write;

namespace {

// Deletes what is left of the kind; lets the definition go once nothing is.
void empty_out(const World& world, const api::Object& definition, std::vector<Write>& writes) {
  const auto& held = definition.meta().finalizers;
  if (std::find(held.begin(), held.end(), api::kCleanupFinalizer) == held.end()) return;
  bool empty = true;
  const auto take = [&](const ObjectPtr& object) {
    empty = false;
    if (!object->meta().deletion) writes.push_back(remove(*object));
  };
  if (api::owns_objects(definition.body())) world.objects->for_each(definition.name(), "", take);
  if (!empty) return;
  Json body = definition.body();
  Json& finalizers = body["metadata"]["finalizers"];
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), Json(api::kCleanupFinalizer)),
                   finalizers.end());
  writes.push_back(put_all(definition, std::move(body)));
}

}  // namespace

std::vector<Write> CustomKindsController::reconcile(const World& world) {
  const bool changed = !api::Snapshot::same(seen_.get(), *world.objects, api::kDefinitions);
  seen_ = world.objects;
  std::vector<Write> writes;
  bool renamed = false;
  world.objects->for_each(api::kDefinitions, "", [&](const ObjectPtr& definition) {
    if (definition->meta().deletion) return empty_out(world, *definition, writes);
    if (!changed || renamed) return;  // One at a time: two may want the same name.
    Json body = definition->body();
    api::set_definition_status(*world.objects, body, world.now);
    renamed = body != definition->body();
    if (renamed) writes.push_back(put_status(*definition, object_at(body, "status")));
  });
  return writes;
}

}  // namespace minik::controllers
