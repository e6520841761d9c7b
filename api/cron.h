// Cron: whether a schedule is one: five fields with ranges, steps, lists and names, or @hourly and its kin.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace minik::api {

// Why the text is no schedule; empty when it is one.
std::string cron_error(std::string_view text);

}  // namespace minik::api
