// GET of one object and of a list.
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
      out += partial_text(*objects[i], accepted.meta_version);
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

}  // namespace minik::apiserver
