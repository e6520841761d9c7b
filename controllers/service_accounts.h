// What service accounts need beside themselves: the ConfigMap kube-root-ca.crt in every namespace, and the
// contents of Secrets of type kubernetes.io/service-account-token.
#pragma once

#include <functional>

#include "controllers/controller.h"

namespace minik::controllers {

struct AccountConfig {
  std::string ca_cert;  // PEM
  // A token that the Secret of this name shall hold; empty when none could be made.
  std::function<std::string(const api::Object& account, const std::string& secret)> token;
};

class ServiceAccountController final : public Controller {
 public:
  explicit ServiceAccountController(AccountConfig config) : config_(std::move(config)) {}
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  void root_certificate(const World& world, const std::string& ns, std::vector<api::Write>& writes) const;
  void token_secret(const World& world, const api::ObjectPtr& secret, std::vector<api::Write>& writes) const;

  AccountConfig config_;
  api::SnapshotPtr seen_;
};

}  // namespace minik::controllers
