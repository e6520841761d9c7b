#include <fmt/format.h>

#include "api/protobuf.h"
#include "apiserver/handler.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

constexpr const char* kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr const char* kUnknownBody =
    "the body of the request was in an unknown format - accepted media types include: application/json, "
    "application/yaml, application/vnd.kubernetes.protobuf";

std::string media_type(const std::string& header) {
  return lower(trim(std::string_view(header).substr(0, header.find(';'))));
}

bool is_yaml(const std::string& type) {
  return type == "application/yaml" || type == "text/yaml" || type == "application/x-yaml" ||
         type == "application/apply-patch+yaml";
}

Error cannot_handle(const api::Kind& kind, std::string_view why) {
  return Error(Code::kInvalid, fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", kind.kind,
                                           kind.version, kind.kind, why));
}

Result<> check_kind(const Json& body, const api::Kind& kind) {
  const std::string api_version = string_at(body, "apiVersion"), name = string_at(body, "kind");
  if (!api_version.empty() && api_version != kind.api_version()) {
    return Error(Code::kInvalid,
                 fmt::format("the API version in the data ({}) does not match the expected API version ({})",
                             api_version, kind.api_version()));
  }
  if (!name.empty() && name != kind.kind) {
    return Error(
        Code::kInvalid,
        fmt::format("the kind in the data ({}) does not match the expected kind ({})", name, kind.kind));
  }
  return {};
}

}  // namespace

Result<Json> decode_value(const Request& request) {
  if (request.body.size() > kRequestBodyMax) {
    return Error(Code::kTooLarge, fmt::format("Request entity too large: limit is {}", kRequestBodyMax));
  }
  const std::string type = media_type(request.content_type);
  if (type == kProtobuf) return api::decode_protobuf(request.body);
  if (is_yaml(type)) {
    auto documents = TRY(parse_yaml(request.body));
    if (documents.size() != 1) return Error(Code::kInvalid, "the body must hold one YAML document");
    return std::move(documents[0]);
  }
  if (!type.empty() && !type.ends_with("json") && type != "text/plain" &&
      type != "application/x-www-form-urlencoded") {
    return Error(Code::kUnsupported, kUnknownBody);
  }
  return parse_json(request.body);
}

Result<Decoded> decode_object(const Request& request, const api::Kind& kind) {
  auto value = decode_value(request);
  if (!value.ok()) {
    if (value.error().code() != Code::kInvalid) return std::move(value).error();
    return cannot_handle(kind, value.error().message());
  }
  Decoded decoded{*std::move(value), {}};
  if (!decoded.body.is_object()) return cannot_handle(kind, "the body is no object");
  TRY(check_kind(decoded.body, kind));
  const std::string mode = request.param("fieldValidation", "Warn");
  if (mode != "Strict" && mode != "Warn" && mode != "Ignore") {
    return Error(
        Code::kInvalid,
        fmt::format(
            "fieldValidation: Unsupported value: \"{}\": supported values: \"Ignore\", \"Strict\", \"Warn\"",
            mode));
  }
  if (auto types = api::check_types(kind, decoded.body); !types.ok())
    return cannot_handle(kind, types.error().message());
  std::vector<std::string> found = api::take_unknown_fields(*kind.type, decoded.body);
  const std::string type = media_type(request.content_type);
  // A client that knows more fields than we do made no mistake: only text can be misspelt.
  if (type == kProtobuf) return decoded;
  if (mode != "Ignore" && !is_yaml(type)) {
    for (const auto& path : duplicate_members(request.body))
      found.push_back(fmt::format("duplicate field \"{}\"", path));
  }
  if (mode == "Strict" && !found.empty())
    return cannot_handle(kind, "strict decoding error: " + join(found, ", "));
  if (mode == "Warn") decoded.warnings = std::move(found);
  return decoded;
}

}  // namespace minik::apiserver
