// CustomResourceDefinition: its rules, and the status that follows from it and from the other definitions.
//
// Pure.  Message texts of Kubernetes.
#pragma once

#include <string>
#include <vector>

#include "api/rules.h"
#include "api/snapshot.h"

namespace minik::api {

inline constexpr const char* kDefinitions = "customresourcedefinitions.apiextensions.k8s.io";
inline constexpr const char* kCleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

// acceptedNames, conditions NamesAccepted and Established, storedVersions.  The first definition that asks
// for a name has it.
void set_definition_status(const Snapshot& objects, Json& definition, WallTime now);

// What the definition holds and minik does not do.
std::vector<std::string> definition_warnings(const Json& definition);

}  // namespace minik::api
