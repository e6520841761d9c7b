#include "apiserver/status.h"

namespace minik::apiserver {
namespace {

struct Row {
  int http;
  const char* reason;
};

Row row_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalid:
      return error.causes().empty() ? Row{400, "BadRequest"} : Row{422, "Invalid"};
    case Code::kNotFound:
      return {404, "NotFound"};
    case Code::kAlreadyExists:
      return {409, "AlreadyExists"};
    case Code::kConflict:
      return {409, "Conflict"};
    case Code::kGone:
      return {410, "Expired"};
    case Code::kForbidden:
      return {403, "Forbidden"};
    case Code::kUnauthorized:
      return {401, "Unauthorized"};
    case Code::kUnsupported:
      return {415, "UnsupportedMediaType"};
    case Code::kTooLarge:
      return {413, "RequestEntityTooLarge"};
    case Code::kUnavailable:
      return {503, "ServiceUnavailable"};
    case Code::kTimeout:
      return {504, "Timeout"};
    case Code::kKernel:
    case Code::kInternal:
      break;
  }
  return {500, "InternalError"};
}

Json details_of(const About& about, bool by_kind) {
  Json details = Json::object();
  if (!about.name.empty()) details["name"] = about.name;
  if (!about.group.empty()) details["group"] = about.group;
  const std::string& kind = by_kind ? about.kind : about.resource;
  if (!kind.empty()) details["kind"] = kind;
  if (!about.uid.empty()) details["uid"] = about.uid;
  return details;
}

Json base(const char* status) {
  return {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", status}};
}

}  // namespace

int http_status(const Error& error) { return row_of(error).http; }

Json status_json(const Error& error, const About& about) {
  const Row row = row_of(error);
  Json status = base("Failure");
  status["message"] = error.message();
  status["reason"] = row.reason;
  status["code"] = row.http;
  // The reference knows neither object nor cause of a patch that does not fit: clients print the message.
  if (!error.causes().empty() && error.causes()[0].reason == "UnexpectedServerResponse") {
    status["details"] = Json::object();
    return status;
  }
  Json details = details_of(about, row.http == 422);
  for (const FieldCause& cause : error.causes()) {
    details["causes"].push_back(
        {{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
  }
  if (error.code() == Code::kTimeout || error.code() == Code::kUnavailable) details["retryAfterSeconds"] = 1;
  if (!details.empty()) status["details"] = details;
  return status;
}

Json success_json(const About& about) {
  Json status = base("Success");
  status["details"] = details_of(about, false);
  return status;
}

}  // namespace minik::apiserver
