#include "apiserver/handler.h"

#include <fmt/format.h>

#include <set>

#include "api/conversion.h"
#include "api/custom_kind.h"
#include "apiserver/discovery.h"
#include "apiserver/status.h"
#include "base/log.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

// A POST names its object in the body.
About about(const Route& route, const Request& request) {
  if (route.kind == nullptr) return {};
  About what{route.name, route.kind->group, route.kind->kind, route.kind->resource, ""};
  if (what.name.empty() && request.method == "POST") {
    if (const auto body = decode_value(request); body.ok())
      what.name = string_at(object_at(*body, "metadata"), "name");
  }
  return what;
}

Response text(std::string body, int status = 200) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

Response json_text(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

// A Status for which there is no Code.
Response refused(int code, const char* reason, const std::string& message, const About& what) {
  Response response = failed(Error(Code::kInvalid, message), what);
  Json status = Json::parse(response.body);
  status["code"] = response.status = code;
  status["reason"] = reason;
  response.body = to_text(status);
  return response;
}

// /api/v1/watch/… and /apis/GROUP/VERSION/watch/…, the oldest way to ask for a watch, without that word.
std::optional<std::string> legacy_watch(const std::string& path) {
  const auto parts = split(path, '/');
  const std::size_t at = parts.size() > 1 && parts[1] == "api" ? 3 : 4;
  if (parts.size() < at + 2 || (parts[1] != "api" && parts[1] != "apis") || parts[at] != "watch") return {};
  std::string plain;
  for (std::size_t i = 1; i < parts.size(); ++i) plain += i == at ? "" : "/" + parts[i];
  return plain;
}

std::string verb_of(const Request& request) {
  static const std::set<std::string> kVerbs = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  return kVerbs.contains(request.method) ? request.method : "other";
}

Metrics::Labels labels_of(const Request& request, const Route& route) {
  std::string verb = verb_of(request);
  if (request.method == "GET")
    verb = !route.collection() ? "GET" : query_bool(request, "watch") ? "WATCH" : "LIST";
  if (request.method == "DELETE" && route.collection()) verb = "DELETECOLLECTION";
  const char* scope = !route.collection() ? "resource" : route.ns.empty() ? "cluster" : "namespace";
  return {verb, route.kind->group, route.kind->version, route.kind->resource, route.subresource, scope};
}

// Of a request that is about no resource, or was refused before that was asked.
Metrics::Labels labels_of(const Request& request) {
  if (const auto route = parse_route(request.path); route.ok()) return labels_of(request, *route);
  static const std::set<std::string> kPaths = {"/api",     "/apis",    "/healthz", "/livez",
                                               "/metrics", "/openapi", "/readyz",  "/version"};
  const std::string path = request.path.substr(0, request.path.find('/', 1));
  return {verb_of(request), "", "", "", kPaths.contains(path) ? path : "", ""};
}

// /livez, /readyz and /healthz, with ?verbose and a check's own path, as upstream prints them.
std::optional<Response> health(const Request& request, const std::string& path,
                               const std::function<std::string()>& unready) {
  const auto parts = split(path, '/');
  if (parts.size() < 2 || parts.size() > 3) return {};
  const std::string& what = parts[1];
  if (what != "livez" && what != "readyz" && what != "healthz") return {};
  const std::string why = what == "readyz" ? unready() : "";
  if (parts.size() == 3) {
    if (parts[2] != "ping" && (parts[2] != "cluster" || what != "readyz")) return {};
    return parts[2] == "ping" || why.empty() ? text("ok") : text("internal server error: " + why + "\n", 500);
  }
  std::string lines = "[+]ping ok\n";
  if (what == "readyz") lines += why.empty() ? "[+]cluster ok\n" : "[-]cluster failed: " + why + "\n";
  if (!why.empty()) return text(lines + what + " check failed\n", 500);
  return request.query.contains("verbose") ? text(lines + what + " check passed\n") : text("ok");
}

bool streams(const Route& route) {
  static const std::set<std::string> kStreams = {"log", "exec", "attach", "portforward", "proxy"};
  return kStreams.contains(route.subresource);
}

}  // namespace

Response failed(const Error& error, const About& what) {
  Response response;
  response.status = http_status(error);
  response.body = to_text(status_json(error, what));
  return response;
}

Response Handler::handle(Request request) {
  Response response = answer(request);
  dress(request, response);
  return response;
}

Response Handler::answer(Request& request) {
  const auto counted = [this, &request, start = std::chrono::steady_clock::now()](Response response) {
    count(labels_of(request), response.status, start);
    return response;
  };
  if (auto admitted = admit(request); !admitted.ok()) {
    const Attributes what = attributes_of(request);
    return counted(failed(admitted.error(), admitted.error().code() == Code::kForbidden
                                                ? About{what.name, what.group, "", what.resource, ""}
                                                : About{}));
  }
  if (request.path.starts_with("/minik/")) return parts_.minik_routes(request);
  const bool below_group = request.path.starts_with("/api/") || request.path.starts_with("/apis/");
  if (!below_group || split(std::string(trim(request.path)), '/').size() <= 4) {
    Response fixed = fixed_path(request);
    if (fixed.status != 404) return counted(std::move(fixed));
  }
  const auto watched = legacy_watch(request.path);
  auto route = parse_route(parts_.registry.schema(), watched.value_or(request.path));
  if (!route.ok()) return counted(failed(route.error(), {}));
  if (!watched) return measured(request, *route);
  Request plain = request;
  plain.query.erase("watch");
  plain.query.emplace("watch", "true");
  if (!route->name.empty() && !plain.query.contains("fieldSelector"))
    plain.query.emplace("fieldSelector", "metadata.name=" + route->name);
  route->name.clear();
  return measured(plain, *route);
}

void Handler::count(const Metrics::Labels& labels, int code, std::chrono::steady_clock::time_point start) {
  metrics_.finished(labels, code,
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

Response Handler::measured(const Request& request, const Route& route) {
  const auto start = std::chrono::steady_clock::now();
  const Metrics::Labels labels = labels_of(request, route);
  Response response;
  {
    const Metrics::Running running(request.method == "GET" ? metrics_.read_only() : metrics_.mutating());
    response = resource(request, route);
  }
  const auto finished = [this, start, labels, code = response.status] { count(labels, code, start); };
  if (!response.stream) {
    finished();
    return response;
  }
  response.stream = [this, finished, stream = std::move(response.stream)](const Sink& sink) {
    const Metrics::Running running(metrics_.long_running());
    stream(sink);
    finished();
  };
  return response;
}

Response Handler::fixed_path(const Request& request) {
  const api::SchemaPtr kinds = parts_.registry.schema();
  const api::Schema& schema = *kinds;
  std::string path = request.path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (auto answer = health(request, path, parts_.unready)) return *std::move(answer);
  if (path == "/metrics") {
    Response response = text(metrics_.text(parts_.store));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  if (path == "/version") return json_text(to_text(version_json(parts_.version)));
  if (path == "/api" || path == "/apis") {
    Document document = discovery_root(schema, path == "/api", request.accept, request.host);
    Response response;
    response.content_type = document.content_type;
    response.body = std::move(document.body);
    return response;
  }
  if (path == "/.well-known/openid-configuration")
    return json_text(to_text(parts_.tokens->configuration(request.host)));
  if (path == "/openid/v1/jwks") {
    Response response = json_text(to_text(parts_.tokens->key_set()));
    response.content_type = "application/jwk-set+json";
    return response;
  }
  if (path == "/openapi/v2") {  // An empty protobuf message: kubectl then relies on v3.
    Response response;
    response.content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    return response;
  }
  if (path.starts_with("/openapi/v3")) {
    const auto open_api = open_api_of(kinds);
    constexpr std::string_view kPrefix = "/openapi/v3/";
    if (path == "/openapi/v3") return json_text(open_api->root());
    if (const auto* document =
            path.starts_with(kPrefix) ? open_api->find(path.substr(kPrefix.size())) : nullptr) {
      return json_text(*document);
    }
  }
  const auto parts = split(path, '/');  // "", "apis", "apps", "v1"
  std::string body;
  if (parts.size() == 3 && parts[1] == "api")
    body = discovery_resources(schema, "", parts[2]);
  else if (parts.size() == 3 && parts[1] == "apis")
    body = discovery_group(schema, parts[2]);
  else if (parts.size() == 4 && parts[1] == "apis")
    body = discovery_resources(schema, parts[2], parts[3]);
  if (!body.empty()) return json_text(std::move(body));
  return failed(Error(Code::kNotFound, "the server could not find the requested resource"), {});
}

std::shared_ptr<const OpenApi> Handler::open_api_of(const api::SchemaPtr& schema) {
  const std::lock_guard lock(open_api_mutex_);
  if (open_api_schema_ != schema) {
    open_api_ = std::make_shared<const OpenApi>(*schema);
    open_api_schema_ = schema;
  }
  return open_api_;
}

Response Handler::resource(const Request& request, const Route& route) {
  Result<Response> result = Error(Code::kInternal, "");
  const std::string& method = request.method;
  const bool is_question = !route.kind->can("get") || route.subresource == "token";
  if (is_question && method != "POST")
    return refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource",
                   about(route, request));
  if (method == "POST" && route.kind->custom != nullptr && route.kind->custom->terminating)
    return refused(405, "MethodNotAllowed",
                   "create not allowed while custom resource definition is terminating",
                   about(route, request));
  if (!streams(route) && !negotiate(request.accept))
    return refused(406, "NotAcceptable",
                   "only the following media types are accepted: application/json, application/yaml", {});
  if (is_question)
    result = review(request, route);
  else if (route.subresource == "log" && method == "GET")
    result = log(request, route);
  else if (is_stream(route.subresource) && (method == "GET" || method == "POST"))
    result = Error(Code::kInvalid, "Upgrade request required");
  else if (method == "GET" && !route.collection())
    result = get(request, route);
  else if (method == "GET")
    result = query_bool(request, "watch") ? watch(request, route) : list(request, route);
  else if (method == "POST")
    result = post(request, route);
  else if (method == "PUT" && !route.collection())
    result = put(request, route);
  else if (method == "PATCH" && !route.collection())
    result = patch(request, route);
  else if (method == "DELETE")
    result = route.collection() ? remove_collection(request, route) : remove(request, route);
  else
    return refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource",
                   about(route, request));
  if (!result.ok()) {
    if (http_status(result.error()) == 500)
      log_error("apiserver", "{} {}: {}", method, request.path, result.error().message());
    return failed(result.error(), about(route, request));
  }
  if (route.kind->custom != nullptr && !route.kind->custom->deprecation.empty())
    result->warnings.push_back(route.kind->custom->deprecation);
  return *std::move(result);
}

bool is_stream(const std::string& subresource) {
  return subresource == "exec" || subresource == "attach" || subresource == "portforward";
}

Accepted accepted_of(const Request& request) { return negotiate(request.accept).value_or(Accepted{}); }

TableOptions table_options(const Request& request, const Accepted& accepted, WallTime now) {
  const std::string word = request.param("includeObject");
  const auto include = word == "Object" ? IncludeObject::kObject
                       : word == "None" ? IncludeObject::kNone
                                        : IncludeObject::kMetadata;
  return {include, true, now, accepted.meta_version};
}

std::string bytes_of(const api::Kind& kind, const api::Object& object) {
  const bool as_stored =
      kind.stored == nullptr &&
      (kind.custom == nullptr || string_at(object.body(), "apiVersion") == kind.api_version());
  return as_stored ? object.bytes() : to_text(api::from_stored(kind, object.body()));
}

Response object_response(const Request& request, const Route& route, const api::ObjectPtr& object,
                         WallTime now, int status) {
  Response response;
  response.status = status;
  const Accepted accepted = accepted_of(request);
  if (route.subresource == "scale") {
    response.body = to_text(Registry::scale_of(*route.kind, *object));
  } else if (accepted.as == Accepted::As::kTable) {
    const Json meta = {{"resourceVersion", std::to_string(object->revision())}};
    response.body =
        table_text(*route.kind, std::span(&object, 1), meta, table_options(request, accepted, now));
  } else if (accepted.as == Accepted::As::kPartial) {
    response.body = partial_text(*object, accepted.meta_version);
  } else {
    response.body = bytes_of(*route.kind, *object);
  }
  return response;
}

}  // namespace minik::apiserver
