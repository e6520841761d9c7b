#include "apiserver/authenticator.h"

#include <algorithm>

#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr const char* kAuthenticated = "system:authenticated";
constexpr const char* kAnonymous = "system:anonymous";
constexpr const char* kAuthenticationGroup = "authentication.k8s.io";

void add_group(User& user, const char* group) {
  if (!user.in_group(group)) user.groups.emplace_back(group);
}

// "" when the header is no bearer token.
std::string bearer_token(const std::string& header) {
  const auto words = split_words(header);
  return words.size() == 2 && lower(words[0]) == "bearer" ? words[1] : "";
}

Attributes impersonation(const char* group, const char* resource, std::string name) {
  Attributes what;
  what.verb = "impersonate";
  what.group = group;
  what.version = "v1";
  what.resource = resource;
  what.name = std::move(name);
  return what;
}

// The account that system:serviceaccount:NS:NAME names.
std::optional<std::pair<std::string, std::string>> account_of(const std::string& user) {
  const auto parts = split(user, ':');
  if (parts.size() != 4 || parts[0] != "system" || parts[1] != "serviceaccount") return std::nullopt;
  if (!dns1123_label_error(parts[2]).empty() || !dns1123_subdomain_error(parts[3]).empty())
    return std::nullopt;
  return std::pair(parts[2], parts[3]);
}

Attributes user_impersonation(const std::string& name) {
  const auto account = account_of(name);
  if (!account) return impersonation("", "users", name);
  Attributes what = impersonation("", "serviceaccounts", account->second);
  what.ns = account->first;
  return what;
}

// Groups that go with the name, as if the user had come by themselves.
void add_implied_groups(User& user) {
  if (user.name == kAnonymous) return add_group(user, "system:unauthenticated");
  const auto account = account_of(user.name);
  if (account && user.groups.empty()) user.groups = account_groups(account->first);
  add_group(user, kAuthenticated);
}

}  // namespace

Result<std::optional<User>> Authenticator::who(const Request& request) const {
  std::optional<User> user = request.user;
  const std::string& header = request.credentials.authorization;
  if (!header.empty() && !user) {
    const std::string token = bearer_token(header);
    if (token.empty()) return Error(Code::kUnauthorized, "Unauthorized");
    auto verified = issuer_.verify(*store_.snapshot(), token, {}, clock_.now());
    if (!verified.ok()) return Error(Code::kUnauthorized, "Unauthorized");
    user = std::move(verified->user);
  }
  if (!user) return user;
  add_group(*user, kAuthenticated);
  if (request.credentials.impersonate.empty()) return user;
  return std::optional<User>(TRY(impersonated(*user, request.credentials)));
}

Result<User> Authenticator::impersonated(const User& user, const Credentials& credentials) const {
  constexpr std::string_view kExtra = "extra-";
  User other;
  std::vector<Attributes> asked;
  for (const auto& [header, value] : credentials.impersonate) {
    if (header == "user") {
      other.name = value;
      asked.push_back(user_impersonation(value));
    } else if (header == "group") {
      other.groups.push_back(value);
      asked.push_back(impersonation("", "groups", value));
    } else if (header == "uid") {
      other.uid = value;
      asked.push_back(impersonation(kAuthenticationGroup, "uids", value));
    } else if (header.starts_with(kExtra)) {
      const std::string key = lower(percent_decode(header.substr(kExtra.size()), false));
      other.extra[key].push_back(value);
      asked.push_back(impersonation(kAuthenticationGroup, "userextras", value));
      asked.back().subresource = key;
    }
  }
  if (asked.empty()) return user;
  if (other.name.empty())
    return Error(Code::kInvalid,
                 "requested impersonation of a group, uid or extra without impersonating a user");
  for (const Attributes& what : asked) TRY(authorizer_.check(user, what));
  add_implied_groups(other);
  return other;
}

}  // namespace minik::apiserver
