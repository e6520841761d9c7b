// Namespaces: a `default` service account in each; a namespace that ends takes all it holds with it.
#pragma once

#include "controllers/controller.h"

namespace minik::controllers {

class NamespaceController final : public Controller {
 public:
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  api::SnapshotPtr seen_;
};

}  // namespace minik::controllers
