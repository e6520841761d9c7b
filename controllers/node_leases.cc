#include "controllers/node_leases.h"

namespace minik::controllers {
namespace {

constexpr const char* kLeases = "leases.coordination.k8s.io";
constexpr const char* kNamespace = "kube-node-lease";
constexpr int kLeaseSeconds = 120;  // A kubelet's 40 would wake an idle machine six times a minute.
constexpr std::chrono::seconds kRenewEvery{60};

std::string micro_time(WallTime now) { return rfc3339(now).substr(0, 19) + ".000000Z"; }

}  // namespace

std::vector<api::Write> NodeLeaseController::reconcile(const World& world) {
  const api::ObjectPtr node = world.objects->find("nodes", "", node_);
  const api::ObjectPtr ns = world.objects->find("namespaces", "", kNamespace);
  if (node == nullptr || ns == nullptr || ns->meta().deletion) return {};
  const api::ObjectPtr lease = world.objects->find(kLeases, kNamespace, node_);
  if (lease != nullptr && due_ && world.now < *due_) return {};
  due_ = world.now + kRenewEvery;
  const Json spec = {{"holderIdentity", node_},
                     {"leaseDurationSeconds", kLeaseSeconds},
                     {"renewTime", micro_time(world.now)}};
  if (lease != nullptr) {
    Json body = lease->body();
    body["spec"] = spec;
    return {put(*lease, std::move(body))};
  }
  Json owner = owner_reference(*node);
  owner.erase("controller");
  owner.erase("blockOwnerDeletion");
  return {create(kLeases,
                 {{"kind", "Lease"},
                  {"apiVersion", "coordination.k8s.io/v1"},
                  {"metadata", {{"name", node_}, {"namespace", kNamespace}, {"ownerReferences", {owner}}}},
                  {"spec", spec}})};
}

}  // namespace minik::controllers
