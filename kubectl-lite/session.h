// Session: what every command works with: a server, a namespace, three streams and a clock.
//
// Threads: one.  Ownership: references outlive the command.  Errors: finished texts (failure.h).
#pragma once

#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "api/schema.h"
#include "base/clock.h"
#include "kubectl-lite/client.h"

namespace minik::kubectl {

struct Session {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  Api& api;
  const Clock& clock;
  std::string ns = "default";
  bool ns_given = false;              // By -n: manifests must agree with it.
  std::set<std::string> warned = {};  // Warnings already shown.

  // Sends and shows the warnings that came back.
  Result<Reply> send(const Call& call);
  // The JSON of a 2xx answer.  `doing` and `source`: see server_error.
  Result<Json> fetch(const Call& call, std::string_view doing = "", std::string_view source = "");
};

// Where objects of a kind live: /apis/apps/v1/namespaces/default/deployments/web/scale.  An empty `ns` of a
// namespaced kind means all namespaces.
std::string path_of(const api::Kind& kind, const std::string& ns, const std::string& name = "",
                    const std::string& subresource = "");

// A GET of a kind's objects or of one.
Call get_call(const api::Kind& kind, const std::string& ns, const std::string& name = "", Query query = {});

// "pod", "deployment.apps": what stands before the slash in messages.
std::string kind_word(const api::Kind& kind);
// name and namespace of an object's metadata.
std::string name_of(const Json& object);
std::string namespace_of(const Json& object);
// Members that lists leave out of their items.
void set_type(Json& object, const api::Kind& kind);

}  // namespace minik::kubectl
