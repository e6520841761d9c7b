// Cells of the tables, by kind, and the texts that they share.
//
// Pure.  A cells function answers the columns of its kind's schema, in their order.
#pragma once

#include <map>
#include <string>

#include "api/object.h"
#include "base/clock.h"

namespace minik::apiserver {

using CellsOf = Json (*)(const api::Object& object, WallTime now);

// By group resource.
std::map<std::string, CellsOf> workload_cells();  // table_workloads.cc
std::map<std::string, CellsOf> network_cells();   // table_network.cc
std::map<std::string, CellsOf> core_cells();      // table_core.cc
std::map<std::string, CellsOf> cluster_cells();   // table_cluster.cc

const Json& spec_of(const api::Object& object);
const Json& status_of(const api::Object& object);
std::string age_of(const api::Object& object, WallTime now);
std::string ago(const std::string& time, WallTime now);  // Of an RFC 3339 time: 3m20s.
std::string or_none(const std::string& text);
std::string names_of(const Json& containers, const char* member);  // Joined with commas.
std::string labels_text(const Json& map);                          // a=b,c=d
std::string selector_text(const Json& selector);

}  // namespace minik::apiserver
