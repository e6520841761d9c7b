// Where a proxy subresource leads: "[http:|https:]NAME[:PORT]" of a Pod or Service to an address, and what of
// the request's URL and of the answer's Location changes on the way.
//
// Pure.  Errors: in Kubernetes' words; kUnavailable for a Service without endpoints.
#pragma once

#include <string>
#include <string_view>

#include "api/snapshot.h"
#include "apiserver/request.h"
#include "base/ip.h"

namespace minik::apiserver {

struct ProxyTarget {
  bool https = false;
  Ip address = *Ip::parse("0.0.0.0");
  int port = 80;
};
Result<ProxyTarget> proxy_target(const api::Snapshot& objects, const Route& route);

struct SchemeNamePort {
  std::string scheme, name, port;
};
std::optional<SchemeNamePort> split_scheme_name_port(std::string_view id);

// The undecoded path in two: up to and with "proxy", and what is behind it ("" or "/…").
std::pair<std::string, std::string> split_proxy_path(std::string_view path);

// A Location that stays on the same host leads through the proxy again; others are left alone.
std::string rewrite_location(const std::string& location, const std::string& host, const std::string& prefix);

}  // namespace minik::apiserver
