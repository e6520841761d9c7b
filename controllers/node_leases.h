// Node leases: the sign of life that every node's kubelet gives in kube-node-lease.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class NodeLeaseController final : public Controller {
 public:
  explicit NodeLeaseController(std::string node) : node_(std::move(node)) {}
  std::vector<api::Write> reconcile(const World& world) override;
  std::optional<WallTime> wake_at() const override { return due_; }

 private:
  std::string node_;
  std::optional<WallTime> due_;
};

}  // namespace minik::controllers
