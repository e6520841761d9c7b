// Jobs: pods run until enough of them have succeeded or too many have failed.
#pragma once

#include "controllers/owner_index.h"

namespace minik::controllers {

class JobController final : public OwningController {
 public:
  JobController() : OwningController("jobs.batch", {"pods", "jobs.batch", "Job"}) {}

 private:
  void sync(const World& world, const api::Object& owner, std::vector<api::Write>& writes) const override;
};

// Indexes as text and back: 1,3-5,7.  Pure.
std::string indexes_text(const std::set<std::int64_t>& indexes);

}  // namespace minik::controllers
