#include "apiserver/handler.h"

#include <fmt/format.h>

#include "api/conversion.h"
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

Response not_allowed(const Request& request, const Route& route) {
  Response refused =
      failed(Error(Code::kInvalid, "the server does not allow this method on the requested resource"),
             about(route, request));
  Json status = Json::parse(refused.body);
  status["code"] = refused.status = 405;
  status["reason"] = "MethodNotAllowed";
  refused.body = to_text(status);
  return refused;
}

}  // namespace

Response Handler::handle(Request request) {
  if (auto admitted = admit(request); !admitted.ok()) {
    const Attributes what = attributes_of(request);
    return failed(admitted.error(), admitted.error().code() == Code::kForbidden
                                        ? About{what.name, what.group, "", what.resource, ""}
                                        : About{});
  }
  if (request.path.starts_with("/minik/")) return parts_.minik_routes(request);
  const bool below_group = request.path.starts_with("/api/") || request.path.starts_with("/apis/");
  if (!below_group || split(std::string(trim(request.path)), '/').size() <= 4) {
    Response fixed = fixed_path(request);
    if (fixed.status != 404) return fixed;
  }
  auto route = parse_route(request.path);
  if (!route.ok()) return failed(route.error(), {});
  return resource(request, *route);
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
  const bool is_question = !route.kind->can("get") || route.subresource == "token";
  if (is_question && method != "POST") return not_allowed(request, route);
  if (is_question)
    result = review(request, route);
  else if (route.subresource == "log" && method == "GET")
    result = log(request, route);
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
  else
    return not_allowed(request, route);
  if (!result.ok()) {
    if (http_status(result.error()) == 500)
      log_error("apiserver", "{} {}: {}", method, request.path, result.error().message());
    return failed(result.error(), about(route, request));
  }
  return *std::move(result);
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

std::string bytes_of(const api::Kind& kind, const api::Object& object) {
  return kind.stored == nullptr ? object.bytes() : to_text(api::from_stored(kind, object.body()));
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
    response.body = bytes_of(*route.kind, *object);
  }
  return response;
}

}  // namespace minik::apiserver
