// The pods and claims of a StatefulSet: names, labels and volumes that stay the same for an ordinal.
//
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controllers/controller.h"

namespace minik::controllers {

std::string stateful_pod_name(const api::Object& set, std::int64_t ordinal);
// The ordinal of a pod of the set's; nothing if its name has none.
std::optional<std::int64_t> ordinal_of(const api::Object& set, const api::Object& pod);
// The pod of an ordinal, of the template that a revision kept.
Json stateful_pod(const api::Object& set, const api::Object& revision, std::int64_t ordinal);
// Makes the claims of the ordinal that are missing, if this cluster knows claims at all.
void make_claims(const World& world, const api::ObjectPtr& set, std::int64_t ordinal, Steps& steps);
// With whenScaled: Delete, deletes the claims of ordinals that are not wanted and have no pod.
void drop_claims(const World& world, const api::Object& set, std::int64_t first, std::int64_t end,
                 Steps& steps);

}  // namespace minik::controllers
