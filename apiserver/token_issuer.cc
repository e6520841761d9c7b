#include "apiserver/token_issuer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"

namespace minik::apiserver {
namespace {

using api::Object;
using api::ObjectPtr;
using api::Snapshot;

constexpr const char* kLegacyIssuer = "kubernetes/serviceaccount";
constexpr std::int64_t kLeeway = 10;  // Seconds by which clocks may differ.
// A pod's token is renewed after 80 % of an hour and warned about after this; the runtime's tokens of 3607
// seconds are what upstream stretches to a year for old clients.  Here nothing is stretched.
constexpr std::int64_t kWarnSeconds = 3607;

Error refused(std::string why) { return Error(Code::kUnauthorized, std::move(why)); }

std::int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string resource_of(const std::string& kind) {
  if (kind == "Pod") return "pods";
  return kind == "Secret" ? "secrets" : "nodes";
}

std::string claim_of(const std::string& kind) {
  if (kind == "Pod") return "pod";
  return kind == "Secret" ? "secret" : "node";
}

Json reference(const std::string& name, const std::string& uid) { return {{"name", name}, {"uid", uid}}; }

Result<ObjectPtr> find_bound(const Snapshot& objects, const std::string& ns,
                             const TokenIssuer::Bound& bound) {
  const std::string resource = resource_of(bound.kind);
  const ObjectPtr object = objects.find(resource, bound.kind == "Node" ? "" : ns, bound.name);
  if (object == nullptr)
    return Error(Code::kNotFound, fmt::format("{} \"{}\" not found", resource, bound.name));
  if (!bound.uid.empty() && bound.uid != object->uid()) {
    return Error(Code::kConflict,
                 fmt::format("Operation cannot be fulfilled on {} \"{}\": the UID in the bound object "
                             "reference ({}) does not match the UID in record. The object might have been "
                             "deleted and then recreated",
                             resource, bound.name, bound.uid));
  }
  return object;
}

// The account or bound object that a claim names: there, the same, and not on its way out.
Result<ObjectPtr> find_claimed(const Snapshot& objects, const std::string& resource, const std::string& ns,
                               const Json& claim, std::int64_t now) {
  const std::string name = string_at(claim, "name"), uid = string_at(claim, "uid");
  const ObjectPtr object = objects.find(resource, ns, name);
  if (object == nullptr || name.empty()) return refused(fmt::format("{} {}/{} is gone", resource, ns, name));
  if (uid.empty() || object->uid() != uid)
    return refused(fmt::format("{} {}/{} has another UID", resource, ns, name));
  if (object->meta().deletion && seconds_of(*object->meta().deletion) < now - 60)
    return refused(fmt::format("{} {}/{} has been deleted", resource, ns, name));
  return object;
}

std::vector<std::string> strings_of(const Json& claims, const char* member) {
  std::vector<std::string> out;
  const Json* value = find(claims, member);
  if (value != nullptr && value->is_string()) out.push_back(value->get<std::string>());
  for (const Json& word : array_at(claims, member)) {
    if (word.is_string()) out.push_back(word.get<std::string>());
  }
  return out;
}

Result<std::int64_t> date_of(const Json& claims, const char* member) {
  const Json* value = find(claims, member);
  if (value == nullptr || !value->is_number_integer()) return refused(fmt::format("no claim {}", member));
  return value->get<std::int64_t>();
}

Result<> check_dates(const Json& claims, std::int64_t now) {
  const std::int64_t expires = TRY(date_of(claims, "exp"));
  const std::int64_t not_before = TRY(date_of(claims, "nbf"));
  if (now > expires + kLeeway) return refused("the token has expired");
  if (now < not_before - kLeeway) return refused("the token is not valid yet");
  return {};
}

}  // namespace

std::string account_user_name(const std::string& ns, const std::string& name) {
  return "system:serviceaccount:" + ns + ":" + name;
}

std::vector<std::string> account_groups(const std::string& ns) {
  return {"system:serviceaccounts", "system:serviceaccounts:" + ns};
}

User account_user(const Object& account) {
  User user;
  user.name = account_user_name(account.ns(), account.name());
  user.groups = account_groups(account.ns());
  user.uid = account.uid();
  return user;
}

Result<TokenIssuer::Issued> TokenIssuer::issue(const Snapshot& objects, const Wish& wish,
                                               WallTime now) const {
  const ObjectPtr account = objects.find("serviceaccounts", wish.ns, wish.account);
  if (account == nullptr)
    return Error(Code::kNotFound, fmt::format("serviceaccounts \"{}\" not found", wish.account));
  Json kubernetes = {{"namespace", wish.ns}, {"serviceaccount", reference(wish.account, account->uid())}};
  const std::int64_t start = seconds_of(now);
  if (!wish.bound.kind.empty()) {
    const ObjectPtr bound = TRY(find_bound(objects, wish.ns, wish.bound));
    const std::string runs_as = string_at(object_at(bound->body(), "spec"), "serviceAccountName");
    if (wish.bound.kind == "Pod" && runs_as != wish.account) {
      return Error(Code::kInvalid,
                   fmt::format("cannot bind token for serviceaccount \"{}\" to pod running with different "
                               "serviceaccount name.",
                               wish.account));
    }
    kubernetes[claim_of(wish.bound.kind)] = reference(bound->name(), bound->uid());
    const std::string node_name =
        wish.bound.kind == "Pod" ? string_at(object_at(bound->body(), "spec"), "nodeName") : "";
    if (const ObjectPtr node = node_name.empty() ? nullptr : objects.find("nodes", "", node_name))
      kubernetes["node"] = reference(node->name(), node->uid());
    if (wish.bound.kind == "Pod" && wish.seconds == kWarnSeconds)
      kubernetes["warnafter"] = start + kWarnSeconds;
  }
  const std::int64_t expires = start + wish.seconds;
  const Json claims = {{"iss", issuer_},
                       {"aud", wish.audiences.empty() ? std::vector<std::string>{issuer_} : wish.audiences},
                       {"exp", expires},
                       {"iat", start},
                       {"nbf", start},
                       {"jti", random_uuid()},
                       {"sub", account_user_name(wish.ns, wish.account)},
                       {"kubernetes.io", std::move(kubernetes)}};
  return Issued{TRY(key_.sign(claims)), expires};
}

Result<std::string> TokenIssuer::legacy_token(const Object& account, const std::string& secret) const {
  return key_.sign({{"iss", kLegacyIssuer},
                    {"kubernetes.io/serviceaccount/namespace", account.ns()},
                    {"kubernetes.io/serviceaccount/secret.name", secret},
                    {"kubernetes.io/serviceaccount/service-account.name", account.name()},
                    {"kubernetes.io/serviceaccount/service-account.uid", account.uid()},
                    {"sub", account_user_name(account.ns(), account.name())}});
}

Result<TokenIssuer::Verified> TokenIssuer::verify(const Snapshot& objects, std::string_view token,
                                                  const std::vector<std::string>& audiences,
                                                  WallTime now) const {
  const Json claims = TRY(key_.verify(token));
  const std::string from = string_at(claims, "iss");
  if (from == issuer_) return verify_bound(objects, claims, audiences, now);
  // An old token has no audience of its own: it is for the API server only.
  const bool for_us =
      audiences.empty() || std::find(audiences.begin(), audiences.end(), issuer_) != audiences.end();
  if (from == kLegacyIssuer && for_us) return verify_legacy(objects, token, claims);
  return refused("the token's issuer is unknown");
}

Result<TokenIssuer::Verified> TokenIssuer::verify_bound(const Snapshot& objects, const Json& claims,
                                                        const std::vector<std::string>& audiences,
                                                        WallTime time) const {
  const std::int64_t now = seconds_of(time);
  TRY(check_dates(claims, now));
  Verified verified;
  const auto has = strings_of(claims, "aud");
  for (const auto& wanted : audiences.empty() ? std::vector<std::string>{issuer_} : audiences) {
    if (std::find(has.begin(), has.end(), wanted) != has.end()) verified.audiences.push_back(wanted);
  }
  if (verified.audiences.empty()) return refused("the token is for another audience");
  const Json& names = object_at(claims, "kubernetes.io");
  const std::string ns = string_at(names, "namespace");
  const ObjectPtr account =
      TRY(find_claimed(objects, "serviceaccounts", ns, object_at(names, "serviceaccount"), now));
  if (string_at(claims, "sub") != account_user_name(ns, account->name()))
    return refused("the token's subject is not its account");
  verified.user = account_user(*account);
  const auto note = [&](const char* name, const std::string& value) {
    verified.user.extra[std::string("authentication.kubernetes.io/") + name] = {value};
  };
  if (const std::string id = string_at(claims, "jti"); !id.empty()) note("credential-id", "JTI=" + id);
  for (const char* kind : {"Pod", "Secret", "Node"}) {
    const std::string claim = claim_of(kind);
    const Json& bound = object_at(names, claim);
    if (bound.empty()) continue;
    const bool informs = claim == "node" && names.contains("pod");  // Where the pod was; not a condition.
    const std::string home = claim == "node" ? "" : ns;
    if (!informs) TRY(find_claimed(objects, resource_of(kind), home, bound, now));
    if (claim == "secret") continue;
    note((claim + "-name").c_str(), string_at(bound, "name"));
    note((claim + "-uid").c_str(), string_at(bound, "uid"));
  }
  return verified;
}

Result<TokenIssuer::Verified> TokenIssuer::verify_legacy(const Snapshot& objects, std::string_view token,
                                                         const Json& claims) const {
  const auto claim = [&](const char* name) {
    return string_at(claims, std::string("kubernetes.io/serviceaccount/") + name);
  };
  const std::string ns = claim("namespace");
  const ObjectPtr account = objects.find("serviceaccounts", ns, claim("service-account.name"));
  const ObjectPtr secret = objects.find("secrets", ns, claim("secret.name"));
  if (account == nullptr || account->uid() != claim("service-account.uid") || account->meta().deletion)
    return refused("the token's account is gone");
  if (secret == nullptr || secret->meta().deletion) return refused("the token's secret is gone");
  const auto held = base64_decode(string_at(object_at(secret->body(), "data"), "token"));
  if (!held.ok() || *held != token) return refused("the token is not the one in its secret");
  return Verified{account_user(*account), {issuer_}};
}

Json TokenIssuer::configuration(const std::string& server) const {
  return {{"issuer", issuer_},
          {"jwks_uri", "https://" + server + "/openid/v1/jwks"},
          {"response_types_supported", {"id_token"}},
          {"subject_types_supported", {"public"}},
          {"id_token_signing_alg_values_supported", {"ES256"}}};
}

Json TokenIssuer::key_set() const { return {{"keys", Json::array({key_.jwk()})}}; }

}  // namespace minik::apiserver
