// Jwt: JSON Web Tokens as service accounts carry them: signed with ES256 (RFC 7515, 7518, 7519), nothing
// else is accepted whatever a token's header says.
//
// Pure: text in, text out; the clock and the cluster's objects are token_issuer.h's business.
// Threads: a SigningKey is immutable; any thread may use it.
// Errors: kUnauthorized with the reason for tokens, kInternal with OpenSSL's text for keys.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace minik::apiserver {

std::string base64url(std::string_view bytes);                // Without padding.
Result<std::string> base64url_decode(std::string_view text);  // Strict: no padding, no other alphabet.

class SigningKey {
 public:
  static Result<SigningKey> generate();
  static Result<SigningKey> from_pem(std::string_view pem);
  Result<std::string> pem() const;  // PKCS #8, private.

  const std::string& id() const { return id_; }  // The `kid` of its tokens: its RFC 7638 thumbprint.
  const Json& jwk() const { return jwk_; }       // Public part, RFC 7517.

  // header.claims.signature
  Result<std::string> sign(const Json& claims) const;
  // The claims of a token that this key signed.  Its dates and names are still to be looked at.
  Result<Json> verify(std::string_view token) const;

 private:
  SigningKey() = default;
  static Result<SigningKey> of(void* key);  // Takes the EVP_PKEY.

  std::shared_ptr<void> key_;  // EVP_PKEY
  std::string id_;
  Json jwk_;
};

// The claims of a token whose signature nobody has checked: only for reading one's own.
Result<Json> peek_claims(std::string_view token);

// The key in `path`, made there (mode 0600) when there is none.  Errors: also from_errno.
Result<SigningKey> ensure_signing_key(const std::string& path);

}  // namespace minik::apiserver
