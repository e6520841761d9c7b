// Handler: answers API requests.  One call, one answer; streams are functions that write later.
//
// Threads: any number at once.  Ownership: outlives every request; keeps references to what it is made of.
// Errors: every failure is a Status in the answer.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/selector.h"
#include "apiserver/pod_backend.h"
#include "apiserver/registry.h"
#include "apiserver/request.h"
#include "apiserver/store.h"
#include "apiserver/table.h"

namespace minik::apiserver {

struct HandlerParts {
  Store& store;
  Registry& registry;
  const Clock& clock;
  PodBackend& pods;
  std::string version;                                   // Of minik.
  std::function<std::string()> unready;                  // "" when all is well, else why not: /readyz.
  std::function<Response(const Request&)> minik_routes;  // Everything below /minik/.
  // Waits a moment until the network knows this revision: a Service resolves at the first query after its
  // 201.
  std::function<void(std::uint64_t revision)> settle;
};

class Handler {
 public:
  explicit Handler(HandlerParts parts) : parts_(std::move(parts)) {}

  Response handle(const Request& request);

  // A request for a stream (exec, attach, portforward, proxy), checked: who may do it, and to what.
  struct Streaming {
    Route route;
    api::ObjectPtr object;  // The Pod or Service.
    ExecQuery query;        // Of exec and attach.
  };
  Result<Streaming> streaming_of(const Request& request);
  api::SnapshotPtr objects() const { return parts_.store.snapshot(); }
  PodBackend& pods() { return parts_.pods; }

 private:
  // Whether this user may do that.  Errors: kForbidden.
  static Result<> may(const Request& request, const Route& route);
  Response fixed_path(const Request& request);
  Response resource(const Request& request, const Route& route);
  // handler_read.cc
  Result<Response> get(const Request& request, const Route& route);
  Result<Response> list(const Request& request, const Route& route);
  Result<Response> log(const Request& request, const Route& route);
  Result<api::SnapshotPtr> page_snapshot(const Request& request, std::string& after_ns,
                                         std::string& after_name);
  // handler_watch.cc
  Result<Response> watch(const Request& request, const Route& route);
  // handler_write.cc
  Result<Response> post(const Request& request, const Route& route);
  Result<Response> put(const Request& request, const Route& route);
  Result<Response> patch(const Request& request, const Route& route);
  Result<Response> remove(const Request& request, const Route& route);
  Result<Response> remove_collection(const Request& request, const Route& route);

  HandlerParts parts_;
  // Snapshots that continue tokens refer to, newest last.
  std::mutex pages_mutex_;
  std::map<std::uint64_t, api::SnapshotPtr> pages_;
};

// Shared by the handler files.
Response object_response(const Request& request, const Route& route, const api::ObjectPtr& object,
                         WallTime now, int status = 200);
// exec, attach, portforward: only an upgrade leads into these.
bool is_stream(const std::string& subresource);
bool wants_table(const Request& request);
bool wants_partial(const Request& request);
IncludeObject include_of(const Request& request);

// Selects by labels and fields.  Errors: kInvalid.
class Filter {
 public:
  static Result<Filter> of(const Request& request, const api::Kind& kind);
  bool matches(const api::Object& object) const;
  // The name that metadata.name demands, if it does.
  const std::string* name() const { return name_.empty() ? nullptr : &name_; }

 private:
  api::LabelSelector labels_;
  std::vector<api::FieldTerm> fields_;
  std::string name_;
};

// decode.cc: request bodies.
struct Decoded {
  Json body;
  std::vector<std::string> warnings;
};
// JSON or YAML text → value.  Errors: kInvalid, kUnsupported.
Result<Json> decode_value(const Request& request);
// An object for `kind`: checked types, unknown and duplicate fields treated as fieldValidation says.
Result<Decoded> decode_object(const Request& request, const api::Kind& kind);

}  // namespace minik::apiserver
