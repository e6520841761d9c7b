// Small pure functions on text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minik {

std::vector<std::string> split(std::string_view text, char at);  // "a,,b" → a, "", b; "" → one "".
std::vector<std::string> split_words(std::string_view text);     // At runs of blanks.
std::string join(const std::vector<std::string>& parts, std::string_view between);
std::string_view trim(std::string_view text);  // Blanks, tabs, line ends.
std::string lower(std::string_view text);      // ASCII.
std::string upper(std::string_view text);
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
std::optional<std::int64_t> parse_int(std::string_view text);  // Whole text, decimal.
std::string percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);  // All but RFC 3986 unreserved.

// Kubernetes name rules; empty when `name` is fine, else the text that the API answers.
std::string dns1123_label_error(std::string_view name);
std::string dns1123_subdomain_error(std::string_view name);
std::string dns1035_label_error(std::string_view name);

}  // namespace minik
