// RuntimeBackend: the API server's questions about pods, put to the runtime.
#pragma once

#include "apiserver/pod_backend.h"
#include "runtime/runtime.h"

namespace minik::daemon {

class RuntimeBackend final : public apiserver::PodBackend {
 public:
  explicit RuntimeBackend(runtime::Runtime& runtime) : runtime_(runtime) {}
  Result<> logs(const api::Object& pod, const apiserver::LogQuery& query,
                const std::function<bool(std::string_view)>& sink) override;
  Result<apiserver::Program> exec(const api::Object& pod, const apiserver::ExecQuery& query) override;

 private:
  runtime::Runtime& runtime_;
};

}  // namespace minik::daemon
