// What the cells of several kinds are made of.
//
// Pure.
#pragma once

#include <string>

#include "api/object.h"

namespace minik::apiserver {

std::string age_of(const api::Object& object, WallTime now);
std::string ago(const std::string& time, WallTime now);  // Since an RFC 3339 time.
std::string or_none(const std::string& text);            // "" as <none>.
std::string names_of(const Json& containers, const char* member);
std::string labels_text(const Json& map);
std::string selector_text(const Json& selector);  // Of a metav1.LabelSelector.

// table_workload.cc: the cells of a kind that a controller runs pods for, and of their like; null for any
// other kind.
Json workload_cells(const api::Object& object, WallTime now);

}  // namespace minik::apiserver
