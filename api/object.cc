#include "api/object.h"

namespace minik::api {
namespace {

Labels labels_of(const Json& map) {
  Labels labels;
  if (!map.is_object()) return labels;
  for (const auto& [key, value] : map.items()) {
    if (value.is_string()) labels.emplace(key, value.get_ref<const std::string&>());
  }
  return labels;
}

}  // namespace

std::string Key::text() const { return resource + " " + (ns.empty() ? name : ns + "/" + name); }

Meta Meta::parse(const Json& body) {
  const Json& m = object_at(body, "metadata");
  Meta meta;
  meta.name = string_at(m, "name");
  meta.ns = string_at(m, "namespace");
  meta.uid = string_at(m, "uid");
  meta.generation = int_at(m, "generation");
  meta.created = parse_rfc3339(string_at(m, "creationTimestamp")).value_or(WallTime{});
  if (const Json* at = find(m, "deletionTimestamp"); at != nullptr && at->is_string()) {
    meta.deletion = parse_rfc3339(at->get_ref<const std::string&>());
    meta.deletion_grace_seconds = int_at(m, "deletionGracePeriodSeconds");
  }
  meta.labels = labels_of(object_at(m, "labels"));
  meta.annotations = labels_of(object_at(m, "annotations"));
  for (const Json& owner : array_at(m, "ownerReferences")) {
    meta.owners.push_back({string_at(owner, "apiVersion"), string_at(owner, "kind"), string_at(owner, "name"),
                           string_at(owner, "uid"), bool_at(owner, "controller")});
  }
  for (const Json& finalizer : array_at(m, "finalizers")) {
    if (finalizer.is_string()) meta.finalizers.push_back(finalizer.get_ref<const std::string&>());
  }
  return meta;
}

Object::Object(std::string resource, std::uint64_t revision, Json body)
    : resource_(std::move(resource)),
      revision_(revision),
      body_(std::move(body)),
      bytes_(to_text(body_)),
      meta_(Meta::parse(body_)) {
  bytes_.shrink_to_fit();
}

Object::Object(std::string resource, std::uint64_t revision, Json body, std::string bytes)
    : resource_(std::move(resource)),
      revision_(revision),
      body_(std::move(body)),
      bytes_(std::move(bytes)),
      meta_(Meta::parse(body_)) {}

}  // namespace minik::api
