// Quantity: an amount of a resource, such as 500m, 1.5, 64Mi or 1e3.
//
// Exact to a billionth, as in the reference; what is smaller counts as one billionth, what is too large as
// the largest amount.  Texts:
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
//
// Pure.  Errors: kInvalid with the reference's text.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace minik::api {

class Quantity {
 public:
  Quantity() = default;  // Zero.
  static Result<Quantity> parse(std::string_view text);
  // Of a string or a number; zero for what is neither or no quantity.
  static Quantity of(const Json& value);
  // As the reference writes it: 1000m is 1, 1024Mi is 1Gi, 0.5 is 500m.
  std::string text() const;

  friend std::strong_ordering operator<=>(const Quantity& a, const Quantity& b) {
    return a.nano_ <=> b.nano_;
  }
  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nano_ == b.nano_; }

 private:
  enum class Format : unsigned char { kDecimal, kBinary, kExponent };
  __extension__ using Wide = __int128;
  Wide nano_ = 0;
  Format format_ = Format::kDecimal;
};

// A quantity's value as it is stored: its canonical text.  Left alone when it is no quantity.
void canonicalize_quantity(Json& value);

}  // namespace minik::api
