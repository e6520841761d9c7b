#include "controllers/placement_witness.h"

#include <fmt/format.h>

#include "api/pod.h"

namespace minik::controllers {

using api::ObjectPtr;

std::vector<api::Write> PlacementWitness::reconcile(const World& world) {
  // After a start everything is new, and no news.
  if (seen_ != nullptr) {
    api::Snapshot::diff(
        seen_.get(), *world.objects, "pods", [&](const ObjectPtr& before, const ObjectPtr& after) {
          if (before == nullptr || after == nullptr || before->uid() != after->uid()) return;
          const std::string& node = after->view<api::Pod>().node_name;
          if (node.empty() || !before->view<api::Pod>().node_name.empty()) return;
          reports_.push_back(
              {after, "default-scheduler", false, "Scheduled",
               fmt::format("Successfully assigned {}/{} to {}", after->ns(), after->name(), node),
               std::nullopt, "", ""});
        });
  }
  seen_ = world.objects;
  return {};
}

}  // namespace minik::controllers
