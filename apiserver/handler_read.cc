// GET of one object and of a list.
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
    else
      out += objects[i]->bytes();
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

}  // namespace minik::apiserver
