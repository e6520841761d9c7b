#include "controllers/happenings.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pod.h"
#include "base/text.h"
#include "controllers/controller.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

Happening about(const Object& object, std::string component, std::string reason, std::string message) {
  Happening h;
  h.api_version = string_at(object.body(), "apiVersion");
  h.kind = string_at(object.body(), "kind");
  h.about = object.key();
  h.uid = object.uid();
  h.component = std::move(component);
  h.reason = std::move(reason);
  h.message = std::move(message);
  return h;
}

struct Maker {
  const char *kind, *resource, *component;
};
constexpr Maker kMakers[] = {{"ReplicaSet", "replicasets.apps", "replicaset-controller"},
                             {"ReplicationController", "replicationcontrollers", "replication-controller"},
                             {"DaemonSet", "daemonsets.apps", "daemonset-controller"},
                             {"StatefulSet", "statefulsets.apps", "statefulset-controller"},
                             {"Job", "jobs.batch", "job-controller"}};

class Reader {
 public:
  explicit Reader(const api::Snapshot& now) : now_(now) {}
  std::vector<Happening> take() { return std::move(all_); }

  void pod(const ObjectPtr& before, const ObjectPtr& after) {
    const bool ended =
        before != nullptr && !before->meta().deletion && (after == nullptr || after->meta().deletion);
    if (before == nullptr) owner_did(*after, true);
    if (ended) owner_did(*before, false);
    if (after == nullptr) return;
    const std::string was = before == nullptr ? "" : before->view<api::Pod>().node_name;
    const std::string node = after->view<api::Pod>().node_name;
    if (was.empty() && !node.empty())
      all_.push_back(
          about(*after, "default-scheduler", "Scheduled",
                fmt::format("Successfully assigned {}/{} to {}", after->ns(), after->name(), node)));
  }

  void replica_set(const ObjectPtr& before, const ObjectPtr& after) {
    if (after == nullptr) return;
    const auto wanted = [](const ObjectPtr& set) {
      return set == nullptr ? 0 : int_at(object_at(set->body(), "spec"), "replicas", 1);
    };
    const std::int64_t from = wanted(before), to = wanted(after);
    const api::OwnerRef* owner = controller_of(*after);
    if (from == to || owner == nullptr || owner->kind != "Deployment") return;
    const ObjectPtr deployment = now_.find("deployments.apps", after->ns(), owner->name);
    if (deployment == nullptr || deployment->uid() != owner->uid) return;
    all_.push_back(about(*deployment, "deployment-controller", "ScalingReplicaSet",
                         fmt::format("Scaled {} replica set {} from {} to {}", to > from ? "up" : "down",
                                     after->name(), from, to)));
  }

  void job(const ObjectPtr& before, const ObjectPtr& after) {
    if (before == nullptr || after == nullptr) return;
    for (const Json& c : array_at(object_at(after->body(), "status"), "conditions")) {
      const std::string type = string_at(c, "type"), reason = string_at(c, "reason");
      if (string_at(c, "status") != "True" || had(*before, type)) continue;
      if (type == "Complete") all_.push_back(about(*after, "job-controller", "Completed", "Job completed"));
      if (type == "Suspended") all_.push_back(about(*after, "job-controller", "Suspended", "Job suspended"));
      if (type != "Failed") continue;
      all_.push_back(about(*after, "job-controller", reason, string_at(c, "message")));
      all_.back().warning = true;
    }
  }

 private:
  static bool had(const Object& job, const std::string& type) {
    const Json& conditions = array_at(object_at(job.body(), "status"), "conditions");
    return std::any_of(conditions.begin(), conditions.end(), [&](const Json& c) {
      return string_at(c, "type") == type && string_at(c, "status") == "True";
    });
  }

  void owner_did(const Object& pod, bool made) {
    const api::OwnerRef* owner = controller_of(pod);
    if (owner == nullptr) return;
    for (const Maker& maker : kMakers) {
      if (owner->kind != maker.kind) continue;
      const ObjectPtr object = now_.find(maker.resource, pod.ns(), owner->name);
      if (object == nullptr || object->uid() != owner->uid) return;
      std::string text = fmt::format("{} pod: {}", made ? "Created" : "Deleted", pod.name());
      if (owner->kind == "StatefulSet")
        text = fmt::format("{} Pod {} in StatefulSet {} successful", made ? "create" : "delete", pod.name(),
                           owner->name);
      all_.push_back(about(*object, maker.component, made ? "SuccessfulCreate" : "SuccessfulDelete", text));
    }
  }

  const api::Snapshot& now_;
  std::vector<Happening> all_;
};

}  // namespace

std::vector<Happening> happenings_between(const api::Snapshot* before, const api::Snapshot& now) {
  if (before == nullptr) return {};
  Reader reader(now);
  api::Snapshot::diff(before, now, "replicasets.apps",
                      [&](const ObjectPtr& a, const ObjectPtr& b) { reader.replica_set(a, b); });
  api::Snapshot::diff(before, now, "pods", [&](const ObjectPtr& a, const ObjectPtr& b) { reader.pod(a, b); });
  api::Snapshot::diff(before, now, "jobs.batch",
                      [&](const ObjectPtr& a, const ObjectPtr& b) { reader.job(a, b); });
  return reader.take();
}

}  // namespace minik::controllers
