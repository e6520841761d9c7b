// Jobs: pods that run to their end, as many as must succeed.
//
// Ended pods are counted once and for all: a finalizer keeps the pod until its uid stands in
// status.uncountedTerminatedPods; then the finalizer goes, and only then the uid becomes part of the number.
// A crash between any two of these steps counts no pod twice and forgets none.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class JobController final : public OwningController {
 public:
  JobController() : OwningController("jobs.batch", {"pods", "jobs.batch", "Job"}) {}

 private:
  void sync(const World& world, const api::ObjectPtr& owner, std::vector<api::ObjectPtr> owned,
            Steps& steps) const override;
  void gone(const World& world, const api::NsName& name, Steps& steps) const override;
};

// How long the next pod waits after so many failures in a row: 10 s, 20 s, 40 s, … at most ten minutes.
std::chrono::seconds backoff_of(std::int64_t failures);

}  // namespace minik::controllers
