// POST, PUT, PATCH and DELETE.
#include <fmt/format.h>

#include "api/conversion.h"
#include "api/definition.h"
#include "api/managed_fields.h"
#include "api/patch.h"
#include "apiserver/handler.h"
#include "apiserver/status.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

Target target_of(const Route& route) {
  return {&route.kind->stored_kind(), route.ns, route.name, route.subresource,
          route.kind->stored == nullptr ? nullptr : route.kind};
}

// The fieldManager parameter, or the program's name from the User-Agent.
std::string manager_of(const Request& request) {
  const std::string named = request.param("fieldManager");
  if (!named.empty()) return named;
  std::string program = request.user_agent.substr(0, request.user_agent.find('/'));
  if (program.empty() || !api::field_manager_error(program).empty()) program = "unknown";
  return program;
}

Error bad_option(std::string_view options, std::string field, std::string message) {
  return api::invalid(std::string(options) + ".meta.k8s.io", "",
                      {{"FieldValueInvalid", std::move(field), std::move(message)}});
}

// `kind`: CreateOptions, UpdateOptions, PatchOptions.
Result<WriteOptions> write_options(const Request& request, std::string_view kind) {
  for (auto [it, end] = request.query.equal_range("dryRun"); it != end; ++it) {
    if (it->second != "All")
      return bad_option(kind, "dryRun",
                        fmt::format("Unsupported value: \"{}\": supported values: \"All\"", it->second));
  }
  if (const std::string error = api::field_manager_error(request.param("fieldManager")); !error.empty())
    return bad_option(kind, "fieldManager", error);
  WriteOptions options;
  options.dry_run = request.query.contains("dryRun");
  options.manager = manager_of(request);
  options.force = request.flag("force");
  return options;
}

Result<> check_namespace_of(const Json& body, const Route& route) {
  const std::string ns = string_at(object_at(body, "metadata"), "namespace");
  if (!ns.empty() && ns != route.ns) {
    return Error(Code::kInvalid, fmt::format("the namespace of the provided object does not match the "
                                             "namespace sent on the request ({} is not {})",
                                             ns, route.ns));
  }
  return {};
}

const api::Kind& shape_of(const Route& route) {
  static const api::Kind kScale = [] {
    api::Kind kind;
    kind.group = "autoscaling";
    kind.version = "v1";
    kind.kind = "Scale";
    kind.type = api::Schema::builtin().type("Scale");
    return kind;
  }();
  return route.subresource == "scale" ? kScale : *route.kind;
}

Result<DeleteOptions> delete_options(const Request& request) {
  Json body = Json::object();
  if (!trim(request.body).empty()) body = TRY(decode_value(request));
  return delete_options_of(request, body);
}

// Names and rules follow these at once.
bool is_seen_by_network(const api::Kind& kind) {
  const std::string resource = kind.group_resource();
  return resource == "services" || resource == "endpointslices.discovery.k8s.io";
}

void add_warnings(const Route& route, const api::Object& object, Response& response) {
  if (route.kind->group_resource() != api::kDefinitions) return;
  for (auto& warning : api::definition_warnings(object.body()))
    response.warnings.push_back(std::move(warning));
}

}  // namespace

Result<DeleteOptions> delete_options_of(const Request& request, const Json& body) {
  DeleteOptions options;
  if (const Json* grace = find(body, "gracePeriodSeconds"); grace != nullptr && grace->is_number())
    options.grace_seconds = grace->get<std::int64_t>();
  else if (const auto query = parse_int(request.param("gracePeriodSeconds")))
    options.grace_seconds = *query;
  if (options.grace_seconds && *options.grace_seconds < 0)
    return Error(Code::kInvalid, "gracePeriodSeconds: must be greater than or equal to 0");
  options.propagation = string_at(body, "propagationPolicy", request.param("propagationPolicy"));
  if (bool_at(body, "orphanDependents")) options.propagation = "Orphan";
  const auto& word = options.propagation;
  if (!word.empty() && word != "Background" && word != "Foreground" && word != "Orphan") {
    return Error(Code::kInvalid, fmt::format("propagationPolicy: Unsupported value: \"{}\": supported "
                                             "values: \"Foreground\", \"Background\", \"Orphan\"",
                                             word));
  }
  options.uid = string_at(object_at(body, "preconditions"), "uid");
  options.resource_version = string_at(object_at(body, "preconditions"), "resourceVersion");
  options.dry_run = !array_at(body, "dryRun").empty() || !request.param("dryRun").empty();
  return options;
}

Result<Response> Handler::post(const Request& request, const Route& route) {
  if (route.subresource == "eviction") return evict(request, route);
  if (route.subresource == "binding" || route.kind->group_resource() == "bindings")
    return bind(request, route);
  if (!route.collection()) return Error(Code::kNotFound, "the server could not find the requested resource");
  if (route.kind->namespaced && route.ns.empty()) {
    return Error(Code::kInvalid, "an empty namespace may not be set during creation");
  }
  const WriteOptions options = guarded(TRY(write_options(request, "CreateOptions")), request);
  Decoded decoded = TRY(decode_object(request, *route.kind));
  TRY(check_namespace_of(decoded.body, route));
  api::to_stored(*route.kind, decoded.body);
  const auto object = TRY(parts_.registry.create(target_of(route), std::move(decoded.body), options));
  if (is_seen_by_network(*route.kind) && !options.dry_run) parts_.settle(object->revision());
  Response response = object_response(request, route, object, parts_.clock.now(), 201);
  response.warnings = std::move(decoded.warnings);
  add_warnings(route, *object, response);
  return response;
}

Result<Response> Handler::put(const Request& request, const Route& route) {
  const WriteOptions options = guarded(TRY(write_options(request, "UpdateOptions")), request);
  Decoded decoded = TRY(decode_object(request, shape_of(route)));
  TRY(check_namespace_of(decoded.body, route));
  api::to_stored(*route.kind, decoded.body);
  const std::string name = string_at(object_at(decoded.body, "metadata"), "name");
  if (name != route.name) {
    return Error(
        Code::kInvalid,
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, route.name));
  }
  const auto object = TRY(parts_.registry.replace(target_of(route), decoded.body, options));
  if (is_seen_by_network(*route.kind) && !options.dry_run) parts_.settle(object->revision());
  Response response = object_response(request, route, object, parts_.clock.now());
  response.warnings = std::move(decoded.warnings);
  add_warnings(route, *object, response);
  return response;
}

Result<Response> Handler::patch(const Request& request, const Route& route) {
  const WriteOptions options = guarded(TRY(write_options(request, "PatchOptions")), request);
  const std::string type =
      lower(trim(std::string_view(request.content_type).substr(0, request.content_type.find(';'))));
  if (type == "application/strategic-merge-patch+json" && route.kind->custom != nullptr &&
      route.subresource != "scale") {
    return Error(Code::kUnsupported,
                 "the body of the request was in an unknown format - accepted media types include: "
                 "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
  }
  if (type == "application/apply-patch+yaml") return apply(request, route, options);
  if (request.query.contains("force"))
    return bad_option("PatchOptions", "force", "Forbidden: may not be specified for non-apply patch");
  PatchType how = PatchType::kMerge;
  if (type == "application/strategic-merge-patch+json")
    how = PatchType::kStrategic;
  else if (type == "application/json-patch+json")
    how = PatchType::kJson;
  else if (type != "application/merge-patch+json") {
    return Error(Code::kUnsupported,
                 "the body of the request was in an unknown format - accepted media types include: "
                 "application/json-patch+json, "
                 "application/merge-patch+json, application/strategic-merge-patch+json, "
                 "application/apply-patch+yaml");
  }
  Json patch = TRY(decode_value(request));
  std::vector<std::string> warnings;
  if (how != PatchType::kJson && request.param("fieldValidation") == "Strict") {
    // Directives like $patch are no fields: look for unknown ones in a copy without them.
    Json plain = api::merge_patch(Json::object(), patch);
    std::vector<std::string> unknown;
    for (const auto& found : api::take_unknown_fields(*shape_of(route).type, plain)) {
      if (found.find('$') == std::string::npos) unknown.push_back(found);
    }
    if (!unknown.empty()) {
      return Error(Code::kInvalid,
                   fmt::format("{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
                               route.kind->kind, route.kind->version, route.kind->kind, join(unknown, ", ")));
    }
  }
  const auto object = TRY(parts_.registry.patch(target_of(route), how, patch, options));
  if (is_seen_by_network(*route.kind) && !options.dry_run) parts_.settle(object->revision());
  Response response = object_response(request, route, object, parts_.clock.now());
  add_warnings(route, *object, response);
  return response;
}

Result<Response> Handler::apply(const Request& request, const Route& route, const WriteOptions& options) {
  if (request.param("fieldManager").empty()) {
    return api::invalid(
        "PatchOptions.meta.k8s.io", "",
        {{"FieldValueRequired", "fieldManager", "Required value: is required for apply patch"}});
  }
  Decoded decoded = TRY(decode_object(request, shape_of(route)));
  TRY(check_namespace_of(decoded.body, route));
  if (route.subresource == "scale") {  // One field: a merge says the same.
    const auto scaled =
        TRY(parts_.registry.patch(target_of(route), PatchType::kMerge, decoded.body, options));
    return object_response(request, route, scaled, parts_.clock.now());
  }
  const Json& meta = object_at(decoded.body, "metadata");
  if (const Json* fields = find(meta, "managedFields"); fields != nullptr && !fields->empty())
    return Error(Code::kInvalid, "metadata.managedFields must be nil");
  for (const char* member : {"kind", "apiVersion"}) {
    if (string_at(decoded.body, member).empty())
      return Error(Code::kInvalid, fmt::format("the {} of the configuration must be set", member));
  }
  if (const std::string name = string_at(meta, "name"); !name.empty() && name != route.name)
    return Error(
        Code::kInvalid,
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, route.name));
  api::drop_nulls(decoded.body);
  decoded.body["metadata"]["name"] = route.name;
  if (!route.ns.empty()) decoded.body["metadata"]["namespace"] = route.ns;
  api::to_stored(*route.kind, decoded.body);
  const auto applied = TRY(parts_.registry.apply_config(target_of(route), decoded.body, options));
  if (is_seen_by_network(*route.kind) && !options.dry_run) parts_.settle(applied.object->revision());
  Response response =
      object_response(request, route, applied.object, parts_.clock.now(), applied.created ? 201 : 200);
  response.warnings = std::move(decoded.warnings);
  add_warnings(route, *applied.object, response);
  return response;
}

Result<Response> Handler::remove(const Request& request, const Route& route) {
  if (!route.subresource.empty())
    return Error(Code::kNotFound, "the server could not find the requested resource");
  const DeleteOptions options = TRY(delete_options(request));
  const Deleted deleted = TRY(parts_.registry.remove(target_of(route), options));
  Response response;
  if (deleted.gone) {
    response.body = to_text(
        success_json({route.name, route.kind->group, "", route.kind->resource, deleted.object->uid()}));
  } else {
    response.body = bytes_of(*route.kind, *deleted.object);
  }
  return response;
}

Result<Response> Handler::remove_collection(const Request& request, const Route& route) {
  const DeleteOptions options = TRY(delete_options(request));
  const Filter filter = TRY(Filter::of(request, *route.kind));
  std::vector<api::Key> keys;
  parts_.store.snapshot()->for_each(route.kind->group_resource(), route.ns,
                                    [&](const api::ObjectPtr& object) {
                                      if (filter.matches(*object)) keys.push_back(object->key());
                                    });
  TRY(parts_.registry.remove_all(target_of(route), keys, options));
  Response response;
  response.body = to_text(success_json({"", route.kind->group, "", route.kind->resource, ""}));
  return response;
}

}  // namespace minik::apiserver
