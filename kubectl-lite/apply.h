// apply and create -f: manifests become objects.
//
// apply keeps kubectl's annotation of what was applied last, so that minik and kubectl can take turns on one
// object, and replaces the object under its resource version with what the three-way merge yields (again
// after a conflict).
#pragma once

#include <string>
#include <vector>

#include "api/schema.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct WriteOptions {
  std::vector<std::string> files;
  std::string output;               // -o: "", name, yaml, json.
  std::string validate = "strict";  // strict, warn, ignore; true and false as kubectl takes them.
  std::string dry_run = "none";     // none, client, server.
  bool recursive = false;
};

Result<int> apply(Session& session, const WriteOptions& options);
Result<int> create_from_files(Session& session, const WriteOptions& options);

// Creates one object that the command line described, and says so.
Result<int> create_object(Session& session, const api::Kind& kind, Json object, const WriteOptions& options,
                          const std::string& manager);

// What apply has to do for one object.  Pure.
struct ApplyPlan {
  enum class Action : unsigned char { kNothing, kReplace } action = Action::kNothing;
  Json object;                 // kReplace: the new object.
  bool had_annotation = true;  // The live object carried kubectl's annotation.
};
ApplyPlan plan_apply(const api::Kind& kind, const Json& manifest, const Json& live);

// The manifest with kubectl's annotation of itself.  Pure.
Json with_last_applied(Json manifest);

}  // namespace minik::kubectl
