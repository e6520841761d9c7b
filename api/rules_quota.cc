// ResourceQuota, LimitRange.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/quantity.h"
#include "api/rules.h"

namespace minik::api {
namespace {

const std::vector<std::string>& scopes() {
  static const std::vector<std::string> kScopes = {"Terminating",   "NotTerminating",
                                                   "BestEffort",    "NotBestEffort",
                                                   "PriorityClass", "CrossNamespacePodAffinity"};
  return kScopes;
}

bool has(const std::vector<std::string>& words, const Json& word) {
  return word.is_string() && std::find(words.begin(), words.end(), word.get<std::string>()) != words.end();
}

// No two scopes that exclude each other.
void check_scopes(Causes& causes, const Json& wanted, const std::string& path) {
  std::set<std::string> seen;
  for (const Json& scope : wanted) {
    if (!has(scopes(), scope))
      cause_invalid(causes, path, wanted, "unsupported scope");
    else
      seen.insert(scope.get<std::string>());
  }
  for (const auto& [one, other] :
       {std::pair{"Terminating", "NotTerminating"}, {"BestEffort", "NotBestEffort"}})
    if (seen.contains(one) && seen.contains(other)) cause_invalid(causes, path, wanted, "conflicting scopes");
}

void check_scope_selector(Causes& causes, const Json& selector, const std::string& path) {
  const Json& expressions = array_at(selector, "matchExpressions");
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const std::string here = path + ".matchExpressions";
    const Json& e = expressions[i];
    const std::string scope = string_at(e, "scopeName"), op = string_at(e, "operator");
    const bool values = !array_at(e, "values").empty();
    if (!has(scopes(), scope)) cause_invalid(causes, here + ".scopeName", scope, "unsupported scope");
    if (op == "In" || op == "NotIn") {
      if (!values)
        cause_required(causes, here + ".values",
                       "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
      if (scope != "PriorityClass")
        cause_invalid(causes, here + ".operator", op,
                      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
                      "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                      "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
    } else if (op == "Exists" || op == "DoesNotExist") {
      if (values)
        cause_invalid(causes, here + ".values", e["values"],
                      "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
    } else {
      cause_invalid(causes, here + ".operator", op, "not a valid selector operator");
    }
  }
}

void check_resource_names(Causes& causes, const Json& amounts, const std::string& path) {
  for (const auto& [name, amount] : amounts.items()) {
    const std::string here = fmt::format("{}[{}]", path, name);
    if (const std::string error = qualified_name_error(name); !error.empty())
      cause_invalid(causes, here, name, error);
    if (Quantity::of(amount) < Quantity())
      cause_invalid(causes, here, amount, "must be greater than or equal to 0");
  }
}

// `low` may not be more than `high`, resource by resource.
void check_order(Causes& causes, const Json& item, const char* low, const char* high, const char* low_word,
                 const char* high_word, const std::string& path, const char* blamed) {
  const Json& most = object_at(item, high);
  for (const auto& [name, amount] : object_at(item, low).items()) {
    const Json* limit = find(most, name);
    if (limit == nullptr || Quantity::of(amount) <= Quantity::of(*limit)) continue;
    const Json& value = std::string_view(blamed) == low ? amount : *limit;
    cause_invalid(causes, fmt::format("{}.{}[{}]", path, blamed, name), value,
                  fmt::format("{} value {} is greater than {} value {}", low_word,
                              Quantity::of(amount).text(), high_word, Quantity::of(*limit).text()));
  }
}

void check_ratio(Causes& causes, const Json& item, const std::string& path) {
  for (const auto& [name, ratio] : object_at(item, "maxLimitRequestRatio").items()) {
    if (Quantity::of(ratio) < Quantity::of(1))
      cause_invalid(causes, fmt::format("{}.maxLimitRequestRatio[{}]", path, name), ratio,
                    fmt::format("ratio {} is less than 1", Quantity::of(ratio).text()));
  }
}

}  // namespace

void validate_quota(Causes& causes, const Json& quota) {
  const Json& spec = object_at(quota, "spec");
  check_resource_names(causes, object_at(spec, "hard"), "spec.hard");
  check_scopes(causes, array_at(spec, "scopes"), "spec.scopes");
  if (spec.contains("scopeSelector"))
    check_scope_selector(causes, spec["scopeSelector"], "spec.scopeSelector");
}

void validate_quota_update(Causes& causes, const Json& quota, const Json& old) {
  const Json& now = array_at(object_at(quota, "spec"), "scopes");
  if (std::multiset<Json>(now.begin(), now.end()) != [&] {
        const Json& before = array_at(object_at(old, "spec"), "scopes");
        return std::multiset<Json>(before.begin(), before.end());
      }())
    cause_invalid(causes, "spec.scopes", now, "field is immutable");
}

void default_limit_range(Json& range) {
  if (!range.contains("spec") || !range["spec"].contains("limits")) return;
  for (Json& item : range["spec"]["limits"]) {
    if (string_at(item, "type") != "Container") continue;
    // Limits: the most there may be.  Requests: the limits, or else the least.
    for (const auto& [to, from] :
         {std::pair{"default", "max"}, {"defaultRequest", "default"}, {"defaultRequest", "min"}}) {
      const Json amounts = object_at(item, from);
      for (const auto& [name, amount] : amounts.items()) {
        if (!object_at(item, to).contains(name)) item[to][name] = amount;
      }
    }
  }
}

void validate_limit_range(Causes& causes, const Json& range) {
  std::set<std::string> seen;
  const Json& limits = array_at(object_at(range, "spec"), "limits");
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string path = fmt::format("spec.limits[{}]", i), type = string_at(limits[i], "type");
    if (const std::string error = qualified_name_error(type); !error.empty())
      cause_invalid(causes, path + ".type", type, error);
    if (!seen.insert(type).second) cause_duplicate(causes, path + ".type", type);
    if (type == "Pod") {
      for (const char* member : {"default", "defaultRequest"})
        if (!object_at(limits[i], member).empty())
          cause_forbidden(causes, fmt::format("{}.{}", path, member),
                          "may not be specified when `type` is 'Pod'");
    }
    if (type == "PersistentVolumeClaim" && !object_at(limits[i], "min").contains("storage") &&
        !object_at(limits[i], "max").contains("storage"))
      cause_required(causes, path,
                     "either minimum or maximum storage value is required, but neither was "
                     "provided");
    check_order(causes, limits[i], "min", "max", "min", "max", path, "min");
    check_order(causes, limits[i], "min", "defaultRequest", "min", "default request", path, "defaultRequest");
    check_order(causes, limits[i], "defaultRequest", "max", "default request", "max", path, "defaultRequest");
    check_order(causes, limits[i], "defaultRequest", "default", "default request", "default limit", path,
                "defaultRequest");
    check_order(causes, limits[i], "min", "default", "min", "default", path, "default");
    check_order(causes, limits[i], "default", "max", "default", "max", path, "default");
    check_ratio(causes, limits[i], path);
  }
}

}  // namespace minik::api
