#include "kubectl-lite/logs.h"

#include <fmt/format.h>

#include <ostream>

#include "kubectl-lite/failure.h"
#include "kubectl-lite/pod_choice.h"
#include "kubectl-lite/resource_args.h"
#include "kubectl-lite/text.h"
#include "kubectl-lite/watch_stream.h"

namespace minik::kubectl {
namespace {

constexpr std::int64_t kTailOfMany = 10;  // Lines of each pod when a selector chose them.

Result<Query> query_of(const LogsOptions& options) {
  Query query;
  if (options.follow) query.emplace_back("follow", "true");
  if (options.previous) query.emplace_back("previous", "true");
  if (options.timestamps) query.emplace_back("timestamps", "true");
  const std::int64_t tail = options.tail.value_or(options.labels.empty() ? -1 : kTailOfMany);
  if (tail < -1) return failed("--tail must be greater than or equal to -1");
  if (tail >= 0) query.emplace_back("tailLines", std::to_string(tail));
  if (options.limit_bytes) query.emplace_back("limitBytes", std::to_string(*options.limit_bytes));
  if (!options.since.empty() && !options.since_time.empty())
    return failed("at most one of `sinceTime` or `sinceSeconds` may be specified");
  if (!options.since_time.empty()) query.emplace_back("sinceTime", options.since_time);
  if (!options.since.empty()) {
    const auto since = parse_duration(options.since);
    if (!since || since->count() < 0)
      return usage(fmt::format("invalid argument \"{}\" for \"--since\" flag", options.since));
    if (since->count() > 0) query.emplace_back("sinceSeconds", std::to_string((since->count() + 999) / 1000));
  }
  return query;
}

Result<> show_log(Session& session, const Json& pod, const std::string& container, Query query, bool prefix) {
  query.emplace_back("container", container);
  const api::Kind* pods = TRY(kind_of_word("pods"));
  Call call;
  call.path = path_of(*pods, namespace_of(pod), name_of(pod), "log");
  call.query = std::move(query);
  call.accept = "application/json, */*";
  const std::string start = prefix ? fmt::format("[pod/{}/{}] ", name_of(pod), container) : "";
  LineSplitter lines;
  std::string rest;
  return session.api.stream(call, [&](std::string_view bytes) {
    if (!prefix) {
      session.out << bytes << std::flush;
      return session.out.good();
    }
    return lines.feed(bytes, [&](std::string_view line) {
      session.out << start << line << '\n' << std::flush;
      return session.out.good();
    });
  });
}

}  // namespace

Result<int> logs(Session& session, const LogsOptions& options) {
  const Query query = TRY(query_of(options));
  std::vector<Json> pods;
  if (!options.labels.empty()) {
    if (!options.args.empty()) return usage("only a selector (-l) or a POD name is allowed");
    const api::Kind* kind = TRY(kind_of_word("pods"));
    const Json list =
        TRY(session.fetch(get_call(*kind, session.ns, "", {{"labelSelector", options.labels}})));
    pods.assign(array_at(list, "items").begin(), array_at(list, "items").end());
    if (pods.empty()) session.err << "No resources found in " << session.ns << " namespace.\n";
  } else if (options.args.empty() || options.args.size() > 2) {
    return usage(
        "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required "
        "argument for the logs command");
  } else {
    pods.push_back(TRY(choose_pod(session, options.args.front(), true)));
  }
  const std::string wanted = options.args.size() == 2 ? options.args[1] : options.container;
  for (const Json& pod : pods) {
    std::vector<std::string> containers;
    if (options.all_containers)
      containers = container_names(pod, true);
    else
      containers.push_back(TRY(choose_container(session, pod, wanted)));
    for (const std::string& container : containers)
      TRY(show_log(session, pod, container, query, options.prefix));
  }
  return 0;
}

}  // namespace minik::kubectl
