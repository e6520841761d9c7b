#include "controllers/endpoints.h"

#include <algorithm>

#include "api/pod.h"
#include "api/service.h"

namespace minik::controllers {

using api::NsName;
using api::Object;
using api::ObjectPtr;
using api::Snapshot;
using api::Write;

namespace {

constexpr const char* kSlices = "endpointslices.discovery.k8s.io";

std::string pair_of(const std::string& ns, const std::string& key, const std::string& value) {
  return ns + '\0' + key + "=" + value;
}

// Made by this controller: a slice, or an Endpoints object.
bool is_ours(const Object& object) {
  const auto& labels = object.meta().labels;
  const auto slice = labels.find("endpointslice.kubernetes.io/managed-by");
  const auto endpoints = labels.find("endpoints.kubernetes.io/managed-by");
  return (slice != labels.end() && slice->second == "endpointslice-controller.k8s.io") ||
         (endpoints != labels.end() && endpoints->second == "endpoint-controller");
}

NsName name_of(const Object& object) { return {object.ns(), object.name()}; }

std::string slice_service(const Object& slice) { return slice.view<api::EndpointSlice>().service; }

// Whether a change of the pod can matter to a Service.
bool matters(const ObjectPtr& before, const ObjectPtr& after) {
  if (before == nullptr || after == nullptr) return true;
  const auto& a = before->view<api::Pod>();
  const auto& b = after->view<api::Pod>();
  return a.ips != b.ips || a.ip != b.ip || a.ready != b.ready || a.phase != b.phase ||
         a.node_name != b.node_name || before->meta().labels != after->meta().labels ||
         before->meta().deletion.has_value() != after->meta().deletion.has_value() ||
         before->uid() != after->uid();
}

// Differences that are worth a write: everything but what the server fills in.
bool differs(const Json& wanted, const Object& stored, std::initializer_list<const char*> members) {
  for (const char* member : members) {
    const Json* a = find(wanted, member);
    const Json* b = find(stored.body(), member);
    const bool none_a = a == nullptr || a->empty(), none_b = b == nullptr || b->empty();
    if (none_a != none_b || (!none_a && *a != *b)) return true;
  }
  return object_at(wanted["metadata"], "labels") != object_at(object_at(stored.body(), "metadata"), "labels");
}

}  // namespace

std::vector<Write> EndpointsController::reconcile(const World& world) {
  Names dirty;
  note_services(world, dirty);
  note_pods(world, dirty);
  note_results(world, dirty);
  seen_ = world.objects;
  std::vector<Write> writes;
  for (const NsName& name : dirty) {
    const ObjectPtr service = world.objects->find("services", name.ns, name.name);
    const ObjectPtr stored = world.objects->find("endpoints", name.ns, name.name);
    if (service == nullptr) {  // The slices go with their owner reference; the old object has none.
      if (stored != nullptr && is_ours(*stored)) writes.push_back(remove(*stored));
      continue;
    }
    if (service->meta().deletion) continue;
    const auto& view = service->view<api::Service>();
    if (view.selector.empty() || view.type == api::Service::Type::kExternalName) continue;
    std::vector<ObjectPtr> existing;
    if (const auto it = slices_.find(name); it != slices_.end()) {
      for (const auto& [slice_name, slice] : it->second) existing.push_back(slice);
    }
    ServiceEndpoints wanted = endpoints_of(*service, pods_of(world, *service), existing);
    if (stored == nullptr)
      writes.push_back(create("endpoints", std::move(wanted.endpoints)));
    else if (differs(wanted.endpoints, *stored, {"subsets"}))
      writes.push_back(put(*stored, std::move(wanted.endpoints)));
    std::set<std::string> kept;
    for (Json& slice : wanted.slices) {
      const std::string slice_name = string_at(slice["metadata"], "name");
      const auto match = std::find_if(existing.begin(), existing.end(),
                                      [&](const ObjectPtr& e) { return e->name() == slice_name; });
      if (match == existing.end()) {
        writes.push_back(create(kSlices, std::move(slice)));
      } else {
        kept.insert(slice_name);
        if (differs(slice, **match, {"endpoints", "ports"})) writes.push_back(put(**match, std::move(slice)));
      }
    }
    for (const ObjectPtr& slice : existing) {
      if (!kept.contains(slice->name())) writes.push_back(remove(*slice));
    }
  }
  return writes;
}

void EndpointsController::note_services(const World& world, Names& dirty) {
  Snapshot::diff(
      seen_.get(), *world.objects, "services", [&](const ObjectPtr& before, const ObjectPtr& after) {
        const auto index = [&](const ObjectPtr& service, bool add) {
          if (service == nullptr) return;
          const auto& selector = service->view<api::Service>().selector;
          if (selector.empty()) return;
          Names& names =
              services_by_label_[pair_of(service->ns(), selector.begin()->first, selector.begin()->second)];
          if (add)
            names.insert(name_of(*service));
          else
            names.erase(name_of(*service));
        };
        index(before, false);
        index(after, true);
        dirty.insert(name_of(after != nullptr ? *after : *before));
      });
}

void EndpointsController::note_pods(const World& world, Names& dirty) {
  Snapshot::diff(seen_.get(), *world.objects, "pods", [&](const ObjectPtr& before, const ObjectPtr& after) {
    const bool relevant = matters(before, after);
    const auto visit = [&](const ObjectPtr& pod, bool add) {
      if (pod == nullptr) return;
      for (const auto& [key, value] : pod->meta().labels) {
        const std::string pair = pair_of(pod->ns(), key, value);
        Names& pods = pods_by_label_[pair];
        if (add)
          pods.insert(name_of(*pod));
        else
          pods.erase(name_of(*pod));
        if (const auto it = services_by_label_.find(pair); relevant && it != services_by_label_.end())
          dirty.insert(it->second.begin(), it->second.end());
      }
    };
    visit(before, false);
    visit(after, true);
  });
}

// Somebody else changed or deleted what we made: make it again.
void EndpointsController::note_results(const World& world, Names& dirty) {
  Snapshot::diff(seen_.get(), *world.objects, kSlices, [&](const ObjectPtr& before, const ObjectPtr& after) {
    if (before != nullptr && is_ours(*before)) {
      const NsName service{before->ns(), slice_service(*before)};
      slices_[service].erase(before->name());
      if (slices_[service].empty()) slices_.erase(service);
      dirty.insert(service);
    }
    if (after != nullptr && is_ours(*after)) {
      const NsName service{after->ns(), slice_service(*after)};
      slices_[service][after->name()] = after;
      dirty.insert(service);
    }
  });
  Snapshot::diff(seen_.get(), *world.objects, "endpoints",
                 [&](const ObjectPtr& before, const ObjectPtr& after) {
                   dirty.insert(name_of(after != nullptr ? *after : *before));
                 });
}

std::vector<ObjectPtr> EndpointsController::pods_of(const World& world, const Object& service) const {
  std::vector<ObjectPtr> pods;
  const auto& selector = service.view<api::Service>().selector;
  const auto it =
      pods_by_label_.find(pair_of(service.ns(), selector.begin()->first, selector.begin()->second));
  if (it == pods_by_label_.end()) return pods;
  for (const NsName& name : it->second) {
    const ObjectPtr pod = world.objects->find("pods", name.ns, name.name);
    if (pod == nullptr) continue;
    const auto& labels = pod->meta().labels;
    const bool all = std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
      const auto label = labels.find(pair.first);
      return label != labels.end() && label->second == pair.second;
    });
    if (all) pods.push_back(pod);
  }
  return pods;
}

}  // namespace minik::controllers
