// GET of one object, of a list, of a log.
#include <fmt/format.h>

#include "apiserver/handler.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::ObjectPtr;

constexpr std::size_t kPagesKept = 64;  // Snapshots that continue tokens may refer to.

constexpr std::chrono::minutes kPageLife{5};  // As long as upstream keeps old revisions.
constexpr const char* kExpiredToken =
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
    "that were created, modified, or deleted between the time the first chunk was returned and now may show "
    "up in the list.";

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
                      const Accepted& accepted) {
  const bool partial = accepted.as == Accepted::As::kPartial;
  std::string out = partial ? R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/)" +
                                  accepted.meta_version + "\""
                            : fmt::format(R"({{"kind":"{}","apiVersion":"{}")", route.kind->list_kind(),
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
      out += to_text(partial_of(*objects[i], accepted));
    else if (route.kind->stored == nullptr && route.kind->custom == nullptr)
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

Result<api::SnapshotPtr> Handler::list_snapshot(const ListOptions& options, const ContinueToken& token) {
  auto newest = parts_.store.snapshot();
  const bool exact = options.match == ListOptions::Match::kExact;
  if (options.continue_token.empty() && !exact) {
    TRY(check_reached(options.revision.value_or(0), newest->revision()));
    return newest;
  }
  const auto wanted = exact ? options.revision : token.revision;
  if (!wanted || *wanted == newest->revision()) return newest;
  TRY(check_reached(*wanted, newest->revision()));
  const std::lock_guard lock(pages_mutex_);
  std::erase_if(pages_,
                [](const auto& page) { return page.second.until < std::chrono::steady_clock::now(); });
  const auto it = pages_.find(*wanted);
  if (it != pages_.end()) return it->second.snapshot;
  return Error(Code::kGone,
               exact ? "The resourceVersion for the provided list is too old." : std::string(kExpiredToken));
}

void Handler::keep_page(const api::SnapshotPtr& snapshot) {
  const std::lock_guard lock(pages_mutex_);
  pages_.insert_or_assign(snapshot->revision(), Page{snapshot, std::chrono::steady_clock::now() + kPageLife});
  if (pages_.size() > kPagesKept) pages_.erase(pages_.begin());
}

Result<Response> Handler::list(const Request& request, const Route& route) {
  const auto parsed = parse_list_options(request, false);
  if (!parsed.ok()) return failed(parsed.error(), list_options_about());
  const ListOptions& options = *parsed;
  const Filter filter = TRY(Filter::of(request, *route.kind));
  ContinueToken token;
  if (!options.continue_token.empty()) token = TRY(ContinueToken::parse(options.continue_token));
  const auto read = list_snapshot(options, token);
  if (!read.ok()) {
    Response refused = failed(read.error(), {});
    if (read.error().code() == Code::kGone && token.revision) {
      Json status = Json::parse(refused.body);
      status["metadata"]["continue"] = ContinueToken{{}, token.after}.text();
      refused.body = to_text(status);
    }
    return refused;
  }
  const api::SnapshotPtr& snapshot = *read;
  std::vector<ObjectPtr> objects;
  std::size_t beyond = 0;
  const auto take = [&](const ObjectPtr& object) {
    if (!token.after.name.empty() && api::NsName{object->ns(), object->name()} <= token.after) return;
    if (!filter.matches(*object)) return;
    if (options.limit > 0 && objects.size() == static_cast<std::size_t>(options.limit))
      ++beyond;
    else
      objects.push_back(object);
  };
  if (filter.name() != nullptr && (!route.ns.empty() || !route.kind->namespaced)) {
    if (const auto one = snapshot->find(route.kind->group_resource(), route.ns, *filter.name())) take(one);
  } else {
    snapshot->for_each(route.kind->group_resource(), route.ns, take);
  }
  Json meta = {{"resourceVersion", std::to_string(snapshot->revision())}};
  if (beyond > 0) {
    meta["continue"] =
        ContinueToken{snapshot->revision(), {objects.back()->ns(), objects.back()->name()}}.text();
    if (filter.empty()) meta["remainingItemCount"] = beyond;
    keep_page(snapshot);
  }
  Response response;
  const Accepted accepted = accepted_of(request);
  if (accepted.as == Accepted::As::kTable)
    response.body =
        table_text(*route.kind, objects, meta, table_options(request, accepted, parts_.clock.now()));
  else
    response.body = list_text(route, objects, meta, accepted);
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
  const Route route = TRY(parse_route(parts_.registry.schema(), request.path));
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
