// What is asked of one pod's containers: its log, and streams into it.
#include <fmt/format.h>

#include <algorithm>

#include "apiserver/handler.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::ObjectPtr;

std::vector<std::string> container_names(const api::Object& pod, const char* list) {
  std::vector<std::string> names;
  for (const Json& c : array_at(object_at(pod.body(), "spec"), list)) names.push_back(string_at(c, "name"));
  return names;
}

// The container that is meant.  Errors: kInvalid.
Result<std::string> choose_container(const api::Object& pod, const std::string& wanted,
                                     bool default_by_annotation) {
  const auto names = container_names(pod, "containers");
  const auto inits = container_names(pod, "initContainers");
  const auto ephemeral = container_names(pod, "ephemeralContainers");
  const auto known = [&](const std::string& name) {
    for (const auto* list : {&names, &inits, &ephemeral}) {
      if (std::find(list->begin(), list->end(), name) != list->end()) return true;
    }
    return false;
  };
  if (!wanted.empty()) {
    if (known(wanted)) return wanted;
    return Error(Code::kInvalid, fmt::format("container {} is not valid for pod {}", wanted, pod.name()));
  }
  const auto& annotations = pod.meta().annotations;
  const auto chosen = annotations.find("kubectl.kubernetes.io/default-container");
  if (default_by_annotation && chosen != annotations.end() && known(chosen->second)) return chosen->second;
  if (names.size() == 1) return names[0];
  const std::string more =
      inits.empty() ? "" : fmt::format(" or one of the init containers: [{}]", join(inits, " "));
  return Error(Code::kInvalid,
               fmt::format("a container name must be specified for pod {}, choose one of: [{}]{}", pod.name(),
                           join(names, " "), more));
}

Result<> check_runs(const api::Object& pod, const std::string& container) {
  for (const char* list : {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"}) {
    for (const Json& c : array_at(object_at(pod.body(), "status"), list)) {
      if (string_at(c, "name") == container && object_at(c, "state").contains("running")) return {};
    }
  }
  return Error(Code::kInvalid,
               fmt::format("unable to upgrade connection: container not found (\"{}\")", container));
}

FieldCause invalid(const char* field, const std::string& value, const std::string& why) {
  return {"FieldValueInvalid", field, fmt::format("Invalid value: {}: {}", value, why)};
}

// A number of the query, or nothing; what is none is noted.
std::optional<std::int64_t> number(const Request& request, const char* name, std::int64_t least,
                                   const char* why, std::vector<FieldCause>& causes) {
  const std::string text = request.param(name);
  if (text.empty()) return std::nullopt;
  const auto value = parse_int(text);
  if (!value) return std::nullopt;
  if (*value < least) causes.push_back(invalid(name, text, why));
  return value;
}

Result<> check_numbers(const Request& request) {
  for (const char* name : {"tailLines", "limitBytes", "sinceSeconds"}) {
    const std::string text = request.param(name);
    if (!text.empty() && !parse_int(text)) {
      return Error(Code::kInvalid, fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
    }
  }
  const std::string time = request.param("sinceTime");
  if (!time.empty() && !parse_rfc3339(time)) {
    return Error(Code::kInvalid, fmt::format("parsing time \"{0}\" as \"2006-01-02T15:04:05Z07:00\": cannot "
                                             "parse \"{0}\" as \"2006\"",
                                             time));
  }
  return {};
}

Result<LogQuery> log_query(const Request& request, const std::string& pod) {
  TRY(check_numbers(request));
  LogQuery query;
  std::vector<FieldCause> causes;
  query.follow = request.flag("follow");
  query.previous = request.flag("previous");
  query.timestamps = request.flag("timestamps");
  query.tail_lines = number(request, "tailLines", 0, "must be greater than or equal to 0", causes);
  query.limit_bytes = number(request, "limitBytes", 1, "must be greater than 0", causes);
  query.since_seconds = number(request, "sinceSeconds", 1, "must be greater than 0", causes);
  query.since_time = parse_rfc3339(request.param("sinceTime"));
  if (query.since_seconds && query.since_time) {
    causes.push_back({"FieldValueForbidden", "",
                      "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"});
  }
  const std::string stream = request.param("stream", "All");
  if (stream != "All" && stream != "Stdout" && stream != "Stderr") {
    causes.push_back(
        {"FieldValueNotSupported", "stream",
         fmt::format("Unsupported value: \"{}\": supported values: \"All\", \"Stderr\", \"Stdout\"",
                     stream)});
  } else if (stream != "All") {
    query.stream = lower(stream);
    if (query.tail_lines)
      causes.push_back({"FieldValueForbidden", "",
                        "Forbidden: `tailLines` and specific `stream` are mutually exclusive for now"});
  }
  if (causes.empty()) return query;
  std::vector<std::string> words;
  for (const auto& cause : causes)
    words.push_back((cause.field.empty() ? "<nil>" : cause.field) + ": " + cause.message);
  const std::string all = words.size() == 1 ? words[0] : "[" + join(words, ", ") + "]";
  return Error(Code::kInvalid, fmt::format("PodLogOptions \"{}\" is invalid: {}", pod, all))
      .with_causes(std::move(causes));
}

}  // namespace

Result<Response> Handler::log(const Request& request, const Route& route) {
  const ObjectPtr pod = parts_.store.snapshot()->find("pods", route.ns, route.name);
  if (pod == nullptr) return not_found(Target{route.kind, route.ns, route.name, ""});
  LogQuery query = TRY(log_query(request, route.name));
  query.container = TRY(choose_container(*pod, request.param("container"), false));
  Response response;
  response.content_type = "text/plain";
  if (!query.follow) {
    TRY(parts_.pods.logs(*pod, query, [&](std::string_view piece) {
      response.body += piece;
      return true;
    }));
    return response;
  }
  // An error must be an answer, not a broken stream: look for the log once before streaming it.
  LogQuery probe = query;
  probe.follow = false;
  probe.tail_lines = 0;
  TRY(parts_.pods.logs(*pod, probe, [](std::string_view) { return true; }));
  response.stream = [this, pod, query](const Sink& sink) {
    [[maybe_unused]] const auto ended =
        parts_.pods.logs(*pod, query, [&](std::string_view piece) { return sink(piece); });
  };
  return response;
}

Result<Handler::Streaming> Handler::streaming_of(const Request& request) {
  if (!request.user) return Error(Code::kUnauthorized, "Unauthorized");
  Streaming streaming;
  streaming.route = TRY(parse_route(request.path));
  const Route& route = streaming.route;
  const bool proxied = route.subresource == "proxy";
  if (!proxied && !is_stream(route.subresource))
    return Error(Code::kInvalid, "this resource cannot be upgraded");
  if (proxied) return streaming;  // Its name is more than a name: proxy_target.h.
  streaming.object = parts_.store.snapshot()->find("pods", route.ns, route.name);
  if (streaming.object == nullptr) return not_found(Target{route.kind, route.ns, route.name, ""});
  if (route.subresource == "portforward") {
    if (string_at(object_at(streaming.object->body(), "status"), "phase") == "Running") return streaming;
    return Error(Code::kInvalid, fmt::format("unable to upgrade connection: pod not found (\"{}_{}\")",
                                             route.name, route.ns));
  }
  ExecQuery& query = streaming.query;
  const auto [first, last] = request.query.equal_range("command");
  for (auto it = first; it != last; ++it) query.command.push_back(it->second);
  if (route.subresource == "exec" && query.command.empty())
    return Error(Code::kInvalid, "you must specify at least 1 command for exec");
  query.stdin_open = request.flag("stdin");
  query.stdout_open = request.flag("stdout");
  query.stderr_open = request.flag("stderr");
  query.tty = request.flag("tty");
  if (!query.stdin_open && !query.stdout_open && !query.stderr_open)
    return Error(Code::kInvalid, "you must specify at least 1 of stdin, stdout, stderr");
  query.container = TRY(choose_container(*streaming.object, request.param("container"), true));
  TRY(check_runs(*streaming.object, query.container));
  return streaming;
}

}  // namespace minik::apiserver
