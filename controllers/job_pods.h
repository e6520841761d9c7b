// The pods of a Job: how one ended, what its failure means, indexes as text.
//
// Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "controllers/controller.h"

namespace minik::controllers {

inline constexpr const char* kJobFinalizer = "batch.kubernetes.io/job-tracking";
inline constexpr const char* kJobIndex = "batch.kubernetes.io/job-completion-index";

// "0,2-4" and back; what is no index is left out.
std::set<std::int64_t> parse_indexes(const std::string& text);
std::string indexes_text(const std::set<std::int64_t>& indexes);
// The completion index of a pod; nothing if it has none.
std::optional<std::int64_t> index_of(const api::Object& pod);

// The pod of a Job; `index` for completionMode Indexed.
Json job_pod(const api::Object& job, std::optional<std::int64_t> index);

bool has_succeeded(const api::ObjectPtr& pod);
// Failed, or on its way out without having succeeded where that counts (podReplacementPolicy).
bool has_failed(const api::Object& job, const api::ObjectPtr& pod);
WallTime end_of(const api::Object& pod, WallTime now);

// What spec.podFailurePolicy says of a failed pod.
struct FailureVerdict {
  enum class Action : std::uint8_t { kCount, kIgnore, kFailIndex, kFailJob } action = Action::kCount;
  std::string message;
};
FailureVerdict verdict_of(const api::Object& job, const api::Object& pod);

// Takes the Job's finalizer from the pod.
api::Write without_finalizer(const api::Object& pod);
bool has_finalizer(const api::Object& pod);

}  // namespace minik::controllers
