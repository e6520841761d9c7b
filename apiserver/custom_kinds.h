// The schema with the kinds that CustomResourceDefinitions made.  It is computed when somebody asks: a kind
// is served as soon as its definition is stored, and again after a restart.
//
// Threads: any.  Ownership: keeps a reference to the store; what it answers lives as long as somebody holds
// it. Cost: a call compares two pointers, unless a definition changed; then the changed ones are read again.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/schema.h"
#include "apiserver/store.h"

namespace minik::apiserver {

class CustomKinds {
 public:
  explicit CustomKinds(const Store& store) : store_(store) {}

  // Of the newest committed revision.
  api::SchemaPtr schema() const;

 private:
  struct Read {
    std::uint64_t revision = 0;
    std::vector<api::Kind> kinds;
  };
  const Store& store_;
  mutable std::mutex mutex_;
  mutable api::SnapshotPtr seen_;
  mutable std::map<std::string, Read> definitions_;
  mutable api::SchemaPtr schema_;
};

}  // namespace minik::apiserver
