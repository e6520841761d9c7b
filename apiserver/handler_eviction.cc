// Subresources of pods that are neither reads nor writes of the pod itself: eviction and binding.
#include <fmt/format.h>

#include "apiserver/handler.h"
#include "apiserver/status.h"

namespace minik::apiserver {
namespace {

api::Kind shape(const char* group, const char* name) {
  api::Kind kind;
  kind.group = group;
  kind.version = "v1";
  kind.kind = name;
  kind.type = api::Schema::builtin().type(name);
  return kind;
}

Response success() {
  Json status = success_json({});
  status.erase("details");
  status["code"] = 201;
  Response response;
  response.status = 201;
  response.body = to_text(status);
  return response;
}

Response blocked(const Registry::Eviction& eviction) {
  Response response;
  response.status = 429;
  const Json causes = Json::array({{{"reason", "DisruptionBudget"}, {"message", eviction.cause}}});
  response.body = to_text({{"kind", "Status"},
                           {"apiVersion", "v1"},
                           {"metadata", Json::object()},
                           {"status", "Failure"},
                           {"message", eviction.message},
                           {"reason", "TooManyRequests"},
                           {"details", {{"causes", causes}}},
                           {"code", response.status}});
  return response;
}

bool wants_dry_run(const Request& request) { return request.param("dryRun") == "All"; }

Result<> check_dry_run(const Request& request) {
  const std::string word = request.param("dryRun");
  if (word.empty() || word == "All") return {};
  return Error(Code::kInvalid,
               fmt::format("dryRun: Unsupported value: \"{}\": supported values: \"All\"", word));
}

}  // namespace

Result<Response> Handler::evict(const Request& request, const Route& route) {
  static const api::Kind kEviction = shape("policy", "Eviction");
  TRY(check_dry_run(request));
  const Decoded decoded = TRY(decode_object(request, kEviction));
  const Json& meta = object_at(decoded.body, "metadata");
  if (string_at(meta, "name", route.name) != route.name)
    return Error(Code::kInvalid, "name in URL does not match name in Eviction object");
  if (string_at(meta, "namespace", route.ns) != route.ns) {
    return Error(Code::kInvalid, fmt::format("the namespace of the provided object does not match the "
                                             "namespace sent on the request ({} is not {})",
                                             string_at(meta, "namespace"), route.ns));
  }
  const DeleteOptions options = TRY(delete_options_of(request, object_at(decoded.body, "deleteOptions")));
  const auto eviction = TRY(parts_.registry.evict({route.kind, route.ns, route.name, ""}, options));
  Response response = eviction.done ? success() : blocked(eviction);
  response.warnings = decoded.warnings;
  return response;
}

Result<Response> Handler::bind(const Request& request, const Route& route) {
  static const api::Kind kBinding = shape("", "Binding");
  TRY(check_dry_run(request));
  const Decoded decoded = TRY(decode_object(request, kBinding));
  const Json& meta = object_at(decoded.body, "metadata");
  const std::string name = route.subresource.empty() ? string_at(meta, "name") : route.name;
  if (string_at(meta, "name", name) != name)
    return Error(Code::kInvalid, "name in URL does not match name in Binding object");
  if (string_at(meta, "namespace", route.ns) != route.ns)
    return Error(Code::kInvalid, "namespace in URL does not match namespace in Binding object");
  const api::Kind* pods = api::Schema::builtin().by_key("pods");
  TRY(parts_.registry.bind({pods, route.ns, name, ""}, decoded.body, {wants_dry_run(request)}));
  Response response = success();
  response.warnings = decoded.warnings;
  return response;
}

}  // namespace minik::apiserver
