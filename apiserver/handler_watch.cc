// Watch: changes as a stream of JSON lines.
#include <fmt/format.h>

#include <random>
#include <utility>

#include "apiserver/handler.h"
#include "apiserver/status.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::ObjectPtr;

constexpr Millis kLook{2'000};  // How often an idle stream looks whether its client is still there.
constexpr std::chrono::seconds kBookmarkEvery{60};
constexpr std::size_t kSendAtOnce = 16 * 1024;  // Bytes: lines that come together leave together.
// A watch without timeoutSeconds ends after this and up to as much again, so that not all end at once.
constexpr int kDefaultTimeoutSeconds = 1'800;

// One client's stream.
class Stream {
 public:
  Stream(const Request& request, const Route& route, Filter filter, const Clock& clock, EventLines& lines,
         const Sink& sink)
      : route_(route),
        filter_(std::move(filter)),
        clock_(clock),
        lines_(lines),
        sink_(sink),
        accepted_(accepted_of(request)),
        options_(table_options(request, accepted_, clock.now())),
        table_(accepted_.as == Accepted::As::kTable) {}

  bool initial(const api::Snapshot& snapshot, bool announce_end) {
    bool alive = true;
    snapshot.for_each(route_.kind->group_resource(), route_.ns, [&](const ObjectPtr& object) {
      if (alive && wanted(*object)) alive = put(line("ADDED", form_of(object, first_row())));
    });
    return alive && (!announce_end || bookmark(snapshot.revision(), true)) && flush();
  }

  // Leaving the selection is a deletion to this client, entering it an addition.
  bool event(const Event& event) {
    const bool is = event.type != Event::Type::kDeleted && wanted(*event.object);
    const bool was = event.before != nullptr && wanted(*event.before);
    if (!is && !was) return true;
    const bool left = !is && event.type != Event::Type::kDeleted;
    const char* type = is ? (was ? "MODIFIED" : "ADDED") : "DELETED";
    const bool columns = first_row();
    const auto shared = lines_.get(event.revision, form_name(left ? "LEFT" : type, columns), [&] {
      return line(type, form_of(left ? left_of(event) : event.object, columns));
    });
    return put(*shared);
  }
  bool flush() {
    std::string out;
    out.swap(pending_);
    return out.empty() || sink_(out);
  }

  bool bookmark(std::uint64_t revision, bool end_of_initial) {
    Json object = {
        {"kind", route_.kind->kind},
        {"apiVersion", route_.kind->api_version()},
        {"metadata", {{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}}}};
    if (end_of_initial) object["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
    if (accepted_.as == Accepted::As::kPartial) {
      object["kind"] = "PartialObjectMetadata";
      object["apiVersion"] = "meta.k8s.io/" + accepted_.meta_version;
    }
    if (table_) {
      Json table = Json::parse(
          table_text(*route_.kind, {}, {{"resourceVersion", std::to_string(revision)}}, options_with(false)));
      table["metadata"] = object["metadata"];
      object = std::move(table);
    }
    return put(line("BOOKMARK", to_text(object)));
  }

  bool error(const Error& why) { return put(line("ERROR", to_text(status_json(why, {})))) && flush(); }
  bool alive() { return sink_(""); }

 private:
  bool wanted(const api::Object& object) const {
    return (route_.ns.empty() || object.ns() == route_.ns) &&
           (route_.name.empty() || object.name() == route_.name) && filter_.matches(object);
  }
  // What the client knows, under the revision at which it left.
  static ObjectPtr left_of(const Event& event) {
    Json left = event.before->body();
    left["metadata"]["resourceVersion"] = std::to_string(event.revision);
    return std::make_shared<api::Object>(event.object->resource(), event.revision, std::move(left));
  }
  // The object in the form that this client asked for.
  std::string form_of(const ObjectPtr& object, bool columns) const {
    if (accepted_.as == Accepted::As::kPartial) return partial_text(*object, accepted_.meta_version);
    if (!table_) return bytes_of(*route_.kind, *object);
    const Json meta = {{"resourceVersion", std::to_string(object->revision())}};
    return table_text(*route_.kind, std::span(&object, 1), meta, options_with(columns));
  }
  // Names everything that a line depends on beside its event.
  std::string form_name(const char* type, bool columns) const {
    std::string name = fmt::format("{} {} {} {}", type, route_.kind->group_resource(),
                                   route_.kind->api_version(), static_cast<int>(accepted_.as));
    if (accepted_.as != Accepted::As::kObject) name += " " + accepted_.meta_version;
    if (!table_) return name;
    const auto second = std::chrono::floor<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    return name + fmt::format(" {} {} {}", static_cast<int>(options_.include), columns, second);
  }
  // Only a stream's first table names the columns.
  bool first_row() { return table_ && !std::exchange(columns_sent_, true); }
  TableOptions options_with(bool columns) const {
    TableOptions options = options_;
    options.with_columns = columns;
    options.now = clock_.now();
    return options;
  }
  static std::string line(const char* type, std::string_view object) {
    return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
  }
  bool put(std::string_view line) {
    pending_ += line;
    return pending_.size() < kSendAtOnce || flush();
  }

  Route route_;
  Filter filter_;
  const Clock& clock_;
  EventLines& lines_;
  const Sink& sink_;
  std::string pending_;
  Accepted accepted_;
  TableOptions options_;
  bool table_;
  bool columns_sent_ = false;
};

std::chrono::seconds default_timeout() {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int> more(0, kDefaultTimeoutSeconds);
  return std::chrono::seconds(kDefaultTimeoutSeconds + more(random));
}

void follow(Stream& stream, Watch& watch, std::chrono::seconds timeout, bool bookmarks) {
  const auto start = std::chrono::steady_clock::now();
  auto bookmarked = start, looked = start;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::duration_cast<Millis>(start + timeout - now);
    if (left <= Millis(0)) {
      if (bookmarks && stream.bookmark(watch.seen(), false)) stream.flush();
      return;
    }
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
    if (!stream.flush()) return;
    if (now - looked < kLook) continue;
    looked = now;  // Events that this client does not want tell nothing about it.
    if (!stream.alive()) return;
  }
}

}  // namespace

Result<Response> Handler::watch(const Request& request, const Route& route) {
  const auto parsed = parse_list_options(request, true);
  if (!parsed.ok()) return failed(parsed.error(), list_options_about());
  const ListOptions& options = *parsed;
  Filter filter = TRY(Filter::of(request, *route.kind));
  const api::SnapshotPtr snapshot = parts_.store.snapshot();
  const std::uint64_t wanted = options.revision.value_or(0);
  TRY(check_reached(wanted, snapshot->revision()));
  const bool from_start = options.send_initial.value_or(wanted == 0);
  // Without initial events and without a revision a watch begins now.
  const std::uint64_t after = from_start || wanted == 0 ? snapshot->revision() : wanted;
  Watch events = TRY(parts_.store.watch(route.kind->group_resource(), after));
  Response response;
  response.stream = [this, request, route, filter = std::move(filter), snapshot = api::SnapshotPtr(snapshot),
                     events, from_start, announce = from_start && options.send_initial && options.bookmarks,
                     bookmarks = options.bookmarks,
                     timeout = options.timeout.value_or(default_timeout())](const Sink& sink) mutable {
    const Metrics::Watching counted(metrics_, *route.kind);
    Stream stream(request, route, std::move(filter), parts_.clock, lines_, sink);
    if (from_start && !stream.initial(*snapshot, announce)) return;
    snapshot.reset();
    follow(stream, events, timeout, bookmarks);
  };
  return response;
}

}  // namespace minik::apiserver
