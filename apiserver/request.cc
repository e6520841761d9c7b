#include "apiserver/request.h"

#include <algorithm>

#include "base/text.h"

namespace minik::apiserver {

bool User::in_group(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

void Credentials::take(const std::string& name, const std::string& value) {
  constexpr std::string_view kImpersonate = "impersonate-";
  const std::string word = lower(name);
  if (word == "authorization" && authorization.empty()) authorization = value;
  if (word.starts_with(kImpersonate)) impersonate.emplace(word.substr(kImpersonate.size()), value);
}

std::string Request::param(const std::string& name, const std::string& fallback) const {
  const auto it = query.find(name);
  return it == query.end() ? fallback : it->second;
}

bool Request::flag(const std::string& name) const {
  const std::string value = param(name);
  return value == "true" || value == "1";
}

Result<> check_framing(std::string_view head, std::size_t body_max) {
  std::string length;
  bool chunked = false;
  for (const auto& line : split(head.substr(0, head.find("\r\n\r\n")), '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = lower(trim(std::string_view(line).substr(0, colon)));
    const std::string value(trim(std::string_view(line).substr(colon + 1)));
    if (name == "transfer-encoding") chunked = true;
    if (name != "content-length") continue;
    const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || (!length.empty() && length != value))
      return Error(Code::kInvalid, "the Content-Length is not one number");
    length = value;
  }
  if (chunked && !length.empty())
    return Error(Code::kInvalid, "a request has a Content-Length or chunks, not both");
  const auto bytes = parse_int(length.empty() ? "0" : length);
  if (!bytes || *bytes > static_cast<std::int64_t>(body_max)) {
    return Error(Code::kTooLarge, "Request entity too large: limit is " + std::to_string(body_max));
  }
  return {};
}

Result<Route> parse_route(const api::SchemaPtr& schema, std::string_view path) {
  const Error unknown(Code::kNotFound, "the server could not find the requested resource");
  std::vector<std::string> parts;
  for (const auto& part : split(path, '/')) {
    if (!part.empty()) parts.push_back(percent_decode(part, false));
  }
  std::size_t at = 0;
  const auto next = [&]() -> std::string { return at < parts.size() ? parts[at++] : std::string(); };
  const std::string root = next();
  if (root != "api" && root != "apis") return unknown;
  const std::string group = root == "apis" ? next() : std::string();
  const std::string version = next();
  Route route;
  route.schema = schema;
  std::string word = next();
  if (word == "namespaces" && at + 1 < parts.size()) {
    const api::Kind* inner = schema->by_resource(group, version, parts[at + 1]);
    if (inner != nullptr && inner->namespaced) {
      route.ns = next();
      word = next();
    }
  }
  route.kind = schema->by_resource(group, version, word);
  if (route.kind == nullptr) return unknown;
  route.name = next();
  route.subresource = next();
  while (at < parts.size()) route.rest += "/" + next();
  if (!route.subresource.empty() && !route.kind->has_subresource(route.subresource)) return unknown;
  if (!route.rest.empty() && route.subresource != "proxy") return unknown;
  if (!route.name.empty() && route.kind->namespaced && route.ns.empty()) return unknown;
  return route;
}

Result<Route> parse_route(std::string_view path) {
  static const api::SchemaPtr kBuiltin = api::Schema::with_custom({});
  return parse_route(kBuiltin, path);
}

}  // namespace minik::apiserver
