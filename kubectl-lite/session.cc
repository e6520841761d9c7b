#include "kubectl-lite/session.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "kubectl-lite/failure.h"

namespace minik::kubectl {

Result<Reply> Session::send(const Call& call) {
  Reply reply = TRY(api.send(call));
  for (const std::string& warning : reply.warnings) {
    if (warned.insert(warning).second) err << "Warning: " << warning << '\n';
  }
  return reply;
}

Result<Json> Session::fetch(const Call& call, std::string_view doing, std::string_view source) {
  const Reply reply = TRY(send(call));
  if (!reply.ok()) return server_error(reply.status, reply.body, doing, source);
  auto json = parse_json(reply.body);
  if (!json.ok()) return failed(fmt::format("the server's answer is no JSON: {}", json.error().message()));
  return json;
}

std::string path_of(const api::Kind& kind, const std::string& ns, const std::string& name,
                    const std::string& subresource) {
  std::string path = kind.group.empty() ? "/api/" + kind.version : "/apis/" + kind.group + "/" + kind.version;
  if (kind.namespaced && !ns.empty()) path += "/namespaces/" + percent_encode(ns);
  path += "/" + kind.resource;
  if (!name.empty()) path += "/" + percent_encode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

Call get_call(const api::Kind& kind, const std::string& ns, const std::string& name, Query query) {
  Call call;
  call.path = path_of(kind, ns, name);
  call.query = std::move(query);
  return call;
}

std::string kind_word(const api::Kind& kind) {
  return kind.group.empty() ? lower(kind.kind) : lower(kind.kind) + "." + kind.group;
}

std::string name_of(const Json& object) { return string_at(object_at(object, "metadata"), "name"); }
std::string namespace_of(const Json& object) { return string_at(object_at(object, "metadata"), "namespace"); }

void set_type(Json& object, const api::Kind& kind) {
  if (!object.is_object()) return;
  if (!object.contains("kind")) object["kind"] = kind.kind;
  if (!object.contains("apiVersion")) object["apiVersion"] = kind.api_version();
}

}  // namespace minik::kubectl
