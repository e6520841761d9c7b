// Watch: changes as a stream of JSON lines.
#include <fmt/format.h>

#include <random>

#include "apiserver/handler.h"
#include "apiserver/status.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::ObjectPtr;

constexpr Millis kLook{2'000};  // How often an idle stream looks whether its client is still there.
constexpr std::chrono::seconds kBookmarkEvery{60};
constexpr int kDefaultTimeoutSeconds = 1'800;

// One client's stream.
class Stream {
 public:
  Stream(const Request& request, const Route& route, Filter filter, const Clock& clock, const Sink& sink)
      : route_(route),
        filter_(std::move(filter)),
        clock_(clock),
        sink_(sink),
        table_(wants_table(request)),
        include_(include_of(request)) {}

  bool initial(const api::Snapshot& snapshot, bool announce_end) {
    bool alive = true;
    snapshot.for_each(route_.kind->group_resource(), route_.ns, [&](const ObjectPtr& object) {
      if (alive && wanted(*object)) alive = send("ADDED", object);
    });
    return alive && (!announce_end || bookmark(snapshot.revision(), true));
  }

  // Leaving the selection is a deletion to this client, entering it an addition.
  bool event(const Event& event) {
    const bool is = event.type != Event::Type::kDeleted && wanted(*event.object);
    const bool was = event.before != nullptr && wanted(*event.before);
    if (is) return send(was ? "MODIFIED" : "ADDED", event.object);
    return !was || send("DELETED", event.object);
  }

  bool bookmark(std::uint64_t revision, bool end_of_initial) {
    Json object = {
        {"kind", route_.kind->kind},
        {"apiVersion", route_.kind->api_version()},
        {"metadata", {{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}}}};
    if (end_of_initial) object["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
    if (table_) {
      Json table = Json::parse(table_text(*route_.kind, {}, {{"resourceVersion", std::to_string(revision)}},
                                          {include_, false, clock_.now()}));
      table["metadata"] = object["metadata"];
      object = std::move(table);
    }
    return line("BOOKMARK", to_text(object));
  }

  bool error(const Error& why) { return line("ERROR", to_text(status_json(why, {}))); }
  bool alive() { return sink_(""); }

 private:
  bool wanted(const api::Object& object) const {
    return (route_.ns.empty() || object.ns() == route_.ns) &&
           (route_.name.empty() || object.name() == route_.name) && filter_.matches(object);
  }
  bool send(const char* type, const ObjectPtr& object) {
    if (!table_) return line(type, bytes_of(*route_.kind, *object));
    const Json meta = {{"resourceVersion", std::to_string(object->revision())}};
    const std::string text =
        table_text(*route_.kind, std::span(&object, 1), meta, {include_, !columns_sent_, clock_.now()});
    columns_sent_ = true;
    return line(type, text);
  }
  bool line(const char* type, std::string_view object) {
    return sink_(fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object));
  }

  Route route_;
  Filter filter_;
  const Clock& clock_;
  const Sink& sink_;
  bool table_;
  IncludeObject include_;
  bool columns_sent_ = false;
};

void follow(Stream& stream, Watch& watch, std::chrono::seconds timeout, bool bookmarks) {
  const auto start = std::chrono::steady_clock::now();
  auto bookmarked = start;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::duration_cast<Millis>(start + timeout - now);
    if (left <= Millis(0)) return;
    auto events = watch.next(std::min(kLook, left));
    if (!events.ok()) {
      if (events.error().code() == Code::kGone) stream.error(events.error());
      return;
    }
    for (const Event& event : *events) {
      if (!stream.event(event)) return;
    }
    if (bookmarks && now - bookmarked >= kBookmarkEvery) {
      bookmarked = now;
      if (!stream.bookmark(watch.seen(), false)) return;
    }
    if (events->empty() && !stream.alive()) return;
  }
}

}  // namespace

Result<Response> Handler::watch(const Request& request, const Route& route) {
  Filter filter = TRY(Filter::of(request, *route.kind));
  const api::SnapshotPtr snapshot = parts_.store.snapshot();
  const std::string text = request.param("resourceVersion");
  const bool send_initial = request.flag("sendInitialEvents");
  const auto wanted = parse_int(text.empty() ? "0" : text);
  if (!wanted || *wanted < 0)
    return Error(Code::kInvalid,
                 fmt::format("Invalid value: \"{}\": resourceVersion must be a number", text));
  const bool from_start = *wanted == 0 || send_initial;
  const std::uint64_t after = from_start ? snapshot->revision() : static_cast<std::uint64_t>(*wanted);
  if (after > snapshot->revision()) {
    return Error(Code::kTimeout,
                 fmt::format("Too large resource version: {}, current: {}", after, snapshot->revision()))
        .with_causes({{"ResourceVersionTooLarge", "", "Too large resource version"}});
  }
  Watch events = TRY(parts_.store.watch(route.kind->group_resource(), after));
  const auto seconds = parse_int(request.param("timeoutSeconds", std::to_string(kDefaultTimeoutSeconds)));
  const bool bookmarks = request.flag("allowWatchBookmarks");
  Response response;
  response.stream =
      [this, request, route, filter = std::move(filter), snapshot = api::SnapshotPtr(snapshot), events,
       from_start, send_initial, bookmarks,
       timeout = std::chrono::seconds(seconds.value_or(kDefaultTimeoutSeconds))](const Sink& sink) mutable {
        Stream stream(request, route, std::move(filter), parts_.clock, sink);
        if (from_start && !stream.initial(*snapshot, send_initial)) return;
        snapshot.reset();
        follow(stream, events, timeout, bookmarks);
      };
  return response;
}

}  // namespace minik::apiserver
