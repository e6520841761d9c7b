#include "apiserver/upgrade.h"

#include <fmt/format.h>

#include <limits>

#include "apiserver/exec_session.h"
#include "apiserver/http_head.h"
#include "apiserver/port_forward.h"
#include "apiserver/proxy.h"
#include "apiserver/status.h"
#include "apiserver/websocket.h"
#include "base/limits.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr std::size_t kForwardPortsMax = 127;  // Two channels each, in one byte.

const char* const kTunnelProtocol = "SPDY/3.1+portforward.k8s.io";

// Offers of a header in the client's order, over its lines and commas.
std::vector<std::string> offers(const std::multimap<std::string, std::string>& headers, const char* name) {
  std::vector<std::string> all;
  const auto [first, last] = headers.equal_range(name);
  for (auto it = first; it != last; ++it) {
    for (const auto& offer : split(it->second, ',')) all.emplace_back(trim(offer));
  }
  return all;
}

// v5.channel.k8s.io → 5; 0 for what we do not speak.
int version_of(std::string_view protocol) {
  if (protocol == "channel.k8s.io") return 1;
  if (protocol.size() == 17 && protocol[0] == 'v' && protocol.substr(2) == ".channel.k8s.io" &&
      protocol[1] >= '2' && protocol[1] <= '5') {
    return protocol[1] - '0';
  }
  return 0;
}

std::string value_of(const std::multimap<std::string, std::string>& headers, const char* name) {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

Result<Agreement> agree_spdy(bool forward, const std::vector<std::string>& offered) {
  using How = Agreement::How;
  if (offered.empty()) return Agreement{How::kSpdy, "", 1};
  for (const auto& offer : offered) {
    if (forward && offer == "portforward.k8s.io") return Agreement{How::kSpdy, offer, 1};
    if (!forward && version_of(offer) > 0) return Agreement{How::kSpdy, offer, version_of(offer)};
  }
  const char* const ours = forward
                               ? "[portforward.k8s.io]"
                               : "[v5.channel.k8s.io v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io "
                                 "channel.k8s.io]";
  return Error(Code::kForbidden,
               fmt::format("unable to upgrade: unable to negotiate protocol: client supports "
                           "[{}], server accepts {}",
                           join(offered, " "), ours));
}

Result<Agreement> agree_websocket(bool forward, const std::vector<std::string>& offered) {
  using How = Agreement::How;
  for (const auto& offer : offered) {
    if (forward && offer == kTunnelProtocol) return Agreement{How::kTunnel, offer, 1};
    const int version = version_of(offer);
    if (forward ? version == 4 || version == 5 : version == 1 || version == 4 || version == 5)
      return Agreement{How::kChannels, offer, version};
  }
  return Error(Code::kInvalid,
               fmt::format("unable to upgrade: no sub-protocol of [{}] is spoken here", join(offered, " ")));
}

Request request_of(const HttpHead& head, const std::optional<User>& user) {
  Request request;
  request.method = head.word(0);
  const std::string target = head.word(1);
  const auto at = target.find('?');
  request.path = target.substr(0, at);
  if (at != std::string::npos) request.query = parse_query(std::string_view(target).substr(at + 1));
  for (const auto& [name, value] : head.headers) request.headers.emplace(lower(name), value);
  request.content_type = head.header("content-type");
  request.accept = head.header("accept");
  request.host = head.header("host");
  request.user = user;
  return request;
}

std::string welcome(const Agreement& agreement, const Request& request) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";
  if (agreement.how == Agreement::How::kSpdy) {
    text += "Upgrade: SPDY/3.1\r\n";
    if (!agreement.protocol.empty()) text += "X-Stream-Protocol-Version: " + agreement.protocol + "\r\n";
  } else {
    text += fmt::format("Upgrade: websocket\r\nSec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {}\r\n",
                        websocket_accept(value_of(request.headers, "sec-websocket-key")), agreement.protocol);
  }
  return text + "\r\n";
}

std::unique_ptr<Wire> wire_of(const Agreement& agreement) {
  switch (agreement.how) {
    case Agreement::How::kSpdy:
      return make_spdy_wire();
    case Agreement::How::kTunnel:
      return make_tunnel_wire();
    default:
      return make_channel_wire();
  }
}

Result<std::vector<int>> channel_ports(const Request& request) {
  std::vector<int> ports;
  const auto [first, last] = request.query.equal_range("ports");
  for (auto it = first; it != last; ++it) {
    for (const auto& text : split(it->second, ',')) {
      const auto port = parse_int(text);
      if (!port || *port < 1 || *port > 65535)
        return Error(Code::kInvalid, fmt::format("unable to parse \"{}\" as a port", text));
      ports.push_back(static_cast<int>(*port));
    }
  }
  if (ports.empty()) return Error(Code::kInvalid, "query parameter \"port\" is required");
  if (ports.size() > kForwardPortsMax) return Error(Code::kInvalid, "too many ports");
  return ports;
}

void converse(Handler& handler, Connection& connection, const Request& request,
              const Handler::Streaming& streaming, std::string_view early) {
  auto agreed = agree(streaming.route.subresource, request.headers);
  if (!agreed.ok()) return refuse(connection, agreed.error());
  const api::Object& pod = *streaming.object;
  PodBackend& pods = handler.pods();
  const auto wire = wire_of(*agreed);
  if (streaming.route.subresource != "portforward") {
    if (!connection.write(welcome(*agreed, request))) return;
    const bool attach = streaming.route.subresource == "attach";
    const bool spdy = agreed->how == Agreement::How::kSpdy;
    run_exec_session(connection, *wire, early, {streaming.query, agreed->version, spdy}, [&] {
      return attach ? pods.attach(pod, streaming.query) : pods.exec(pod, streaming.query);
    });
    return;
  }
  ForwardWanted wanted;
  auto netns = pods.network_of(pod);
  if (!netns.ok()) return refuse(connection, netns.error());
  wanted.netns = *netns;
  wanted.dial = [&](const Ip& address, int port) { return pods.dial(&pod, address, port); };
  if (agreed->how == Agreement::How::kChannels) {
    auto ports = channel_ports(request);
    if (!ports.ok()) return refuse(connection, ports.error());
    wanted.ports = *std::move(ports);
  }
  if (connection.write(welcome(*agreed, request))) run_port_forward(connection, *wire, early, wanted);
}

}  // namespace

Result<Agreement> agree(const std::string& subresource,
                        const std::multimap<std::string, std::string>& headers) {
  const bool forward = subresource == "portforward";
  const std::string upgrade = lower(value_of(headers, "upgrade"));
  if (!names_token(value_of(headers, "connection"), "upgrade") ||
      (upgrade != "websocket" && upgrade != "spdy/3.1")) {
    return Error(Code::kInvalid, "Upgrade request required");
  }
  if (upgrade == "spdy/3.1") return agree_spdy(forward, offers(headers, "x-stream-protocol-version"));
  if (value_of(headers, "sec-websocket-key").empty() || value_of(headers, "sec-websocket-version") != "13")
    return Error(Code::kInvalid, "unable to upgrade: not a WebSocket handshake of version 13");
  return agree_websocket(forward, offers(headers, "sec-websocket-protocol"));
}

void refuse(Connection& connection, const Error& error) {
  const std::string body = to_text(status_json(error, {}));
  connection.write(fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      http_status(error), "Refused", body.size(), body));
}

std::multimap<std::string, std::string> parse_query(std::string_view text) {
  std::multimap<std::string, std::string> query;
  for (const auto& part : split(text, '&')) {
    if (part.empty()) continue;
    const auto at = part.find('=');
    query.emplace(percent_decode(std::string_view(part).substr(0, at), true),
                  at == std::string::npos ? "" : percent_decode(std::string_view(part).substr(at + 1), true));
  }
  return query;
}

bool asks_for_stream(const std::string& text) {
  if (text.find("\r\n\r\n") == std::string::npos) return false;  // Too long; httplib says so.
  const HttpHead head = parse_http_head(text);
  return head.has("upgrade") || body_limit(text) != kRequestBodyMax;
}

std::size_t body_limit(const std::string& text) {
  const std::string target = parse_http_head(text).word(1);
  const std::string path = target.substr(0, target.find('?'));
  if (path.find("/proxy") == std::string::npos) return kRequestBodyMax;
  const auto route = parse_route(path);
  const bool proxied = route.ok() && route->subresource == "proxy";
  return proxied ? std::numeric_limits<std::int64_t>::max() : kRequestBodyMax;
}

void serve_stream(Handler& handler, Connection& connection, std::string text,
                  const std::optional<User>& user) {
  const std::size_t head_end = text.find("\r\n\r\n") + 4;
  // The head was only peeked at: take it out of the connection.
  std::string early(text.size(), '\0');
  connection.read(early.data(), early.size());
  early.erase(0, head_end);
  const HttpHead head = parse_http_head(text);
  const Request request = request_of(head, user);
  auto streaming = handler.streaming_of(request);
  if (!streaming.ok()) return refuse(connection, streaming.error());
  if (streaming->route.subresource == "proxy")
    return serve_proxy(handler, connection, request, streaming->route, head, early);
  converse(handler, connection, request, *streaming, early);
}

}  // namespace minik::apiserver
