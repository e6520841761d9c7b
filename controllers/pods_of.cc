#include "controllers/pods_of.h"

#include "base/files.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

constexpr std::size_t kNamePrefixMax = 57;       // 63 less "-" and five random characters.
constexpr std::chrono::seconds kCreateAgain{5};  // After a creation that was refused.

}  // namespace

std::string label_of(const Object& object, const std::string& label) {
  const auto it = object.meta().labels.find(label);
  return it == object.meta().labels.end() ? "" : it->second;
}

std::string annotation_of(const Object& object, const std::string& annotation) {
  const auto it = object.meta().annotations.find(annotation);
  return it == object.meta().annotations.end() ? "" : it->second;
}

Json pod_from(const Object& owner, const Json& pod_template, const std::string& name) {
  Json pod = {{"kind", "Pod"}, {"apiVersion", "v1"}, {"spec", object_at(pod_template, "spec")}};
  const Json& meta = object_at(pod_template, "metadata");
  for (const char* member : {"labels", "annotations", "finalizers"}) {
    if (meta.contains(member)) pod["metadata"][member] = meta[member];
  }
  pod["metadata"]["name"] = name;
  pod["metadata"]["namespace"] = owner.ns();
  pod["metadata"]["ownerReferences"] = Json::array({owner_reference(owner)});
  return pod;
}

Json random_pod_from(const Object& owner, const Json& pod_template, const std::string& prefix) {
  const std::string start = prefix.substr(0, kNamePrefixMax) + "-";
  Json pod = pod_from(owner, pod_template, start + random_suffix(5));
  pod["metadata"]["generateName"] = start;
  return pod;
}

bool is_active(const ObjectPtr& pod) { return !pod->meta().deletion && !pod->view<api::Pod>().finished(); }
bool is_ready(const ObjectPtr& pod) { return pod->view<api::Pod>().ready; }

bool is_available(const ObjectPtr& pod, std::int64_t seconds, WallTime now, Steps& steps) {
  if (!is_ready(pod)) return false;
  if (seconds <= 0) return true;
  for (const Json& condition : array_at(status_of(*pod), "conditions")) {
    if (string_at(condition, "type") != "Ready") continue;
    const auto since = parse_rfc3339(string_at(condition, "lastTransitionTime"));
    if (!since) return false;
    const WallTime at = *since + std::chrono::seconds(seconds);
    if (at <= now) return true;
    steps.later(at);
  }
  return false;
}

void PodWriter::make(Json pod) {
  const std::string name = string_at(object_at(pod, "metadata"), "name");
  steps_.writes.push_back(create("pods", std::move(pod)));
  steps_.reports.push_back({owner_, component_, false, "SuccessfulCreate", "Created pod: " + name,
                            steps_.writes.back().key, "FailedCreate", "Error creating: "});
  steps_.later(now_ + kCreateAgain);
}

void PodWriter::drop(const Object& pod) {
  steps_.writes.push_back(remove(pod));
  steps_.reports.push_back({owner_, component_, false, "SuccessfulDelete", "Deleted pod: " + pod.name(),
                            steps_.writes.back().key, "FailedDelete", "Error deleting: "});
}

void PodWriter::tell(bool warning, const std::string& reason, const std::string& message) {
  steps_.reports.push_back({owner_, component_, warning, reason, message, std::nullopt, "", ""});
}

}  // namespace minik::controllers
