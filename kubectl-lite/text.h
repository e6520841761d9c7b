// Small pure functions on text that kubectl's output needs.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "api/go_value.h"
#include "base/clock.h"
#include "base/json.h"

namespace minik::kubectl {

using api::go_json;
using api::go_quote;
using api::go_value;

// "1h30m", "5s", "500ms", "0".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// "1m30s", as Go prints a duration of whole seconds.
std::string go_duration(std::chrono::seconds duration);

// Tue, 24 Nov 2026 06:34:58 +0000 (RFC 1123 with a numeric zone), in local time as kubectl prints it.
std::string rfc1123(WallTime time);
// The age of an RFC 3339 timestamp: "3m20s"; "<unknown>" for none.
std::string age_of(const std::string& timestamp, WallTime now);

}  // namespace minik::kubectl
