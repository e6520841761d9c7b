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

// Whether its names were accepted once: its kinds are served.
bool is_established(const Json& definition);

// Whether the objects stored under the definition's name are its own: it is established, and no built-in kind
// has that name.
bool owns_objects(const Json& definition);

// What the definition holds and minik does not do.
std::vector<std::string> definition_warnings(const Json& definition);

}  // namespace minik::api
