#include "controllers/service_accounts.h"

#include "base/files.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;
using api::Write;

namespace {

constexpr const char* kRootMap = "kube-root-ca.crt";
constexpr const char* kTokenType = "kubernetes.io/service-account-token";
constexpr const char* kAccountName = "kubernetes.io/service-account.name";
constexpr const char* kAccountUid = "kubernetes.io/service-account.uid";
constexpr const char* kDescription =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
    "as "
    "the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
    "Kubernetes clusters.";

bool is_token_secret(const ObjectPtr& secret) {
  return secret != nullptr && string_at(secret->body(), "type") == kTokenType;
}

std::string annotation(const Object& object, const char* name) {
  const auto it = object.meta().annotations.find(name);
  return it == object.meta().annotations.end() ? "" : it->second;
}

}  // namespace

void ServiceAccountController::root_certificate(const World& world, const std::string& ns,
                                                std::vector<Write>& writes) const {
  const ObjectPtr space = world.objects->find("namespaces", "", ns);
  if (space == nullptr || space->meta().deletion) return;
  const Json data = {{"ca.crt", config_.ca_cert}};
  const ObjectPtr map = world.objects->find("configmaps", ns, kRootMap);
  if (map == nullptr) {
    writes.push_back(create("configmaps", {{"kind", "ConfigMap"},
                                           {"apiVersion", "v1"},
                                           {"metadata",
                                            {{"name", kRootMap},
                                             {"namespace", ns},
                                             {"annotations", {{"kubernetes.io/description", kDescription}}}}},
                                           {"data", data}}));
  } else if (!map->meta().deletion && object_at(map->body(), "data") != data) {
    Json body = map->body();
    body["data"] = data;
    writes.push_back(put(*map, std::move(body)));
  }
}

// Fills in what is missing; a Secret of an account that is not there (any more) goes.
void ServiceAccountController::token_secret(const World& world, const ObjectPtr& secret,
                                            std::vector<Write>& writes) const {
  const ObjectPtr account =
      world.objects->find("serviceaccounts", secret->ns(), annotation(*secret, kAccountName));
  const std::string uid = annotation(*secret, kAccountUid);
  if (account == nullptr || (!uid.empty() && uid != account->uid())) {
    if (!secret->meta().deletion) writes.push_back(remove(*secret));
    return;
  }
  Json body = secret->body();
  Json& data = body["data"];
  if (!data.is_object()) data = Json::object();
  if (string_at(data, "token").empty()) {
    const std::string token = config_.token(*account, secret->name());
    if (token.empty()) return;
    data["token"] = base64(token);
  }
  data["ca.crt"] = base64(config_.ca_cert);
  data["namespace"] = base64(secret->ns());
  body["metadata"]["annotations"][kAccountUid] = account->uid();
  if (body != secret->body()) writes.push_back(put(*secret, std::move(body)));
}

std::vector<Write> ServiceAccountController::reconcile(const World& world) {
  std::set<std::string> spaces, accounts;
  std::set<ObjectPtr> secrets;
  const api::Snapshot* before = seen_.get();
  api::Snapshot::diff(before, *world.objects, "namespaces", [&](const ObjectPtr&, const ObjectPtr& after) {
    if (after != nullptr) spaces.insert(after->name());
  });
  api::Snapshot::diff(before, *world.objects, "configmaps", [&](const ObjectPtr& old, const ObjectPtr& now) {
    const Object& map = now != nullptr ? *now : *old;
    if (map.name() == kRootMap) spaces.insert(map.ns());
  });
  api::Snapshot::diff(before, *world.objects, "secrets", [&](const ObjectPtr&, const ObjectPtr& after) {
    if (is_token_secret(after)) secrets.insert(after);
  });
  api::Snapshot::diff(before, *world.objects, "serviceaccounts",
                      [&](const ObjectPtr& old, const ObjectPtr& now) {
                        if (old == nullptr || now == nullptr) accounts.insert((now ? now : old)->ns());
                      });
  for (const auto& ns : accounts) {
    world.objects->for_each("secrets", ns, [&](const ObjectPtr& secret) {
      if (is_token_secret(secret)) secrets.insert(secret);
    });
  }
  seen_ = world.objects;
  std::vector<Write> writes;
  for (const auto& ns : spaces) root_certificate(world, ns, writes);
  for (const auto& secret : secrets) token_secret(world, secret, writes);
  return writes;
}

}  // namespace minik::controllers
