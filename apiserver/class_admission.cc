#include "apiserver/class_admission.h"

#include <string>

namespace minik::apiserver {
namespace {

struct Rule {
  const char* classes;  // Resource of the classes.
  const char* mark;     // Annotation of the default one.
  const char* member;   // Of spec.
  const char* note;     // Annotation that names a class, too.
};

constexpr Rule kIngress = {"ingressclasses.networking.k8s.io", "ingressclass.kubernetes.io/is-default-class",
                           "ingressClassName", "kubernetes.io/ingress.class"};
constexpr Rule kClaim = {"storageclasses.storage.k8s.io", "storageclass.kubernetes.io/is-default-class",
                         "storageClassName", "volume.beta.kubernetes.io/storage-class"};

std::string default_of(const api::Snapshot& objects, const Rule& rule) {
  api::ObjectPtr best;
  objects.for_each(rule.classes, "", [&](const api::ObjectPtr& object) {
    const auto& notes = object->meta().annotations;
    const auto it = notes.find(rule.mark);
    if (it == notes.end() || it->second != "true") return;
    if (best == nullptr || object->meta().created > best->meta().created) best = object;
  });
  return best == nullptr ? "" : best->name();
}

}  // namespace

void admit_default_class(const api::Snapshot& objects, const api::Kind& kind, Json& body) {
  const bool ingress = kind.group_resource() == "ingresses.networking.k8s.io";
  if (!ingress && kind.group_resource() != "persistentvolumeclaims") return;
  const Rule& rule = ingress ? kIngress : kClaim;
  if (object_at(body, "spec").contains(rule.member)) return;
  if (object_at(object_at(body, "metadata"), "annotations").contains(rule.note)) return;
  const std::string name = default_of(objects, rule);
  if (!name.empty()) body["spec"][rule.member] = name;
}

}  // namespace minik::apiserver
