// Discovery: what the server can do, in the three shapes that clients ask for, and OpenAPI.
//
// Pure: everything follows from the schema.  wire-compat.md sections 1 and 2.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/schema.h"
#include "base/json.h"

namespace minik::apiserver {

struct Document {
  std::string content_type;
  std::string body;
};

// /api (core) or /apis (all groups); the shape follows the Accept header.
Document discovery_root(const api::Schema& schema, bool core, std::string_view accept,
                        const std::string& address);
// /apis/G; empty body when there is no such group.
std::string discovery_group(const api::Schema& schema, std::string_view group);
// /api/v1, /apis/G/V; empty body when there is none.
std::string discovery_resources(const api::Schema& schema, std::string_view group, std::string_view version);

// OpenAPI v3 with full schemas.  Made once per schema: every kubectl write asks for the root, whose hashes
// need all documents.  Those of the built-in kinds are made once for all.
class OpenApi {
 public:
  explicit OpenApi(const api::Schema& schema);
  const std::string& root() const { return root_; }
  // `path`: api/v1, apis/apps/v1.  Null when there is none.
  const std::string* find(const std::string& path) const;

 private:
  explicit OpenApi(const api::Schema& schema, const OpenApi* builtin);
  static const OpenApi& builtin();
  void add(const api::Schema& schema, const std::string& path, const api::Kind& kind);

  std::map<std::string, std::string> documents_;
  Json paths_ = Json::object();
  std::string root_;
};

Json version_json(std::string_view minik_version);

}  // namespace minik::apiserver
