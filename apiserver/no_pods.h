// NoPods: the PodBackend of a server without containers, for tests: every stream is refused, every log empty.
//
// Threads: any.
#pragma once

#include "apiserver/pod_backend.h"

namespace minik::apiserver {

class NoPods : public PodBackend {
 public:
  Result<> logs(const api::Object&, const LogQuery&, const std::function<bool(std::string_view)>&) override {
    return {};
  }
  Result<Program> exec(const api::Object&, const ExecQuery&) override { return none(); }
  Result<Program> attach(const api::Object&, const ExecQuery&) override { return none(); }
  Result<UniqueFd> dial(const api::Object*, const Ip&, int) override { return none(); }
  Result<std::string> network_of(const api::Object&) override { return none(); }

 private:
  static Error none() { return Error(Code::kNotFound, "no such container"); }
};

}  // namespace minik::apiserver
