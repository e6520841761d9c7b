// TokenIssuer: makes the tokens of service accounts and says whose a token is.
//
// A token names its account, and perhaps the pod, secret or node that it is bound to; it is good while all of
// them exist with the very uids, and until it expires.  Claims as upstream: pod-runtime.md 7.10, KEP-1205.
//
// Threads: any.  Ownership: immutable; the objects come in as snapshots.
// Errors: kInvalid with causes and kNotFound for wishes, kUnauthorized for tokens.
#pragma once

#include <string>
#include <vector>

#include "api/snapshot.h"
#include "apiserver/jwt.h"
#include "apiserver/request.h"
#include "base/clock.h"

namespace minik::apiserver {

inline constexpr std::int64_t kTokenSecondsMin = 600;
inline constexpr std::int64_t kTokenSecondsDefault = 3600;

class TokenIssuer {
 public:
  // `issuer`: https://kubernetes.default.svc.cluster.local; also the audience of the API server itself.
  TokenIssuer(SigningKey key, std::string issuer) : key_(std::move(key)), issuer_(std::move(issuer)) {}

  struct Bound {
    std::string kind, name, uid;  // Pod, Secret or Node; an empty kind: bound to nothing.
  };
  struct Wish {
    std::string ns, account;
    std::vector<std::string> audiences;  // Empty: the API server.
    std::int64_t seconds = kTokenSecondsDefault;
    Bound bound;  // An empty uid: whatever is there now.
  };
  struct Issued {
    std::string token;
    std::int64_t expires = 0;  // Seconds since 1970.
  };
  // kConflict when an object has another uid than the wish says.
  Result<Issued> issue(const api::Snapshot& objects, const Wish& wish, WallTime now) const;
  // The endless token that a Secret of type kubernetes.io/service-account-token holds.
  Result<std::string> legacy_token(const api::Object& account, const std::string& secret) const;

  struct Verified {
    User user;
    std::vector<std::string> audiences;  // Those asked for that the token has.
  };
  // `audiences`: for whom; one that fits is enough.  Empty: the API server.
  Result<Verified> verify(const api::Snapshot& objects, std::string_view token,
                          const std::vector<std::string>& audiences, WallTime now) const;

  const std::string& issuer() const { return issuer_; }
  // OIDC discovery: /.well-known/openid-configuration and /openid/v1/jwks.
  Json configuration(const std::string& server) const;
  Json key_set() const;

 private:
  Result<Verified> verify_bound(const api::Snapshot& objects, const Json& claims,
                                const std::vector<std::string>& audiences, WallTime now) const;
  Result<Verified> verify_legacy(const api::Snapshot& objects, std::string_view token,
                                 const Json& claims) const;

  SigningKey key_;
  std::string issuer_;
};

// system:serviceaccount:NS:NAME, its uid and its groups.
User account_user(const api::Object& account);
std::string account_user_name(const std::string& ns, const std::string& name);
std::vector<std::string> account_groups(const std::string& ns);

}  // namespace minik::apiserver
