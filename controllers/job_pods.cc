#include "controllers/job_pods.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "controllers/pods_of.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

void add_index(Json& pod, const std::string& job, std::int64_t index) {
  const std::string text = std::to_string(index);
  pod["metadata"]["annotations"][kJobIndex] = text;
  pod["metadata"]["labels"][kJobIndex] = text;
  pod["spec"]["hostname"] = job + "-" + text;
  const Json variable = {
      {"name", "JOB_COMPLETION_INDEX"},
      {"valueFrom",
       {{"fieldRef",
         {{"apiVersion", "v1"}, {"fieldPath", fmt::format("metadata.annotations['{}']", kJobIndex)}}}}}};
  for (const char* list : {"initContainers", "containers"}) {
    if (!pod["spec"].contains(list)) continue;
    for (Json& container : pod["spec"][list]) {
      Json& env = container["env"];
      const bool there = std::any_of(env.begin(), env.end(), [](const Json& var) {
        return string_at(var, "name") == "JOB_COMPLETION_INDEX";
      });
      if (!there) env.push_back(variable);
    }
  }
}

// The first container whose exit code the requirement is for; its name and code as text, "" if none.
std::string matching_container(const Object& pod, const Json& codes) {
  const std::string only = string_at(codes, "containerName");
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& status : array_at(status_of(pod), list)) {
      const Json* ended = find(status, "state", "terminated");
      if (ended == nullptr || int_at(*ended, "exitCode") == 0) continue;
      const std::string name = string_at(status, "name");
      if (!only.empty() && only != name) continue;
      const Json& values = array_at(codes, "values");
      const bool in =
          std::find(values.begin(), values.end(), Json(int_at(*ended, "exitCode"))) != values.end();
      if (in != (string_at(codes, "operator") == "In")) continue;
      return fmt::format("Container {} for pod {}/{} failed with exit code {}", name, pod.ns(), pod.name(),
                         int_at(*ended, "exitCode"));
    }
  }
  return "";
}

std::string matching_condition(const Object& pod, const Json& patterns) {
  for (const Json& pattern : patterns) {
    for (const Json& condition : array_at(status_of(pod), "conditions")) {
      const std::string type = string_at(condition, "type");
      if (type == string_at(pattern, "type") &&
          string_at(condition, "status") == string_at(pattern, "status", "True"))
        return fmt::format("Pod {}/{} has condition {}", pod.ns(), pod.name(), type);
    }
  }
  return "";
}

}  // namespace

std::set<std::int64_t> parse_indexes(const std::string& text) {
  constexpr std::int64_t kMost = 1'000'000;  // Far beyond what completions may be for an Indexed Job here.
  std::set<std::int64_t> indexes;
  for (const auto& part : split(text, ',')) {
    const auto dash = part.find('-');
    const auto first = parse_int(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_int(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last > kMost) continue;
    for (std::int64_t i = *first; i <= *last; ++i) indexes.insert(i);
  }
  return indexes;
}

std::string indexes_text(const std::set<std::int64_t>& indexes) {
  std::vector<std::string> parts;
  for (auto it = indexes.begin(); it != indexes.end();) {
    const std::int64_t first = *it;
    std::int64_t last = first;
    while (++it != indexes.end() && *it == last + 1) ++last;
    if (last == first)
      parts.push_back(std::to_string(first));
    else  // Two neighbours are written "0,1", as the reference does.
      parts.push_back(fmt::format("{}{}{}", first, last == first + 1 ? "," : "-", last));
  }
  return join(parts, ",");
}

std::optional<std::int64_t> index_of(const Object& pod) {
  const auto index = parse_int(annotation_of(pod, kJobIndex));
  if (!index || *index < 0) return std::nullopt;
  return *index;
}

Json job_pod(const Object& job, std::optional<std::int64_t> index) {
  const std::string prefix = index ? fmt::format("{}-{}", job.name(), *index) : job.name();
  Json pod = random_pod_from(job, template_of(job), prefix);
  pod["metadata"]["finalizers"].push_back(kJobFinalizer);
  if (index) add_index(pod, job.name(), *index);
  return pod;
}

bool has_succeeded(const ObjectPtr& pod) { return pod->view<api::Pod>().phase == "Succeeded"; }

bool has_failed(const Object& job, const ObjectPtr& pod) {
  const std::string& phase = pod->view<api::Pod>().phase;
  if (phase == "Failed") return true;
  if (string_at(spec_of(job), "podReplacementPolicy") == "Failed") return false;
  return pod->meta().deletion && phase != "Succeeded";
}

WallTime end_of(const Object& pod, WallTime now) {
  WallTime end{};
  for (const Json& status : array_at(status_of(pod), "containerStatuses")) {
    const Json* ended = find(status, "state", "terminated");
    if (ended == nullptr) continue;
    end = std::max(end, parse_rfc3339(string_at(*ended, "finishedAt")).value_or(now));
  }
  if (end != WallTime{}) return end;
  for (const Json& condition : array_at(status_of(pod), "conditions")) {
    if (string_at(condition, "type") != "Ready") continue;
    if (const auto since = parse_rfc3339(string_at(condition, "lastTransitionTime"))) return *since;
  }
  return pod.meta().deletion.value_or(pod.meta().created);
}

FailureVerdict verdict_of(const Object& job, const Object& pod) {
  using Action = FailureVerdict::Action;
  static const std::map<std::string, Action> kActions = {{"Count", Action::kCount},
                                                         {"Ignore", Action::kIgnore},
                                                         {"FailIndex", Action::kFailIndex},
                                                         {"FailJob", Action::kFailJob}};
  if (pod.view<api::Pod>().phase != "Failed") return {};
  const Json& rules = array_at(object_at(spec_of(job), "podFailurePolicy"), "rules");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string why = rules[i].contains("onExitCodes")
                                ? matching_container(pod, rules[i]["onExitCodes"])
                                : matching_condition(pod, array_at(rules[i], "onPodConditions"));
    const auto action = kActions.find(string_at(rules[i], "action"));
    if (why.empty() || action == kActions.end()) continue;
    return {action->second, fmt::format("{} matching {} rule at index {}", why, action->first, i)};
  }
  return {};
}

bool has_finalizer(const Object& pod) {
  const auto& finalizers = pod.meta().finalizers;
  return std::find(finalizers.begin(), finalizers.end(), kJobFinalizer) != finalizers.end();
}

api::Write without_finalizer(const Object& pod) {
  Json body = pod.body();
  Json& finalizers = body["metadata"]["finalizers"];
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), Json(kJobFinalizer)), finalizers.end());
  if (finalizers.empty()) body["metadata"].erase("finalizers");
  return put_all(pod, std::move(body));
}

}  // namespace minik::controllers
