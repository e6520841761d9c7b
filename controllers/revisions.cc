#include "controllers/revisions.h"

#include <algorithm>

#include "controllers/pod_template.h"

namespace minik::controllers {

using api::ObjectPtr;

namespace {

constexpr const char* kRevisions = "controllerrevisions.apps";
constexpr const char* kHashLabel = "controller-revision-hash";

std::int64_t number_of(const ObjectPtr& revision) { return int_at(revision->body(), "revision"); }

std::string hash_of(const ObjectPtr& revision) {
  const auto it = revision->meta().labels.find(kHashLabel);
  return it == revision->meta().labels.end() ? "" : it->second;
}

Json revision_json(const api::Object& set, const Json& data, const Revision& made, std::int64_t number) {
  Json json = {
      {"kind", "ControllerRevision"}, {"apiVersion", "apps/v1"}, {"data", data}, {"revision", number}};
  Json labels =
      object_at(object_at(object_at(object_at(set.body(), "spec"), "template"), "metadata"), "labels");
  labels[kHashLabel] = made.hash;
  Json notes = object_at(object_at(set.body(), "metadata"), "annotations");
  notes.erase("kubectl.kubernetes.io/last-applied-configuration");
  json["metadata"] = {{"name", made.name},
                      {"namespace", set.ns()},
                      {"labels", labels},
                      {"ownerReferences", Json::array({owner_reference(set)})}};
  if (!notes.empty()) json["metadata"]["annotations"] = notes;
  return json;
}

}  // namespace

Revision newest_revision(const api::Snapshot& objects, const api::Object& set,
                         const std::set<std::string>& hashes_in_use, std::vector<api::Write>& writes) {
  const Json& spec = object_at(set.body(), "spec");
  Json pod_template = object_at(spec, "template");
  pod_template["$patch"] = "replace";
  const Json data = {{"spec", {{"template", pod_template}}}};
  std::vector<ObjectPtr> all;
  objects.for_each(kRevisions, set.ns(), [&](const ObjectPtr& revision) {
    const api::OwnerRef* owner = controller_of(*revision);
    if (owner != nullptr && owner->uid == set.uid()) all.push_back(revision);
  });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
  const std::int64_t highest = all.empty() ? 0 : number_of(all.back());
  Revision made;
  const auto match = std::find_if(all.begin(), all.end(),
                                  [&](const ObjectPtr& r) { return object_at(r->body(), "data") == data; });
  if (match != all.end()) {
    made = {(*match)->name(), hash_of(*match)};
    if (number_of(*match) < highest) {
      Json body = (*match)->body();
      body["revision"] = highest + 1;
      writes.push_back(put(**match, std::move(body)));
    }
  } else {
    std::int64_t collisions = int_at(object_at(set.body(), "status"), "collisionCount");
    do {
      made.hash = short_hash(data, collisions++);
      made.name = set.name() + "-" + made.hash;
    } while (objects.find(kRevisions, set.ns(), made.name) != nullptr);
    writes.push_back(create(kRevisions, revision_json(set, data, made, highest + 1)));
  }
  const auto limit =
      static_cast<std::size_t>(std::max<std::int64_t>(0, int_at(spec, "revisionHistoryLimit", 10)));
  std::erase_if(
      all, [&](const ObjectPtr& r) { return r->name() == made.name || hashes_in_use.contains(hash_of(r)); });
  for (std::size_t i = 0; i + limit < all.size(); ++i) writes.push_back(remove(*all[i]));
  return made;
}

}  // namespace minik::controllers
