#include "apiserver/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>

#include "base/files.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr std::size_t kTokenMax = 16 * 1024;
constexpr int kCoordinate = 32;  // Bytes of a P-256 coordinate, and of each half of a signature.
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Context = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

Error openssl_error(const char* doing) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return Error(Code::kInternal, std::string(doing) + ": " + text);
}

Error bad_token(const char* why) { return Error(Code::kUnauthorized, why); }

EVP_PKEY* pkey(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Result<std::string> coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return openssl_error("read a public key");
  std::array<unsigned char, kCoordinate> bytes{};
  const int size = BN_bn2binpad(number, bytes.data(), kCoordinate);
  BN_free(number);
  if (size != kCoordinate) return openssl_error("read a public key");
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// DER, as OpenSSL has it, to r‖s, as JWS has it, and back.
Result<std::string> to_pair(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::array<unsigned char, 2 * kCoordinate> pair{};
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), pair.data(), kCoordinate) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), pair.data() + kCoordinate, kCoordinate) < 0) {
    return openssl_error("sign a token");
  }
  return std::string(reinterpret_cast<const char*>(pair.data()), pair.size());
}

Result<std::string> to_der(std::string_view pair) {
  const Signature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(pair), kCoordinate, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(pair) + kCoordinate, kCoordinate, nullptr);
  if (ECDSA_SIG_set0(signature.get(), r, s) != 1) return openssl_error("read a signature");
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size < 0) return openssl_error("read a signature");
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

struct Parts {
  std::string_view header, claims, signature, signed_text;
};

Result<Parts> take_apart(std::string_view token) {
  if (token.size() > kTokenMax) return bad_token("the token is too long");
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return bad_token("the token has not three parts");
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

Result<Json> part_json(std::string_view part) {
  auto text = base64url_decode(part);
  if (!text.ok()) return bad_token("the token is not base64url");
  auto json = parse_json(*text);
  if (!json.ok() || !json->is_object() || !duplicate_members(*text).empty())
    return bad_token("the token is no JSON object");
  return json;
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) out += kAlphabet[held >> (bits - 6) & 63];
  }
  if (bits > 0) out += kAlphabet[held << (6 - bits) & 63];
  return out;
}

Result<std::string> base64url_decode(std::string_view text) {
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return Error(Code::kInvalid, "illegal base64url data");
    held = held << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(held >> bits & 255);
  }
  // One spelling per value: no lone character, no bits that mean nothing.
  if (bits == 6 || (held & ((1U << bits) - 1)) != 0) return Error(Code::kInvalid, "illegal base64url data");
  return out;
}

Result<SigningKey> SigningKey::of(void* key) {
  SigningKey made;
  made.key_ = std::shared_ptr<void>(key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); });
  std::array<char, 64> group{};
  std::size_t size = 0;
  if (key == nullptr || EVP_PKEY_get_group_name(pkey(made.key_), group.data(), group.size(), &size) != 1)
    return openssl_error("read a signing key");
  if (std::string_view(group.data()) != "prime256v1")
    return Error(Code::kInternal, "the signing key is not of curve P-256");
  const std::string x = base64url(TRY(coordinate(pkey(made.key_), OSSL_PKEY_PARAM_EC_PUB_X)));
  const std::string y = base64url(TRY(coordinate(pkey(made.key_), OSSL_PKEY_PARAM_EC_PUB_Y)));
  const Json thumb = {{"crv", "P-256"}, {"kty", "EC"}, {"x", x}, {"y", y}};
  const std::string hex = sha256_hex(to_text(thumb));  // Members in order of their names.
  std::string digest;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  made.id_ = base64url(digest);
  made.jwk_ = thumb;
  made.jwk_.update({{"use", "sig"}, {"alg", "ES256"}, {"kid", made.id_}});
  return made;
}

Result<SigningKey> SigningKey::generate() { return of(EVP_EC_gen("P-256")); }

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const Memory bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return of(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

Result<std::string> SigningKey::pem() const {
  const Memory bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(bio.get(), pkey(key_), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error("write a signing key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<std::string> SigningKey::sign(const Json& claims) const {
  const Json header = {{"alg", "ES256"}, {"kid", id_}};
  std::string token = base64url(to_text(header)) + "." + base64url(to_text(claims));
  const Context context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pkey(key_)) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(token), token.size()) != 1)
    return openssl_error("sign a token");
  std::string der(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, bytes_of(token),
                     token.size()) != 1)
    return openssl_error("sign a token");
  const std::string pair = TRY(to_pair(std::string_view(der).substr(0, size)));
  return token + "." + base64url(pair);
}

Result<Json> SigningKey::verify(std::string_view token) const {
  const Parts parts = TRY(take_apart(token));
  const Json header = TRY(part_json(parts.header));
  if (string_at(header, "alg") != "ES256") return bad_token("the token's algorithm is not ES256");
  if (header.contains("crit")) return bad_token("the token has critical headers");
  if (const std::string kid = string_at(header, "kid"); kid != id_)
    return bad_token("no key with the token's key ID");
  const auto pair = base64url_decode(parts.signature);
  if (!pair.ok() || pair->size() != 2 * kCoordinate) return bad_token("the token's signature is malformed");
  const std::string der = TRY(to_der(*pair));
  const Context context(EVP_MD_CTX_new());
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, pkey(key_)) == 1 &&
                    EVP_DigestVerify(context.get(), bytes_of(der), der.size(), bytes_of(parts.signed_text),
                                     parts.signed_text.size()) == 1;
  ERR_clear_error();
  if (!good) return bad_token("the token's signature is wrong");
  return part_json(parts.claims);
}

Result<Json> peek_claims(std::string_view token) {
  const Parts parts = TRY(take_apart(token));
  return part_json(parts.claims);
}

Result<SigningKey> ensure_signing_key(const std::string& path) {
  if (path_exists(path)) return SigningKey::from_pem(TRY(read_file(path)));
  SigningKey key = TRY(SigningKey::generate());
  TRY(write_file(path, TRY(key.pem()), 0600));
  return key;
}

}  // namespace minik::apiserver
