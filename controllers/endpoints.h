// Endpoints: Services with a selector → EndpointSlices and the old Endpoints object.
//
// Rules: service-proxy.md section 3; KEP-752.  Services without a selector are left to whoever makes their
// slices.
#pragma once

#include <map>
#include <unordered_map>

#include "controllers/controller.h"

namespace minik::controllers {

class EndpointsController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  using Names = std::set<api::NsName>;
  void note_services(const World& world, Names& dirty);
  void note_pods(const World& world, Names& dirty);
  void note_results(const World& world, Names& dirty);
  std::vector<api::ObjectPtr> pods_of(const World& world, const api::Object& service) const;

  api::SnapshotPtr seen_;
  // "ns\0key=value" → Services whose selector starts with that pair; pods that carry it.
  std::unordered_map<std::string, Names> services_by_label_, pods_by_label_;
  std::map<api::NsName, std::map<std::string, api::ObjectPtr>> slices_;  // Ours, by Service.
};

// Pure parts, for tests and for `diff`.
struct ServiceEndpoints {
  Json endpoints;            // The whole Endpoints object.
  std::vector<Json> slices;  // Whole EndpointSlices; existing ones keep their names.
};
ServiceEndpoints endpoints_of(const api::Object& service, const std::vector<api::ObjectPtr>& pods,
                              const std::vector<api::ObjectPtr>& existing_slices);

}  // namespace minik::controllers
