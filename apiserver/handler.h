// Handler: answers API requests.  One call, one answer; streams are functions that write later.
//
// Threads: any number at once.  Ownership: outlives every request; keeps references to what it is made of.
// Errors: every failure is a Status in the answer.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/selector.h"
#include "apiserver/authenticator.h"
#include "apiserver/discovery.h"
#include "apiserver/event_lines.h"
#include "apiserver/list_options.h"
#include "apiserver/metrics.h"
#include "apiserver/negotiation.h"
#include "apiserver/pod_backend.h"
#include "apiserver/registry.h"
#include "apiserver/request.h"
#include "apiserver/reviews.h"
#include "apiserver/status.h"
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
  // Whose tokens are good; null: those of a key that nobody else knows.
  std::shared_ptr<const TokenIssuer> tokens = nullptr;
};

class Handler {
 public:
  explicit Handler(HandlerParts parts);

  Response handle(Request request);

  // Finds out who asks, puts that into the request, and refuses those who may not.  `handle` does this
  // itself; upgraded connections need it before they are served.
  Result<> admit(Request& request) const;

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
  Response answer(Request& request);
  // The same, counted; streams are counted until they end.
  Response measured(const Request& request, const Route& route);
  void count(const Metrics::Labels& labels, int code, std::chrono::steady_clock::time_point start);
  Response fixed_path(const Request& request);
  Response resource(const Request& request, const Route& route);
  // handler_read.cc
  Result<Response> get(const Request& request, const Route& route);
  Result<Response> list(const Request& request, const Route& route);
  Result<Response> log(const Request& request, const Route& route);
  // The snapshot that a list reads.  kGone: a token or an exact revision that we hold no more.
  Result<api::SnapshotPtr> list_snapshot(const ListOptions& options, const ContinueToken& token);
  void keep_page(const api::SnapshotPtr& snapshot);
  // handler_watch.cc
  Result<Response> watch(const Request& request, const Route& route);
  // handler_write.cc
  Result<Response> post(const Request& request, const Route& route);
  Result<Response> put(const Request& request, const Route& route);
  Result<Response> patch(const Request& request, const Route& route);
  Result<Response> apply(const Request& request, const Route& route, const WriteOptions& options);
  Result<Response> remove(const Request& request, const Route& route);
  Result<Response> remove_collection(const Request& request, const Route& route);
  // handler_auth.cc
  Result<Response> review(const Request& request, const Route& route);
  WriteOptions guarded(WriteOptions options, const Request& request) const;

  // handler_pod.cc
  Result<Response> evict(const Request& request, const Route& route);
  Result<Response> bind(const Request& request, const Route& route);

  HandlerParts parts_;
  Authorizer authorizer_;
  Authenticator authenticator_;
  Reviews reviews_;
  Metrics metrics_;
  EventLines lines_;
  // Snapshots that continue tokens refer to, newest last, each until its time is over.
  struct Page {
    api::SnapshotPtr snapshot;
    std::chrono::steady_clock::time_point until;
  };
  // OpenAPI of the newest schema that somebody asked for.
  std::shared_ptr<const OpenApi> open_api_of(const api::SchemaPtr& schema);
  std::mutex open_api_mutex_;
  api::SchemaPtr open_api_schema_;
  std::shared_ptr<const OpenApi> open_api_;
  std::mutex pages_mutex_;
  std::map<std::uint64_t, Page> pages_;
};

// Shared by the handler files.
Response object_response(const Request& request, const Route& route, const api::ObjectPtr& object,
                         WallTime now, int status = 200);
Response failed(const Error& error, const About& what);
// What the Accept header asks for; JSON when nothing in it fits.
Accepted accepted_of(const Request& request);
TableOptions table_options(const Request& request, const Accepted& accepted, WallTime now);
// The object as clients of `kind` know it: the stored bytes, unless the version is a converted one.
std::string bytes_of(const api::Kind& kind, const api::Object& object);

// From a metav1.DeleteOptions, and from the query where the body is silent.
Result<DeleteOptions> delete_options_of(const Request& request, const Json& body);
// exec, attach, portforward: only an upgrade leads into these.
bool is_stream(const std::string& subresource);

// Selects by labels and fields.  Errors: kInvalid.
class Filter {
 public:
  static Result<Filter> of(const Request& request, const api::Kind& kind);
  bool matches(const api::Object& object) const;
  bool empty() const { return labels_.empty() && fields_.empty(); }
  // The name that metadata.name demands, if it does.
  const std::string* name() const { return name_.empty() ? nullptr : &name_; }

 private:
  api::LabelSelector labels_;
  std::vector<api::FieldTerm> fields_;  // By paths of the stored kind.
  std::vector<std::string> absent_;     // What each counts as where it is absent.
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
