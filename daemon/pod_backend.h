// RuntimeBackend: the API server's questions about pods, put to the runtime.
#pragma once

#include "apiserver/pod_backend.h"
#include "runtime/runtime.h"

namespace minik::daemon {

class RuntimeBackend final : public apiserver::PodBackend {
 public:
  RuntimeBackend(runtime::Runtime& runtime, std::string node_netns)
      : runtime_(runtime), node_netns_(std::move(node_netns)) {}
  Result<> logs(const api::Object& pod, const apiserver::LogQuery& query,
                const std::function<bool(std::string_view)>& sink) override;
  Result<apiserver::Program> exec(const api::Object& pod, const apiserver::ExecQuery& query) override;
  Result<apiserver::Program> attach(const api::Object& pod, const apiserver::ExecQuery& query) override;
  Result<UniqueFd> dial(const api::Object* pod, const Ip& address, int port) override;
  Result<std::string> network_of(const api::Object& pod) override;

 private:
  runtime::Runtime& runtime_;
  std::string node_netns_;
};

}  // namespace minik::daemon
