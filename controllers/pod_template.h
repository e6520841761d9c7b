// Pods from templates: what every controller of pods shares.
//
// Pure but for the random end of a name.
#pragma once

#include <string>

#include "api/object.h"
#include "api/selector.h"
#include "base/json.h"

namespace minik::controllers {

// A pod of the owner's template, its own as controller.  `name` empty: owner's name and five random
// characters.
Json pod_from_template(const api::Object& owner, const Json& pod_template, const std::string& name = "");
// Ten characters of the name-safe alphabet that change with the value.  `collisions` makes another.
std::string short_hash(const Json& value, std::int64_t collisions);
// spec.selector; selects everything when it is none.
api::LabelSelector selector_of(const api::Object& owner);

}  // namespace minik::controllers
