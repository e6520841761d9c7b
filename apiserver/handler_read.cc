// GET of one object, of a list, of a log.
#include <fmt/format.h>

#include "apiserver/handler.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::ObjectPtr;

constexpr std::size_t kPagesKept = 64;  // Snapshots that continue tokens may refer to.

// Errors: kInvalid for what is no number, kTimeout for the future.
Result<> check_revision(const std::string& text, std::uint64_t current) {
  if (text.empty()) return {};
  const auto wanted = parse_int(text);
  if (!wanted || *wanted < 0) {
    return Error(Code::kInvalid,
                 fmt::format("Invalid value: \"{}\": resourceVersion must be a number", text));
  }
  if (static_cast<std::uint64_t>(*wanted) > current) {
    return Error(Code::kTimeout, fmt::format("Too large resource version: {}, current: {}", *wanted, current))
        .with_causes({{"ResourceVersionTooLarge", "", "Too large resource version"}});
  }
  return {};
}

// Whether the pod has the container, and it runs.
Result<> check_runs(const api::Object& pod, const std::string& container) {
  bool known = false;
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& c : array_at(object_at(pod.body(), "spec"), list))
      known |= string_at(c, "name") == container;
  }
  if (!known)
    return Error(Code::kInvalid, fmt::format("container {} is not valid for pod {}", container, pod.name()));
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& c : array_at(object_at(pod.body(), "status"), list)) {
      if (string_at(c, "name") == container && object_at(c, "state").contains("running")) return {};
    }
  }
  return Error(Code::kInvalid, fmt::format("container not found (\"{}\")", container));
}

std::string list_text(const Route& route, const std::vector<ObjectPtr>& objects, const Json& meta,
                      bool partial) {
  std::string out = partial ? R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1")"
                            : fmt::format(R"({{"kind":"{}List","apiVersion":"{}")", route.kind->kind,
                                          route.kind->api_version());
  std::size_t bytes = out.size() + 64;
  if (!partial) {
    for (const auto& object : objects) bytes += object->bytes().size() + 1;
  }
  out.reserve(bytes);
  out += R"(,"metadata":)" + to_text(meta) + R"(,"items":[)";
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (i > 0) out += ',';
    if (partial)
      out += to_text({{"kind", "PartialObjectMetadata"},
                      {"apiVersion", "meta.k8s.io/v1"},
                      {"metadata", object_at(objects[i]->body(), "metadata")}});
    else if (route.kind->stored == nullptr)
      out += objects[i]->bytes();
    else
      out += bytes_of(*route.kind, *objects[i]);
  }
  return out + "]}";
}

}  // namespace

Result<Response> Handler::get(const Request& request, const Route& route) {
  const ObjectPtr object = parts_.store.snapshot()->find(route.kind->group_resource(), route.ns, route.name);
  if (object == nullptr) return not_found(Target{route.kind, route.ns, route.name, ""});
  return object_response(request, route, object, parts_.clock.now());
}

// The snapshot that the request reads: the newest, or the one its continue token began with.
Result<api::SnapshotPtr> Handler::page_snapshot(const Request& request, std::string& after_ns,
                                                std::string& after_name) {
  const std::string token = request.param("continue");
  if (token.empty()) {
    auto newest = parts_.store.snapshot();
    TRY(check_revision(request.param("resourceVersion"), newest->revision()));
    return newest;
  }
  const Error bad(Code::kInvalid, "continue key is not valid");
  const auto decoded = base64_decode(token);
  if (!decoded.ok()) return bad;
  const auto json = parse_json(*decoded);
  if (!json.ok() || !json->is_object()) return bad;
  after_ns = string_at(*json, "ns");
  after_name = string_at(*json, "name");
  const std::lock_guard lock(pages_mutex_);
  const auto it = pages_.find(static_cast<std::uint64_t>(int_at(*json, "rv")));
  if (it == pages_.end())
    return Error(Code::kGone,
                 "The provided continue parameter is too old to display a consistent list result. You can "
                 "start a new list without the continue parameter.");
  return it->second;
}

Result<Response> Handler::list(const Request& request, const Route& route) {
  const Filter filter = TRY(Filter::of(request, *route.kind));
  const auto limit = parse_int(request.param("limit", "0"));
  if (!limit || *limit < 0) return Error(Code::kInvalid, "limit must be a number");
  std::string after_ns, after_name;
  const api::SnapshotPtr snapshot = TRY(page_snapshot(request, after_ns, after_name));
  std::vector<ObjectPtr> objects;
  std::size_t beyond = 0;
  const auto take = [&](const ObjectPtr& object) {
    if (std::pair(object->ns(), object->name()) <= std::pair(after_ns, after_name) && !after_name.empty())
      return;
    if (!filter.matches(*object)) return;
    if (*limit > 0 && objects.size() == static_cast<std::size_t>(*limit))
      ++beyond;
    else
      objects.push_back(object);
  };
  if (filter.name() != nullptr && !route.ns.empty()) {
    if (const auto one = snapshot->find(route.kind->group_resource(), route.ns, *filter.name())) take(one);
  } else {
    snapshot->for_each(route.kind->group_resource(), route.ns, take);
  }
  Json meta = {{"resourceVersion", std::to_string(snapshot->revision())}};
  if (beyond > 0) {
    const Json token = {
        {"rv", snapshot->revision()}, {"ns", objects.back()->ns()}, {"name", objects.back()->name()}};
    meta["continue"] = base64(to_text(token));
    meta["remainingItemCount"] = beyond;
    const std::lock_guard lock(pages_mutex_);
    pages_[snapshot->revision()] = snapshot;
    if (pages_.size() > kPagesKept) pages_.erase(pages_.begin());
  }
  Response response;
  if (wants_table(request))
    response.body = table_text(*route.kind, objects, meta, {include_of(request), true, parts_.clock.now()});
  else
    response.body = list_text(route, objects, meta, wants_partial(request));
  return response;
}

Result<Response> Handler::log(const Request& request, const Route& route) {
  const ObjectPtr pod = parts_.store.snapshot()->find("pods", route.ns, route.name);
  if (pod == nullptr) return not_found(Target{route.kind, route.ns, route.name, ""});
  LogQuery query;
  query.container = request.param("container");
  const Json& containers = array_at(object_at(pod->body(), "spec"), "containers");
  if (query.container.empty() && containers.size() > 1) {
    std::vector<std::string> names;
    for (const Json& c : containers) names.push_back(string_at(c, "name"));
    return Error(Code::kInvalid,
                 fmt::format("a container name must be specified for pod {}, choose one of: [{}]", route.name,
                             join(names, " ")));
  }
  if (query.container.empty() && !containers.empty()) query.container = string_at(containers[0], "name");
  query.follow = request.flag("follow");
  query.previous = request.flag("previous");
  query.timestamps = request.flag("timestamps");
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    return parse_int(request.param(name));
  };
  query.tail_lines = number("tailLines");
  query.limit_bytes = number("limitBytes");
  query.since_seconds = number("sinceSeconds");
  query.since_time = parse_rfc3339(request.param("sinceTime"));
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

Result<Handler::Exec> Handler::exec_of(const Request& request) {
  if (!request.user) return Error(Code::kUnauthorized, "Unauthorized");
  const Route route = TRY(parse_route(request.path));
  if (route.kind->kind != "Pod" || route.subresource != "exec")
    return Error(Code::kInvalid, "only exec can be upgraded");
  const ObjectPtr pod = parts_.store.snapshot()->find("pods", route.ns, route.name);
  if (pod == nullptr) return not_found(Target{route.kind, route.ns, route.name, ""});
  Exec exec{pod, {}};
  exec.query.container = request.param("container");
  const auto [first, last] = request.query.equal_range("command");
  for (auto it = first; it != last; ++it) exec.query.command.push_back(it->second);
  if (exec.query.command.empty())
    return Error(Code::kInvalid, "you must specify at least 1 command for exec");
  exec.query.stdin_open = request.flag("stdin");
  exec.query.stdout_open = request.flag("stdout");
  exec.query.stderr_open = request.flag("stderr");
  exec.query.tty = request.flag("tty");
  const Json& containers = array_at(object_at(pod->body(), "spec"), "containers");
  if (exec.query.container.empty() && !containers.empty())
    exec.query.container = string_at(containers[0], "name");
  TRY(check_runs(*pod, exec.query.container));
  return exec;
}

}  // namespace minik::apiserver
