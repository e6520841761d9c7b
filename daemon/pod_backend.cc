#include "daemon/pod_backend.h"

namespace minik::daemon {

Result<> RuntimeBackend::logs(const api::Object& pod, const apiserver::LogQuery& query,
                              const std::function<bool(std::string_view)>& sink) {
  runtime::LogRequest request;
  request.ns = pod.ns();
  request.pod = pod.name();
  request.uid = pod.uid();
  request.container = query.container;
  request.follow = query.follow;
  request.previous = query.previous;
  request.timestamps = query.timestamps;
  request.tail_lines = query.tail_lines;
  request.limit_bytes = query.limit_bytes;
  request.since_seconds = query.since_seconds;
  request.since_time = query.since_time;
  return runtime_.logs(request, sink);
}

Result<apiserver::Program> RuntimeBackend::exec(const api::Object& pod, const apiserver::ExecQuery& query) {
  runtime::ExecSession session =
      TRY(runtime_.exec({pod.uid(), query.container, query.command, query.stdin_open}));
  return apiserver::Program{std::move(session.input), std::move(session.output), std::move(session.errors),
                            std::move(session.wait), std::move(session.kill)};
}

}  // namespace minik::daemon
