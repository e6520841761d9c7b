// PodStatus: what the runtime saw → status of Pods; the end of pods that have stopped.
//
// Phase and conditions: pod-runtime.md sections 7.1 and 7.2.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class PodStatusController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  api::SnapshotPtr seen_;
  api::PodFacts seen_facts_;
  std::map<std::string, api::NsName> names_;  // uid → where the pod is.
};

// The status that the facts mean.  Pure.
Json pod_status(const api::Object& pod, const api::PodFact& fact, WallTime now);
std::string pod_phase(const api::Object& pod, const api::PodFact& fact);

}  // namespace minik::controllers
