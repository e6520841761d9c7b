// Rules that all kinds with a pod template share.
//
// Pure: functions on JSON values, as rules.h.
#pragma once

#include <initializer_list>
#include <string>

#include "api/object.h"
#include "api/rules.h"

namespace minik::api {

// Computed defaults of the pod in `spec`.template.
void default_template(Json& spec);
// The metadata and the pod of the template at `path`.
void validate_template(Causes& causes, const Json& pod_template, const std::string& path);
// "`selector` does not match template `labels`"; `empty_text` is what an empty selector gets.
void validate_selector(Causes& causes, const Json& spec, std::string_view empty_text);
// Pods of the template must have restartPolicy Always and no deadline.
void validate_endless(Causes& causes, const Json& spec, std::string_view kind);
// "must be greater than or equal to 0" for each member that is negative.
void check_not_negative(Causes& causes, const Json& object, const std::string& path,
                        std::initializer_list<const char*> members);
// Numbers of at least 0, percentages of at most 100.
void check_share(Causes& causes, const Json& object, const char* member, const std::string& path);
// Whether the share means none.
bool is_zero_share(const Json* share);
Labels labels_of(const Json& object_with_metadata);

}  // namespace minik::api
