#include "kubectl-lite/watch_stream.h"

#include <algorithm>

#include "kubectl-lite/failure.h"

namespace minik::kubectl {
namespace {

// How a watch ended, seen from inside its lines.
struct Ended {
  std::optional<Error> error;
  bool stopped = false;
};

bool on_line(std::string_view line, const std::function<Result<bool>(const WatchEvent&)>& take,
             Ended& ended) {
  auto json = parse_json(line);
  if (!json.ok()) {
    ended.error = failed("unable to decode an event from the watch stream: " + json.error().message());
    return false;
  }
  WatchEvent event{string_at(*json, "type"), object_at(*json, "object")};
  if (event.type == "BOOKMARK") return true;
  if (event.type == "ERROR") {
    ended.error = status_error(event.object);
    return false;
  }
  const Result<bool> more = take(event);
  if (!more.ok())
    ended.error = more.error();
  else
    ended.stopped = !*more;
  return more.ok() && *more;
}

}  // namespace

bool LineSplitter::feed(std::string_view bytes, const std::function<bool(std::string_view)>& take) {
  rest_.append(bytes);
  std::size_t start = 0;
  for (auto end = rest_.find('\n', start); end != std::string::npos; end = rest_.find('\n', start)) {
    const std::string_view line = std::string_view(rest_).substr(start, end - start);
    if (!line.empty() && !take(line)) return false;
    start = end + 1;
  }
  rest_.erase(0, start);
  return true;
}

Result<> watch(Session& session, Call call, const std::string& revision,
               const std::function<Result<bool>(const WatchEvent&)>& take) {
  call.query.emplace_back("watch", "true");
  if (!revision.empty()) call.query.emplace_back("resourceVersion", revision);
  LineSplitter lines;
  Ended ended;
  const Result<> streamed = session.api.stream(call, [&](std::string_view bytes) {
    return lines.feed(bytes, [&](std::string_view line) { return on_line(line, take, ended); });
  });
  if (ended.error) return *ended.error;
  if (ended.stopped) return {};
  return streamed;
}

Result<bool> wait_until(Session& session, const api::Kind& kind, const std::string& ns,
                        const std::string& name, std::chrono::milliseconds timeout,
                        const std::function<Result<bool>(const Json* object)>& done) {
  const SteadyTime deadline = session.clock.steady() + timeout;
  while (true) {
    Call call = get_call(kind, ns, "", {{"fieldSelector", "metadata.name=" + name}});
    Json list = TRY(session.fetch(call));
    Json items = array_at(list, "items");
    if (!items.empty()) set_type(items[0], kind);
    if (TRY(done(items.empty() ? nullptr : &items[0]))) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - session.clock.steady());
    if (left.count() <= 0) return false;
    call.query.emplace_back("timeoutSeconds",
                            std::to_string(std::max<std::int64_t>(1, (left.count() + 999) / 1000)));
    bool reached = false;
    const auto watched = watch(session, call, string_at(object_at(list, "metadata"), "resourceVersion"),
                               [&](const WatchEvent& event) -> Result<bool> {
                                 reached = TRY(done(event.type == "DELETED" ? nullptr : &event.object));
                                 return !reached;
                               });
    if (reached) return true;
    if (!watched.ok() && watched.error().code() != Code::kGone) return watched.error();
  }
}

}  // namespace minik::kubectl
