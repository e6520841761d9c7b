#include "controllers/namespaces.h"

namespace minik::controllers {

using api::ObjectPtr;
using api::Write;

namespace {

Json default_account(const std::string& ns) {
  return {{"kind", "ServiceAccount"},
          {"apiVersion", "v1"},
          {"metadata", {{"name", "default"}, {"namespace", ns}}}};
}

// Deletes what is left; lets the namespace go once nothing is.
void empty_out(const World& world, const api::Object& ns, std::vector<Write>& writes) {
  bool empty = true;
  for (const auto& resource : world.objects->resources()) {
    world.objects->for_each(resource, ns.name(), [&](const ObjectPtr& object) {
      empty = false;
      if (!object->meta().deletion) writes.push_back(remove(*object));
    });
  }
  if (!empty || array_at(object_at(ns.body(), "spec"), "finalizers").empty()) return;
  Json body = ns.body();
  body["spec"]["finalizers"] = Json::array();
  writes.push_back(put_all(ns, std::move(body)));
}

}  // namespace

std::vector<Write> NamespaceController::reconcile(const World& world) {
  std::set<std::string> dirty;
  const auto touch_ns = [&](const ObjectPtr& before, const ObjectPtr& after) {
    dirty.insert((after != nullptr ? after : before)->name());
  };
  api::Snapshot::diff(seen_.get(), *world.objects, "namespaces", touch_ns);
  api::Snapshot::diff(seen_.get(), *world.objects, "serviceaccounts",
                      [&](const ObjectPtr& before, const ObjectPtr& after) {
                        if (after == nullptr) dirty.insert(before->ns());
                      });
  // What is left in a namespace that ends is looked at until nothing is.
  world.objects->for_each("namespaces", "", [&](const ObjectPtr& ns) {
    if (ns->meta().deletion) dirty.insert(ns->name());
  });
  seen_ = world.objects;
  std::vector<Write> writes;
  for (const auto& name : dirty) {
    const ObjectPtr ns = world.objects->find("namespaces", "", name);
    if (ns == nullptr) continue;
    if (ns->meta().deletion)
      empty_out(world, *ns, writes);
    else if (world.objects->find("serviceaccounts", name, "default") == nullptr)
      writes.push_back(create("serviceaccounts", default_account(name)));
  }
  return writes;
}

}  // namespace minik::controllers
