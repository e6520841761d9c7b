// What admission does to new objects that name no class: they get the one that is marked as the default.
//
// Pure.
#pragma once

#include "api/schema.h"
#include "api/snapshot.h"
#include "base/json.h"

namespace minik::apiserver {

// Ingress: spec.ingressClassName, unless the annotation kubernetes.io/ingress.class names one.
// PersistentVolumeClaim: spec.storageClassName; an empty one is a wish for none.
// Of several defaults the newest counts.
void admit_default_class(const api::Snapshot& objects, const api::Kind& kind, Json& body);

}  // namespace minik::apiserver
