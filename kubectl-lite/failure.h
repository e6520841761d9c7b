// Failures as a user sees them.
//
// Inside this room the message of an Error is the finished text that goes to stderr ("error: …", "Error from
// server (NotFound): …").  Whatever comes from another room passes through `failed` first.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace minik::kubectl {

// "error: " in front of the text.
Error failed(std::string_view text);
Error failed(const Error& error);
// The same for a wrong command line: exit code 2.
Error usage(std::string_view text);
// 2 for `usage`, else 1.
int exit_code(const Error& error);

// A non-2xx answer of the server as kubectl prints it.  With `doing` and `source` set the message says
// "error when creating "web.yaml": …".  The Error's code follows the reason: kNotFound, kConflict, …
Error server_error(int http_status, const std::string& body, std::string_view doing = "",
                   std::string_view source = "");
// The same for a Status object that came inside a stream.
Error status_error(const Json& status, std::string_view doing = "", std::string_view source = "");

}  // namespace minik::kubectl
