// Reviews: kinds that are questions.  Creating one answers it; nothing is stored.
//
// Threads: any.  Ownership: refers to what the API server is made of.
// Errors: kInvalid with causes, kNotFound, kConflict, kForbidden.
// authentication.k8s.io: TokenReview, SelfSubjectReview, TokenRequest; authorization.k8s.io: the four access
// reviews.  wire-compat.md section 8.
#pragma once

#include "apiserver/authorizer.h"
#include "apiserver/token_issuer.h"

namespace minik::apiserver {

class Reviews {
 public:
  Reviews(const Store& store, const Clock& clock, const TokenIssuer& issuer, const Authorizer& authorizer)
      : store_(store), clock_(clock), issuer_(issuer), authorizer_(authorizer) {}

  // `review`: decoded and checked against the schema; the answer is the same with its status.
  Result<Json> answer(const User& user, const api::Kind& kind, const std::string& ns, Json review) const;
  // serviceaccounts/NAME/token
  Result<Json> token_request(const std::string& ns, const std::string& account, Json request) const;

  // The shape of the body of serviceaccounts/NAME/token.
  static const api::Kind& token_request_kind();

 private:
  Json token_status(const Json& spec) const;
  Result<Json> access_status(const User& user, const api::Kind& kind, const std::string& ns,
                             const Json& review) const;
  Json rules_status(const User& user, const std::string& ns) const;

  const Store& store_;
  const Clock& clock_;
  const TokenIssuer& issuer_;
  const Authorizer& authorizer_;
};

}  // namespace minik::apiserver
