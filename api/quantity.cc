#include "api/quantity.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace minik::api {
namespace {

__extension__ using Wide = __int128;
constexpr Wide kNano = 1'000'000'000;
constexpr Wide kMax = static_cast<Wide>(9'223'372'036'854'775'807LL) * kNano;

constexpr std::array<std::pair<std::string_view, int>, 10> kDecimal = {{{"n", -9},
                                                                        {"u", -6},
                                                                        {"m", -3},
                                                                        {"", 0},
                                                                        {"k", 3},
                                                                        {"M", 6},
                                                                        {"G", 9},
                                                                        {"T", 12},
                                                                        {"P", 15},
                                                                        {"E", 18}}};
constexpr std::array<std::string_view, 7> kBinary = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

Error malformed() {
  return Error(Code::kInvalid,
               "quantities must match the regular expression "
               "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

Wide times(Wide value, Wide factor) { return value > kMax / factor ? kMax : value * factor; }

// value · 10^exponent, rounded up to a whole number.
Wide shifted(Wide value, int exponent) {
  for (; exponent > 0 && value < kMax; --exponent) value = times(value, 10);
  bool lost = false;
  for (; exponent < 0 && value > 0; ++exponent) {
    lost |= value % 10 != 0;
    value /= 10;
  }
  return value + (lost ? 1 : 0);
}

std::string digits_of(Wide value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  std::string text;
  for (Wide rest = negative ? -value : value; rest > 0; rest /= 10)
    text += static_cast<char>('0' + static_cast<int>(rest % 10));
  if (negative) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits with at most one point: their value without the point, and how many stand behind it.
struct Number {
  Wide value = 0;
  int behind = 0;
  std::size_t size = 0;
};
Result<Number> take_number(std::string_view text) {
  Number number;
  bool point = false, any = false;
  for (; number.size < text.size(); ++number.size) {
    const char c = text[number.size];
    if (c == '.') {
      if (std::exchange(point, true)) return malformed();
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (point && number.behind >= 18) continue;  // Far below a billionth.
    number.value = std::min<Wide>(times(number.value, 10) + (c - '0'), kMax);
    number.behind += point ? 1 : 0;
  }
  if (!any) return malformed();
  return number;
}

}  // namespace

Result<Quantity> Quantity::parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const Number number = TRY(take_number(text));
  const std::string_view suffix = text.substr(number.size);
  Quantity quantity;
  const auto decimal =
      std::find_if(kDecimal.begin(), kDecimal.end(), [&](const auto& s) { return s.first == suffix; });
  const auto binary = std::find(kBinary.begin() + 1, kBinary.end(), suffix);
  if (decimal != kDecimal.end()) {
    quantity.nano_ = shifted(number.value, decimal->second + 9 - number.behind);
  } else if (binary != kBinary.end()) {
    quantity.format_ = Format::kBinary;
    Wide value = number.value;
    for (auto at = kBinary.begin(); at != binary; ++at) value = times(value, 1024);
    quantity.nano_ = shifted(value, 9 - number.behind);
  } else if (suffix.starts_with('e') || suffix.starts_with('E')) {
    const auto exponent =
        parse_int(suffix.substr(suffix.starts_with("e+") || suffix.starts_with("E+") ? 2 : 1));
    if (!exponent || *exponent < -1000 || *exponent > 1000) return malformed();
    quantity.format_ = Format::kExponent;
    quantity.nano_ = shifted(number.value, static_cast<int>(*exponent) + 9 - number.behind);
  } else {
    return suffix.find_first_not_of("eEinumkKMGTP+-0123456789") == std::string_view::npos
               ? Error(Code::kInvalid, "unable to parse quantity's suffix")
               : malformed();
  }
  quantity.nano_ = std::min(quantity.nano_, kMax);
  if (negative) quantity.nano_ = -quantity.nano_;
  return quantity;
}

Quantity Quantity::of(const Json& value) {
  const auto parsed = parse(value.is_string() ? value.get<std::string>() : to_text(value));
  return parsed.ok() ? *parsed : Quantity();
}

std::string Quantity::text() const {
  if (nano_ == 0) return "0";
  const Wide size = nano_ < 0 ? -nano_ : nano_;
  if (format_ == Format::kBinary && size >= 1024 * kNano && size % kNano == 0) {
    Wide value = nano_ / kNano;
    std::size_t power = 0;
    while (value % 1024 == 0 && power + 1 < kBinary.size()) {
      value /= 1024;
      ++power;
    }
    return digits_of(value) + std::string(kBinary[power]);
  }
  Wide value = nano_;
  std::size_t at = 0;
  while (value % 1000 == 0 && at + 1 < kDecimal.size()) {
    value /= 1000;
    ++at;
  }
  const int exponent = kDecimal[at].second;
  if (format_ != Format::kExponent) return digits_of(value) + std::string(kDecimal[at].first);
  return digits_of(value) + (exponent == 0 ? "" : "e" + std::to_string(exponent));
}

void canonicalize_quantity(Json& value) {
  if (!value.is_string() && !value.is_number()) return;
  const auto parsed =
      Quantity::parse(value.is_string() ? value.get_ref<const std::string&>() : to_text(value));
  if (parsed.ok()) value = parsed->text();
}

}  // namespace minik::api
