// Who asks, whether they may, and questions about that.
#include "apiserver/handler.h"

namespace minik::apiserver {
namespace {

bool is_open(const std::string& path) {
  return path == "/livez" || path == "/readyz" || path == "/healthz" || path == "/version";
}

std::shared_ptr<const TokenIssuer> issuer_of(std::shared_ptr<const TokenIssuer> given) {
  if (given != nullptr) return given;
  return std::make_shared<const TokenIssuer>(SigningKey::generate().value(),
                                             "https://kubernetes.default.svc.cluster.local");
}

}  // namespace

Handler::Handler(HandlerParts parts)
    : parts_([&] {
        parts.tokens = issuer_of(parts.tokens);
        return std::move(parts);
      }()),
      authorizer_(parts_.store),
      authenticator_(parts_.store, parts_.clock, *parts_.tokens, authorizer_),
      reviews_(parts_.store, parts_.clock, *parts_.tokens, authorizer_) {}

Result<> Handler::admit(Request& request) const {
  request.user = TRY(authenticator_.who(request));
  if (is_open(request.path)) return {};
  if (!request.user) return Error(Code::kUnauthorized, "Unauthorized");
  if (request.user->in_group(kMasters)) return {};
  return authorizer_.check(*request.user, attributes_of(request));
}

Result<Response> Handler::review(const Request& request, const Route& route) {
  const bool token = route.subresource == "token";
  if (!token && !route.collection())
    return Error(Code::kNotFound, "the server could not find the requested resource");
  Decoded decoded = TRY(decode_object(request, token ? Reviews::token_request_kind() : *route.kind));
  const Json answer =
      token ? TRY(reviews_.token_request(route.ns, route.name, std::move(decoded.body)))
            : TRY(reviews_.answer(*request.user, *route.kind, route.ns, std::move(decoded.body)));
  Response response;
  response.status = 201;
  response.body = to_text(answer);
  response.warnings = std::move(decoded.warnings);
  return response;
}

WriteOptions Handler::guarded(WriteOptions options, const Request& request) const {
  if (request.user->in_group(kMasters)) return options;
  options.check = [this, &user = *request.user](const api::Snapshot& objects, const api::Object& next,
                                                const api::Object* before) {
    return check_escalation(authorizer_, user, objects, next, before);
  };
  return options;
}

}  // namespace minik::apiserver
