// Request and Response: HTTP as the API sees it, without a library in sight; and what a URL means.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/schema.h"
#include "base/result.h"

namespace minik::apiserver {

// Who asks, after authentication.
struct User {
  std::string name;
  std::vector<std::string> groups = {};
  std::string uid = {};
  std::map<std::string, std::vector<std::string>> extra = {};
  bool in_group(std::string_view group) const;
};

// The headers by which a request says who sends it, beside its certificate.
struct Credentials {
  std::string authorization;
  std::multimap<std::string, std::string> impersonate;  // Lower-case names, "impersonate-" taken off.
  // Takes the header if it is one of them.
  void take(const std::string& name, const std::string& value);
};

struct Request {
  std::string method;  // GET, POST, ...
  std::string path;    // Without the query, percent-decoded per segment by parse_route.
  std::multimap<std::string, std::string> query;  // Decoded.
  std::string body;
  std::string content_type, accept, host, user_agent;
  std::optional<User> user;  // From the certificate; what the handler goes on with is who it really is.
  Credentials credentials;
  std::multimap<std::string, std::string> headers;  // Lower-case names.

  std::string param(const std::string& name, const std::string& fallback = "") const;
  bool flag(const std::string& name) const;  // true or 1.
};

// What makes a request's head ambiguous or too big (RFC 9112 section 6): lengths that differ or are no
// numbers, a length beside chunks, a body over the limit.  Ok for every other head, whatever else is wrong
// with it.
Result<> check_framing(std::string_view head, std::size_t body_max);

// Writes pieces of a streamed body; false when the client is gone.
using Sink = std::function<bool(std::string_view piece)>;

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::string> warnings;  // Texts of Warning headers.
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<void(const Sink&)> stream;  // Set: the body is what it writes, chunked.
};

// A URL below /api or /apis, taken apart.
struct Route {
  api::SchemaPtr schema;  // Keeps the kind.
  const api::Kind* kind = nullptr;
  std::string ns, name, subresource, rest;  // `rest`: the path behind a proxy subresource.
  bool collection() const { return name.empty(); }
};

// Errors: kNotFound "the server could not find the requested resource".
Result<Route> parse_route(const api::SchemaPtr& schema, std::string_view path);
// Of built-in kinds.
Result<Route> parse_route(std::string_view path);

}  // namespace minik::apiserver
