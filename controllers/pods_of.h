// Pods of a workload: how a pod is made from a template, which pods count, and how writes of them are told.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "api/pod.h"
#include "controllers/controller.h"

namespace minik::controllers {

inline const Json& spec_of(const api::Object& object) { return object_at(object.body(), "spec"); }
inline const Json& status_of(const api::Object& object) { return object_at(object.body(), "status"); }
inline const Json& template_of(const api::Object& owner) { return object_at(spec_of(owner), "template"); }
std::string label_of(const api::Object& object, const std::string& label);
std::string annotation_of(const api::Object& object, const std::string& annotation);

// The body of a pod of the owner's with this name.
Json pod_from(const api::Object& owner, const Json& pod_template, const std::string& name);
// The same with a name made of `prefix`: prefix-x7k2p.
Json random_pod_from(const api::Object& owner, const Json& pod_template, const std::string& prefix);

// Neither ended nor on its way out.
bool is_active(const api::ObjectPtr& pod);
bool is_ready(const api::ObjectPtr& pod);
// Ready for `seconds`; if it will be, says when through `steps`.
bool is_available(const api::ObjectPtr& pod, std::int64_t seconds, WallTime now, Steps& steps);

// Creation and deletion of pods with the Events that every workload has: SuccessfulCreate "Created pod: x",
// FailedCreate "Error creating: …", SuccessfulDelete "Deleted pod: x".
class PodWriter {
 public:
  PodWriter(api::ObjectPtr owner, std::string component, Steps& steps, WallTime now)
      : owner_(std::move(owner)), component_(std::move(component)), steps_(steps), now_(now) {}
  void make(Json pod);
  void drop(const api::Object& pod);
  // An Event of the owner's without a write.
  void tell(bool warning, const std::string& reason, const std::string& message);

 private:
  api::ObjectPtr owner_;
  std::string component_;
  Steps& steps_;
  WallTime now_;
};

}  // namespace minik::controllers
