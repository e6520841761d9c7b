// Manifests: the objects that -f names: files, folders, standard input; YAML or JSON, several documents,
// Lists.
//
// Errors: finished texts (failure.h): a path that does not exist, malformed YAML with line and column,
// documents without kind or name, kinds that nobody knows.
#pragma once

#include <string>
#include <vector>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

struct Manifest {
  std::string source;  // As kubectl names it in messages: the path, or STDIN.
  const api::Kind* kind = nullptr;
  Json object;  // With metadata.namespace set when the kind has one.
};

// `recursive`: folders below folders too.
Result<std::vector<Manifest>> load_manifests(Session& session, const std::vector<std::string>& files,
                                             bool recursive);

// Pure: the objects of one text, in order.
Result<std::vector<Manifest>> parse_manifests(const std::string& text, const std::string& source,
                                              const std::string& ns, bool ns_given);

}  // namespace minik::kubectl
