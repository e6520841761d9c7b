#include "api/generation.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace minik::api {
namespace {

bool counts(const Kind& kind) {
  static constexpr std::array<std::string_view, 22> kWithout = {
      "pods",
      "services",
      "endpoints",
      "namespaces",
      "nodes",
      "configmaps",
      "secrets",
      "serviceaccounts",
      "events",
      "persistentvolumes",
      "persistentvolumeclaims",
      "resourcequotas",
      "limitranges",
      "controllerrevisions.apps",
      "horizontalpodautoscalers.autoscaling",
      "leases.coordination.k8s.io",
      "runtimeclasses.node.k8s.io",
      "storageclasses.storage.k8s.io",
      "roles.rbac.authorization.k8s.io",
      "clusterroles.rbac.authorization.k8s.io",
      "rolebindings.rbac.authorization.k8s.io",
      "clusterrolebindings.rbac.authorization.k8s.io"};
  return std::find(kWithout.begin(), kWithout.end(), kind.group_resource()) == kWithout.end();
}

// The status of a custom kind is a wish unless it is a subresource.
bool is_wish(const Kind& kind, const std::string& member) {
  if (member == "status") return kind.custom != nullptr && !kind.has_subresource("status");
  return member != "metadata" && member != "kind" && member != "apiVersion";
}

// Whether `a` wants something that `b` does not, or not so.
bool wants_more(const Kind& kind, const Json& a, const Json& b) {
  for (const auto& [name, value] : a.items()) {
    if (!is_wish(kind, name)) continue;
    const Json* other = find(b, name);
    if (other == nullptr || *other != value) return true;
  }
  return false;
}

}  // namespace

void set_generation(const Kind& kind, Json& object, const Json* old) {
  if (!counts(kind)) {
    if (object.contains("metadata")) object["metadata"].erase("generation");
    return;
  }
  if (old == nullptr) {
    object["metadata"]["generation"] = 1;
    return;
  }
  const auto before = int_at(object_at(*old, "metadata"), "generation");
  const bool changed = wants_more(kind, object, *old) || wants_more(kind, *old, object);
  object["metadata"]["generation"] = before + (changed ? 1 : 0);
}

}  // namespace minik::api
