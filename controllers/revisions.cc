#include "controllers/revisions.h"

#include <algorithm>

#include "base/files.h"
#include "controllers/pods_of.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

Json new_revision(const Object& owner, const std::string& hash, std::int64_t number) {
  Json kept = template_of(owner);
  kept["$patch"] = "replace";
  Json revision = {{"kind", "ControllerRevision"}, {"apiVersion", "apps/v1"}, {"revision", number}};
  revision["data"]["spec"]["template"] = std::move(kept);
  Json annotations = object_at(object_at(owner.body(), "metadata"), "annotations");
  annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
  Json labels = object_at(object_at(template_of(owner), "metadata"), "labels");
  labels[kRevisionLabel] = hash;
  revision["metadata"] = {{"name", owner.name() + "-" + hash},
                          {"namespace", owner.ns()},
                          {"labels", std::move(labels)},
                          {"ownerReferences", Json::array({owner_reference(owner)})}};
  if (!annotations.empty()) revision["metadata"]["annotations"] = std::move(annotations);
  return revision;
}

bool older(const ObjectPtr& a, const ObjectPtr& b) { return revision_number(*a) < revision_number(*b); }

}  // namespace

std::string template_hash(const Json& pod_template, std::int64_t collisions) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::uint64_t hash = fnv1a(to_text(pod_template) + (collisions == 0 ? "" : std::to_string(collisions)));
  std::string out;
  for (int i = 0; i < 10; ++i) {
    out += kAlphabet[hash % kAlphabet.size()];
    hash /= kAlphabet.size();
  }
  return out;
}

std::int64_t revision_number(const Object& revision) { return int_at(revision.body(), "revision"); }

Json template_of_revision(const Object& revision) {
  const Json* kept = find(revision.body(), "data", "spec", "template");
  Json pod_template = kept == nullptr ? Json::object() : *kept;
  pod_template.erase("$patch");
  return pod_template;
}

History history_of(const World& world, const Object& owner, Steps& steps) {
  History history;
  history.collisions = int_at(status_of(owner), "collisionCount");
  world.objects->for_each(kRevisions, owner.ns(), [&](const ObjectPtr& revision) {
    const api::OwnerRef* controller = controller_of(*revision);
    if (controller != nullptr && controller->uid == owner.uid() && !revision->meta().deletion)
      history.all.push_back(revision);
  });
  std::stable_sort(history.all.begin(), history.all.end(), older);
  const std::int64_t newest = history.all.empty() ? 0 : revision_number(*history.all.back());
  const auto same = std::find_if(history.all.rbegin(), history.all.rend(), [&](const ObjectPtr& revision) {
    return template_of_revision(*revision) == template_of(owner);
  });
  if (same != history.all.rend()) {
    history.fresh = *same;
    if (revision_number(**same) == newest) return history;
    Json body = (*same)->body();
    body["revision"] = newest + 1;
    steps.writes.push_back(put(**same, std::move(body)));
    steps.later(world.now);
    return history;
  }
  const std::string hash = template_hash(template_of(owner), history.collisions);
  if (world.objects->find(kRevisions, owner.ns(), owner.name() + "-" + hash) != nullptr) {
    ++history.collisions;  // With the status: the next look takes another name.
    return history;
  }
  steps.later(world.now);
  steps.writes.push_back(create(kRevisions, new_revision(owner, hash, newest + 1)));
  return history;
}

void drop_revisions(const Object& owner, const History& history, const std::vector<std::string>& live,
                    Steps& steps) {
  std::vector<ObjectPtr> old;
  for (const ObjectPtr& revision : history.all) {
    if (revision != history.fresh && std::find(live.begin(), live.end(), revision->name()) == live.end())
      old.push_back(revision);
  }
  const auto limit =
      static_cast<std::size_t>(std::max<std::int64_t>(0, int_at(spec_of(owner), "revisionHistoryLimit", 10)));
  for (std::size_t i = 0; i + limit < old.size(); ++i) steps.writes.push_back(remove(*old[i]));
}

}  // namespace minik::controllers
