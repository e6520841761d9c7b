// Any text as a token: no crash; only what the key signed is accepted, and base64url has one spelling.
#include <cstdint>
#include <string_view>

#include "apiserver/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace minik::apiserver;
  static const SigningKey kKey = SigningKey::generate().value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = base64url_decode(text); bytes.ok() && base64url(*bytes) != text) __builtin_trap();
  if (kKey.verify(text).ok()) __builtin_trap();  // The key is new: nobody can have signed this.
  if (const auto claims = peek_claims(text); claims.ok() && !claims->is_object()) __builtin_trap();
  return 0;
}
