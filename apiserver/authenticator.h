// Authenticator: who sends a request: by client certificate, by bearer token, or as whom they impersonate.
//
// Threads: any.  Ownership: refers to the store, the issuer and the authorizer.
// Errors: kUnauthorized (a bad token is never somebody else), kForbidden (may not impersonate), kInvalid.
#pragma once

#include <optional>

#include "apiserver/authorizer.h"
#include "apiserver/token_issuer.h"

namespace minik::apiserver {

class Authenticator {
 public:
  Authenticator(const Store& store, const Clock& clock, const TokenIssuer& issuer,
                const Authorizer& authorizer)
      : store_(store), clock_(clock), issuer_(issuer), authorizer_(authorizer) {}

  // Nobody when the request bears nothing at all.
  Result<std::optional<User>> who(const Request& request) const;

 private:
  Result<User> impersonated(const User& user, const Credentials& credentials) const;

  const Store& store_;
  const Clock& clock_;
  const TokenIssuer& issuer_;
  const Authorizer& authorizer_;
};

}  // namespace minik::apiserver
