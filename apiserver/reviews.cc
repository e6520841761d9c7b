#include "apiserver/reviews.h"

#include <fmt/format.h>

#include "api/rules.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr std::int64_t kTokenSecondsMax = std::int64_t{1} << 32;

std::vector<std::string> words_at(const Json& object, const char* member) {
  std::vector<std::string> out;
  for (const Json& word : array_at(object, member)) {
    if (word.is_string()) out.push_back(word.get<std::string>());
  }
  return out;
}

Json info_of(const User& user) {
  Json info = {{"username", user.name}};
  if (!user.uid.empty()) info["uid"] = user.uid;
  if (!user.groups.empty()) info["groups"] = user.groups;
  if (!user.extra.empty()) info["extra"] = user.extra;
  return info;
}

User user_of(const Json& spec) {
  User user;
  user.name = string_at(spec, "user");
  user.groups = words_at(spec, "groups");
  user.uid = string_at(spec, "uid");
  for (const auto& [key, values] : object_at(spec, "extra").items())
    user.extra[lower(key)] = words_at(object_at(spec, "extra"), key.c_str());
  return user;
}

Attributes attributes_of_spec(const Json& spec) {
  Attributes what;
  if (const Json* resource = find(spec, "resourceAttributes"); resource != nullptr) {
    what.verb = string_at(*resource, "verb");
    what.group = string_at(*resource, "group");
    what.version = string_at(*resource, "version");
    what.resource = string_at(*resource, "resource");
    what.subresource = string_at(*resource, "subresource");
    what.ns = string_at(*resource, "namespace");
    what.name = string_at(*resource, "name");
    return what;
  }
  const Json& path = object_at(spec, "nonResourceAttributes");
  what.is_resource = false;
  what.verb = string_at(path, "verb");
  what.path = string_at(path, "path");
  return what;
}

bool is_local(const api::Kind& kind) { return kind.kind == "LocalSubjectAccessReview"; }
bool is_self(const api::Kind& kind) { return kind.kind == "SelfSubjectAccessReview"; }

api::Causes check_access_review(const api::Kind& kind, const std::string& ns, const Json& spec) {
  api::Causes causes;
  const bool resource = find(spec, "resourceAttributes") != nullptr;
  const bool path = find(spec, "nonResourceAttributes") != nullptr;
  if (resource && path)
    api::cause_invalid(causes, "spec.nonResourceAttributes", spec["nonResourceAttributes"],
                       "cannot be specified in combination with resourceAttributes");
  if (!resource && !path)
    api::cause_invalid(causes, "spec.resourceAttributes", Json(),
                       "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  if (!is_self(kind) && string_at(spec, "user").empty() && array_at(spec, "groups").empty())
    api::cause_invalid(causes, "spec.user", "", "at least one of user or group must be specified");
  if (!is_local(kind)) return causes;
  if (path)
    api::cause_invalid(causes, "spec.nonResourceAttributes", spec["nonResourceAttributes"],
                       "disallowed on this kind of request");
  if (resource && string_at(spec["resourceAttributes"], "namespace") != ns)
    api::cause_invalid(causes, "spec.resourceAttributes.namespace",
                       string_at(spec["resourceAttributes"], "namespace"), "must match metadata.namespace");
  return causes;
}

api::Causes check_token_request(const Json& spec) {
  api::Causes causes;
  const std::int64_t seconds = int_at(spec, "expirationSeconds");
  if (seconds < kTokenSecondsMin)
    api::cause_invalid(causes, "spec.expirationSeconds", seconds,
                       "may not specify a duration less than 10 minutes");
  if (seconds > kTokenSecondsMax)
    api::cause_invalid(causes, "spec.expirationSeconds", seconds,
                       "may not specify a duration larger than 2^32 seconds");
  return causes;
}

// Pod and Secret of v1; Node too.
Result<TokenIssuer::Bound> bound_of(const Json& spec) {
  const Json* reference = find(spec, "boundObjectRef");
  if (reference == nullptr) return TokenIssuer::Bound{};
  TokenIssuer::Bound bound{string_at(*reference, "kind"), string_at(*reference, "name"),
                           string_at(*reference, "uid")};
  const bool known = bound.kind == "Pod" || bound.kind == "Secret" || bound.kind == "Node";
  if (!known || string_at(*reference, "apiVersion") != "v1") {
    return Error(Code::kInvalid, fmt::format("cannot bind token to object of type {}, Kind={}",
                                             string_at(*reference, "apiVersion"), bound.kind));
  }
  return bound;
}

}  // namespace

const api::Kind& Reviews::token_request_kind() {
  static const api::Kind kKind = [] {
    api::Kind kind;
    kind.group = "authentication.k8s.io";
    kind.version = "v1";
    kind.kind = "TokenRequest";
    kind.type = api::Schema::builtin().type("TokenRequest");
    return kind;
  }();
  return kKind;
}

Result<Json> Reviews::answer(const User& user, const api::Kind& kind, const std::string& ns,
                             Json review) const {
  api::drop_nulls(review);
  review["kind"] = kind.kind;
  review["apiVersion"] = kind.api_version();
  if (!review["metadata"].is_object()) review["metadata"] = Json::object();
  if (!review["spec"].is_object()) review["spec"] = Json::object();
  review["metadata"].emplace("creationTimestamp", nullptr);
  if (kind.kind == "TokenReview") {
    if (string_at(review["spec"], "token").empty()) {
      return Error(Code::kInvalid, "token is required for TokenReview in authentication");
    }
    review["status"] = token_status(review["spec"]);
  } else if (kind.kind == "SelfSubjectReview") {
    review.erase("spec");
    review["metadata"]["creationTimestamp"] = rfc3339(clock_.now());
    review["status"] = {{"userInfo", info_of(user)}};
  } else if (kind.kind == "SelfSubjectRulesReview") {
    const std::string where = string_at(review["spec"], "namespace");
    if (where.empty()) return Error(Code::kInvalid, "no namespace on request");
    review["status"] = rules_status(user, where);
  } else {
    review["status"] = TRY(access_status(user, kind, ns, review));
  }
  return review;
}

Json Reviews::token_status(const Json& spec) const {
  const auto verified =
      issuer_.verify(*store_.snapshot(), string_at(spec, "token"), words_at(spec, "audiences"), clock_.now());
  if (!verified.ok()) {
    return {{"user", Json::object()},
            {"error", "[invalid bearer token, " + verified.error().message() + "]"}};
  }
  User user = verified->user;
  user.groups.emplace_back("system:authenticated");
  return {{"authenticated", true}, {"user", info_of(user)}, {"audiences", verified->audiences}};
}

Result<Json> Reviews::access_status(const User& user, const api::Kind& kind, const std::string& ns,
                                    const Json& review) const {
  const Json& spec = object_at(review, "spec");
  if (auto causes = check_access_review(kind, ns, spec); !causes.empty())
    return api::invalid(kind.kind, "", std::move(causes));
  const User who = is_self(kind) ? user : user_of(spec);
  const Decision decision = authorizer_.decide(who, attributes_of_spec(spec));
  Json status = {{"allowed", decision.allowed}};
  if (!decision.reason.empty()) status["reason"] = decision.reason;
  return status;
}

Json Reviews::rules_status(const User& user, const std::string& ns) const {
  Json status = {
      {"resourceRules", Json::array()}, {"nonResourceRules", Json::array()}, {"incomplete", false}};
  for (const PolicyRule& rule : authorizer_.rules_of(user, ns))
    status[rule.urls.empty() ? "resourceRules" : "nonResourceRules"].push_back(rule.to_json());
  return status;
}

Result<Json> Reviews::token_request(const std::string& ns, const std::string& account, Json request) const {
  api::drop_nulls(request);
  if (!request["spec"].is_object()) request["spec"] = Json::object();
  api::apply_defaults(*token_request_kind().type, request);
  Json& spec = request["spec"];
  if (auto causes = check_token_request(spec); !causes.empty())
    return api::invalid("TokenRequest", "", std::move(causes));
  TokenIssuer::Wish wish{ns, account, words_at(spec, "audiences"), int_at(spec, "expirationSeconds"),
                         TRY(bound_of(spec))};
  const auto issued = TRY(issuer_.issue(*store_.snapshot(), wish, clock_.now()));
  if (wish.audiences.empty()) spec["audiences"] = {issuer_.issuer()};
  request["kind"] = "TokenRequest";
  request["apiVersion"] = "authentication.k8s.io/v1";
  request["metadata"] = {{"name", account}, {"namespace", ns}, {"creationTimestamp", rfc3339(clock_.now())}};
  request["status"] = {{"token", issued.token},
                       {"expirationTimestamp", rfc3339(WallTime(std::chrono::seconds(issued.expires)))}};
  return request;
}

}  // namespace minik::apiserver
