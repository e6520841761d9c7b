#include "apiserver/handler.h"

#include <fmt/format.h>

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

Response failed(const Error& error, const About& what) {
  Response response;
  response.status = http_status(error);
  response.body = to_text(status_json(error, what));
  return response;
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

bool is_open(const std::string& path) {
  return path == "/livez" || path == "/readyz" || path == "/healthz" || path == "/version";
}

Error forbidden(const Request& request, const Route& route) {
  static const std::map<std::string, std::string> kVerbs = {
      {"GET", "get"}, {"POST", "create"}, {"PUT", "update"}, {"PATCH", "patch"}, {"DELETE", "delete"}};
  const auto verb = kVerbs.find(request.method);
  const std::string where =
      route.ns.empty() ? "at the cluster scope" : fmt::format("in the namespace \"{}\"", route.ns);
  return Error(Code::kForbidden,
               fmt::format("{} {}is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {}",
                           route.kind->group_resource(), route.name.empty() ? "" : "\"" + route.name + "\" ",
                           request.user->name, verb == kVerbs.end() ? "use" : verb->second,
                           route.kind->resource, route.kind->group, where));
}

bool is_admin(const User& user) {
  return std::find(user.groups.begin(), user.groups.end(), "system:masters") != user.groups.end();
}

}  // namespace

Response Handler::handle(const Request& request) {
  if (!request.user && !is_open(request.path)) return failed(Error(Code::kUnauthorized, "Unauthorized"), {});
  if (request.path.starts_with("/minik/")) {
    if (!is_admin(*request.user))
      return failed(Error(Code::kForbidden, "only cluster administrators may use this"), {});
    return parts_.minik_routes(request);
  }
  const bool below_group = request.path.starts_with("/api/") || request.path.starts_with("/apis/");
  if (!below_group || split(std::string(trim(request.path)), '/').size() <= 4) {
    Response fixed = fixed_path(request);
    if (fixed.status != 404) return fixed;
  }
  auto route = parse_route(request.path);
  if (!route.ok()) return failed(route.error(), {});
  if (auto allowed = may(request, *route); !allowed.ok())
    return failed(allowed.error(), about(*route, request));
  return resource(request, *route);
}

Result<> Handler::may(const Request& request, const Route& route) {
  return is_admin(*request.user) ? Result<>() : forbidden(request, route);
}

Response Handler::fixed_path(const Request& request) {
  const api::Schema& schema = api::Schema::builtin();
  std::string path = request.path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == "/livez" || path == "/healthz") return text("ok");
  if (path == "/readyz") {
    const std::string why = parts_.unready();
    return why.empty() ? text("ok") : text("not ready: " + why + "\n", 503);
  }
  if (path == "/version") return json_text(to_text(version_json(parts_.version)));
  if (path == "/api" || path == "/apis") {
    Document document = discovery_root(schema, path == "/api", request.accept, request.host);
    Response response;
    response.content_type = document.content_type;
    response.body = std::move(document.body);
    return response;
  }
  if (path == "/openapi/v2") {  // An empty protobuf message: kubectl then relies on v3.
    Response response;
    response.content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    return response;
  }
  if (path.starts_with("/openapi/v3")) {
    static const OpenApi kOpenApi(schema);
    constexpr std::string_view kPrefix = "/openapi/v3/";
    if (path == "/openapi/v3") return json_text(kOpenApi.root());
    if (const auto* document =
            path.starts_with(kPrefix) ? kOpenApi.find(path.substr(kPrefix.size())) : nullptr) {
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

Response Handler::resource(const Request& request, const Route& route) {
  Result<Response> result = Error(Code::kInternal, "");
  const std::string& method = request.method;
  if (route.subresource == "log" && method == "GET")
    result = log(request, route);
  else if (is_stream(route.subresource) && (method == "GET" || method == "POST"))
    result = Error(Code::kInvalid, "Upgrade request required");
  else if (method == "GET" && request.flag("watch"))
    result = watch(request, route);
  else if (method == "GET")
    result = route.collection() ? list(request, route) : get(request, route);
  else if (method == "POST")
    result = post(request, route);
  else if (method == "PUT" && !route.collection())
    result = put(request, route);
  else if (method == "PATCH" && !route.collection())
    result = patch(request, route);
  else if (method == "DELETE")
    result = route.collection() ? remove_collection(request, route) : remove(request, route);
  else {
    Response refused =
        failed(Error(Code::kInvalid, "the server does not allow this method on the requested resource"),
               about(route, request));
    Json status = Json::parse(refused.body);
    status["code"] = refused.status = 405;
    status["reason"] = "MethodNotAllowed";
    refused.body = to_text(status);
    return refused;
  }
  if (!result.ok()) {
    if (http_status(result.error()) == 500)
      log_error("apiserver", "{} {}: {}", method, request.path, result.error().message());
    return failed(result.error(), about(route, request));
  }
  return *std::move(result);
}

bool is_stream(const std::string& subresource) {
  return subresource == "exec" || subresource == "attach" || subresource == "portforward";
}

bool wants_table(const Request& request) { return request.accept.find("as=Table") != std::string::npos; }
bool wants_partial(const Request& request) {
  return request.accept.find("as=PartialObjectMetadata") != std::string::npos;
}

IncludeObject include_of(const Request& request) {
  const std::string word = request.param("includeObject");
  if (word == "Object") return IncludeObject::kObject;
  return word == "None" ? IncludeObject::kNone : IncludeObject::kMetadata;
}

Response object_response(const Request& request, const Route& route, const api::ObjectPtr& object,
                         WallTime now, int status) {
  Response response;
  response.status = status;
  if (route.subresource == "scale") {
    response.body = to_text(Registry::scale_of(*object));
  } else if (wants_table(request)) {
    const Json meta = {{"resourceVersion", std::to_string(object->revision())}};
    response.body = table_text(*route.kind, std::span(&object, 1), meta, {include_of(request), true, now});
  } else if (wants_partial(request)) {
    response.body = to_text({{"kind", "PartialObjectMetadata"},
                             {"apiVersion", "meta.k8s.io/v1"},
                             {"metadata", object_at(object->body(), "metadata")}});
  } else {
    response.body = object->bytes();
  }
  return response;
}

}  // namespace minik::apiserver
