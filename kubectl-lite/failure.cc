#include "kubectl-lite/failure.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <vector>

#include "base/text.h"

namespace minik::kubectl {
namespace {

Code code_of(const std::string& reason, int http_status) {
  static const std::map<std::string, Code> kCodes = {{"NotFound", Code::kNotFound},
                                                     {"AlreadyExists", Code::kAlreadyExists},
                                                     {"Conflict", Code::kConflict},
                                                     {"Expired", Code::kGone},
                                                     {"Gone", Code::kGone},
                                                     {"Invalid", Code::kInvalid},
                                                     {"BadRequest", Code::kInvalid},
                                                     {"Forbidden", Code::kForbidden},
                                                     {"Unauthorized", Code::kUnauthorized},
                                                     {"ServiceUnavailable", Code::kUnavailable},
                                                     {"Timeout", Code::kTimeout}};
  if (const auto it = kCodes.find(reason); it != kCodes.end()) return it->second;
  return http_status == 404 ? Code::kNotFound : Code::kInternal;
}

std::vector<std::string> cause_lines(const Json& details) {
  std::vector<std::string> lines;
  std::set<std::string> seen;
  for (const Json& cause : array_at(details, "causes")) {
    std::string line = fmt::format("{}: {}", string_at(cause, "field"), string_at(cause, "message"));
    if (seen.insert(line).second) lines.push_back(std::move(line));
  }
  return lines;
}

std::string invalid_text(const Json& status, const std::string& message) {
  const Json* details = find(status, "details");
  if (details == nullptr)
    return message.empty() ? "The request is invalid" : "The request is invalid: " + message;
  const std::string kind = string_at(*details, "kind"), name = string_at(*details, "name");
  const std::vector<std::string> causes = cause_lines(*details);
  std::string text = "The request is invalid";
  if (!kind.empty() || !name.empty())
    text = fmt::format("The {} \"{}\" is invalid", kind, name);
  else if (!message.empty() && causes.empty())
    text += ": " + message;
  if (causes.size() == 1) return text + ": " + causes.front();
  if (causes.empty()) return text;
  text += ": ";
  for (const std::string& cause : causes) text += "\n* " + cause;
  return text;
}

Error from_status(const Json& status, int http_status, std::string_view doing, std::string_view source) {
  const std::string reason = string_at(status, "reason");
  std::string message = string_at(status, "message");
  if (!source.empty()) message = fmt::format("error when {} \"{}\": {}", doing, source, message);
  std::string text;
  if (reason == "Invalid")
    text = invalid_text(status, message);
  else if (reason == "Unauthorized")
    text = fmt::format("error: You must be logged in to the server ({})", message);
  else if (reason.empty())
    text = "Error from server: " + message;
  else
    text = fmt::format("Error from server ({}): {}", reason, message);
  return Error(code_of(reason, http_status), std::move(text));
}

}  // namespace

Error failed(std::string_view text) { return Error(Code::kInvalid, fmt::format("error: {}", text)); }
Error failed(const Error& error) { return Error(error.code(), "error: " + error.message()); }
Error usage(std::string_view text) { return Error(Code::kUnsupported, fmt::format("error: {}", text)); }
int exit_code(const Error& error) { return error.code() == Code::kUnsupported ? 2 : 1; }

Error server_error(int http_status, const std::string& body, std::string_view doing,
                   std::string_view source) {
  const auto status = parse_json(body);
  if (status.ok() && string_at(*status, "kind") == "Status")
    return from_status(*status, http_status, doing, source);
  const std::string text(trim(body));
  if (http_status == 404) {
    return Error(Code::kNotFound,
                 "Error from server (NotFound): the server could not find the requested resource");
  }
  return Error(Code::kInternal,
               fmt::format("Error from server: HTTP {}{}{}", http_status, text.empty() ? "" : ": ", text));
}

Error status_error(const Json& status, std::string_view doing, std::string_view source) {
  return from_status(status, static_cast<int>(int_at(status, "code", 500)), doing, source);
}

}  // namespace minik::kubectl
