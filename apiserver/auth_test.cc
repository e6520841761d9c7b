// Tokens, who may what, and the questions about it: alone, and through a server without sockets.
#include <gtest/gtest.h>

#include <algorithm>

#include "apiserver/handler.h"
#include "apiserver/no_pods.h"
#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

Json yaml(const std::string& text) { return parse_yaml(text).value().at(0); }

TEST(Jwt, SignsAndVerifiesOnlyItsOwn) {
  const SigningKey key = SigningKey::generate().value(), other = SigningKey::generate().value();
  const Json claims = {{"sub", "a"}, {"exp", 5}};
  const std::string token = key.sign(claims).value();
  EXPECT_EQ(key.verify(token).value(), claims);
  EXPECT_EQ(peek_claims(token).value(), claims);
  EXPECT_FALSE(other.verify(token).ok());
  const SigningKey again = SigningKey::from_pem(key.pem().value()).value();
  EXPECT_EQ(again.id(), key.id());
  EXPECT_TRUE(again.verify(token).ok());
  EXPECT_EQ(key.jwk()["kid"], key.id());
  EXPECT_EQ(base64url_decode(key.jwk()["x"].get<std::string>())->size(), 32U);
}

TEST(Jwt, RefusesConfusedAlgorithmsAndChangedBytes) {
  const SigningKey key = SigningKey::generate().value();
  const std::string token = key.sign({{"sub", "a"}}).value();
  const auto parts = split(token, '.');
  const auto with_header = [&](const Json& header) {
    return base64url(to_text(header)) + "." + parts[1] + "." + parts[2];
  };
  EXPECT_FALSE(key.verify(with_header({{"alg", "none"}, {"kid", key.id()}})).ok());
  EXPECT_FALSE(key.verify(with_header({{"alg", "HS256"}, {"kid", key.id()}})).ok());
  EXPECT_FALSE(key.verify(with_header({{"alg", "ES256"}})).ok());
  EXPECT_FALSE(key.verify(with_header({{"alg", "ES256"}, {"kid", key.id()}, {"crit", {"x"}}})).ok());
  EXPECT_FALSE(key.verify(parts[0] + "." + parts[1] + ".").ok());
  EXPECT_FALSE(key.verify(parts[0] + "." + base64url("{\"sub\":\"b\"}") + "." + parts[2]).ok());
  EXPECT_FALSE(key.verify(token + "=").ok());
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(key.verify(changed).ok()) << i;
  }
}

TEST(Jwt, Base64urlHasOneSpelling) {
  for (const std::string text : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"})
    EXPECT_EQ(base64url_decode(base64url(text)).value(), text);
  for (const char* bad : {"A", "AB", "AA==", "A+", "A/", "A A"})
    EXPECT_FALSE(base64url_decode(bad).ok()) << bad;
}

PolicyRule rule(const std::string& text) { return PolicyRule::parse(yaml(text)); }
Attributes ask(const std::string& verb, const std::string& group, const std::string& resource,
               const std::string& sub = "", const std::string& name = "") {
  return {verb, true, group, "v1", resource, sub, "default", name, ""};
}

TEST(Rbac, MatchesVerbsGroupsResourcesAndNames) {
  const auto pods = rule("{verbs: [get, list], apiGroups: ['', apps], resources: [pods, pods/log]}");
  EXPECT_TRUE(pods.allows(ask("get", "", "pods")));
  EXPECT_TRUE(pods.allows(ask("get", "", "pods", "log")));
  EXPECT_FALSE(pods.allows(ask("get", "", "pods", "exec")));
  EXPECT_FALSE(pods.allows(ask("delete", "", "pods")));
  EXPECT_FALSE(pods.allows(ask("get", "batch", "pods")));
  const auto scale = rule("{verbs: ['*'], apiGroups: ['*'], resources: ['*/scale']}");
  EXPECT_TRUE(scale.allows(ask("update", "apps", "deployments", "scale")));
  EXPECT_FALSE(scale.allows(ask("update", "apps", "deployments")));
  const auto named = rule("{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [a]}");
  EXPECT_TRUE(named.allows(ask("get", "", "secrets", "", "a")));
  EXPECT_FALSE(named.allows(ask("get", "", "secrets", "", "b")));
  EXPECT_FALSE(named.allows(ask("get", "", "secrets")));
  const auto all = rule("{verbs: ['*'], apiGroups: ['*'], resources: ['*']}");
  EXPECT_TRUE(all.allows(ask("x", "y", "z", "w")));
  Attributes path{"get", false, "", "", "", "", "", "", "/metrics/a"};
  EXPECT_FALSE(all.allows(path));
  EXPECT_TRUE(rule("{verbs: [get], nonResourceURLs: ['/metrics/*']}").allows(path));
  EXPECT_FALSE(rule("{verbs: [get], nonResourceURLs: [/metrics]}").allows(path));
}

TEST(Rbac, FindsWhatIsMissing) {
  const Rules held = {rule("{verbs: [get, list], apiGroups: [''], resources: [pods]}"),
                      rule("{verbs: ['*'], apiGroups: [apps], resources: ['*']}"),
                      rule("{verbs: [get], nonResourceURLs: ['/healthz*']}")};
  EXPECT_TRUE(missing_rules(held, {rule("{verbs: [get], apiGroups: [''], resources: [pods], "
                                        "resourceNames: [a]}"),
                                   rule("{verbs: [get], apiGroups: [apps], resources: [deployments/scale]}"),
                                   rule("{verbs: [get], nonResourceURLs: [/healthz/ping]}")})
                  .empty());
  const Rules missing =
      missing_rules(held, {rule("{verbs: [get, watch, delete], apiGroups: [''], resources: [pods]}")});
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].text(), "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\" \"delete\"]}");
  EXPECT_EQ(missing_rules(held, {rule("{verbs: ['*'], apiGroups: [''], resources: [pods]}")}).size(), 1U);
}

TEST(Authorizer, ReadsAttributesFromUrls) {
  const auto of = [](const std::string& method, const std::string& path,
                     std::multimap<std::string, std::string> query = {}) {
    Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    return attributes_of(request);
  };
  const auto log = of("GET", "/api/v1/namespaces/a/pods/p/log");
  EXPECT_EQ(log.verb + log.ns + log.resource + log.name + log.subresource,
            "getapodspl"
            "og");
  EXPECT_EQ(of("GET", "/apis/apps/v1/deployments", {{"watch", "1"}}).verb, "watch");
  EXPECT_EQ(of("GET", "/apis/apps/v1/deployments").group, "apps");
  EXPECT_EQ(of("DELETE", "/api/v1/namespaces/a/pods").verb, "deletecollection");
  EXPECT_EQ(of("GET", "/api/v1/namespaces/a").ns, "a");
  EXPECT_EQ(of("GET", "/api/v1/namespaces/a").resource, "namespaces");
  EXPECT_EQ(of("PUT", "/api/v1/namespaces/a/finalize").subresource, "finalize");
  EXPECT_EQ(of("GET", "/api/v1/pods", {{"fieldSelector", "metadata.name=x"}}).name, "x");
  EXPECT_FALSE(of("GET", "/api/v1").is_resource);
  EXPECT_EQ(of("GET", "/metrics").path, "/metrics");
  EXPECT_EQ(of("POST", "/apis/no.such/v1/things").resource, "things");
}

class AuthTest : public ::testing::Test {
 protected:
  AuthTest() {
    as(kAdmin, "POST", "/api/v1/namespaces", "{metadata: {name: default}}");
    as(kAdmin, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
       "{metadata: {name: view}, rules: [{verbs: [get, list, watch], apiGroups: [''], resources: [pods]}]}");
  }
  static inline const User kAdmin{"admin", {kMasters}};
  static inline const User kJane{"jane", {"dev"}};

  Response send(Request request, const std::string& method, const std::string& target,
                const std::string& body = "") {
    request.method = method;
    request.path = target;
    if (!body.empty()) request.body = to_text(yaml(body));
    request.content_type = "application/json";
    return handler_.handle(std::move(request));
  }
  Response as(const User& user, const std::string& method, const std::string& target,
              const std::string& body = "") {
    Request request;
    request.user = user;
    return send(std::move(request), method, target, body);
  }
  Response with_token(const std::string& token, const std::string& target) {
    Request request;
    request.credentials.take("Authorization", "Bearer " + token);
    return send(std::move(request), "GET", target);
  }
  static Json json(const Response& response) { return parse_json(response.body).value(); }
  static std::string message(const Response& response) { return string_at(json(response), "message"); }
  std::string token(const std::string& spec = "{}", const std::string& account = "default") {
    const Response made =
        as(kAdmin, "POST", "/api/v1/namespaces/default/serviceaccounts/" + account + "/token",
           "{spec: " + spec + "}");
    EXPECT_EQ(made.status, 201) << made.body;
    return string_at(object_at(json(made), "status"), "token");
  }
  void bind(const std::string& name, const std::string& subject, const std::string& role = "view") {
    const Response made =
        as(kAdmin, "POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
           "{metadata: {name: " + name + "}, subjects: [" + subject +
               "], roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: " + role + "}}");
    ASSERT_EQ(made.status, 201) << made.body;
  }

  static inline const std::string kPods = "/api/v1/namespaces/default/pods";

  FakeClock clock_;
  std::unique_ptr<Store> store_ = Store::open(std::make_unique<MemoryJournal>()).value();
  Registry registry_{*store_, clock_, {{Cidr::parse("10.96.0.0/24").value()}}};
  NoPods pods_;
  std::shared_ptr<const TokenIssuer> tokens_ = std::make_shared<const TokenIssuer>(
      SigningKey::generate().value(), "https://kubernetes.default.svc.cluster.local");
  Handler handler_{{*store_, registry_, clock_, pods_, "test", [] { return ""; },
                    [](const Request&) { return Response{}; }, [](std::uint64_t) {}, tokens_}};
};

TEST_F(AuthTest, TokensAreGoodUntilTheyExpireOrTheirAccountGoes) {
  bind("v", "{kind: ServiceAccount, name: default, namespace: default}");
  const std::string good = token();
  EXPECT_EQ(with_token(good, kPods).status, 200);
  EXPECT_EQ(with_token(good + "x", kPods).status, 401);
  EXPECT_EQ(message(with_token("x", kPods)), "Unauthorized");
  EXPECT_EQ(with_token("x", "/version").status, 401);  // A bad token is never nobody.
  EXPECT_EQ(with_token(token("{audiences: [vault]}"), kPods).status, 401);
  clock_.advance(std::chrono::seconds(3600 + 5));
  EXPECT_EQ(with_token(good, kPods).status, 200);  // Clocks may differ a little.
  clock_.advance(std::chrono::seconds(10));
  EXPECT_EQ(with_token(good, kPods).status, 401);
  const std::string next = token();
  as(kAdmin, "DELETE", "/api/v1/namespaces/default/serviceaccounts/default");
  EXPECT_EQ(with_token(next, kPods).status, 401);
  as(kAdmin, "POST", "/api/v1/namespaces/default/serviceaccounts", "{metadata: {name: default}}");
  EXPECT_EQ(with_token(next, kPods).status, 401);  // Another one of that name.
  EXPECT_EQ(with_token(token(), kPods).status, 200);
}

TEST_F(AuthTest, TokensEndWithTheirPod) {
  bind("v", "{kind: ServiceAccount, name: default, namespace: default}");
  const std::string body = "{metadata: {name: p}, spec: {containers: [{name: c, image: x}]}}";
  ASSERT_EQ(as(kAdmin, "POST", kPods, body).status, 201);
  const std::string bound = token("{boundObjectRef: {apiVersion: v1, kind: Pod, name: p}}");
  EXPECT_EQ(with_token(bound, kPods).status, 200);
  const Json claims = peek_claims(bound).value();
  EXPECT_EQ(claims["kubernetes.io"]["pod"]["name"], "p");
  EXPECT_EQ(claims["sub"], "system:serviceaccount:default:default");
  as(kAdmin, "DELETE", kPods + "/p");
  EXPECT_EQ(with_token(bound, kPods).status, 401);
  ASSERT_EQ(as(kAdmin, "POST", kPods, body).status, 201);
  EXPECT_EQ(with_token(bound, kPods).status, 401);
}

TEST_F(AuthTest, TokenRequestsAreChecked) {
  const std::string url = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const Response brief = as(kAdmin, "POST", url, "{spec: {expirationSeconds: 599}}");
  EXPECT_EQ(brief.status, 422);
  EXPECT_NE(message(brief).find("spec.expirationSeconds: Invalid value: 599: may not specify a duration less "
                                "than 10 minutes"),
            std::string::npos);
  EXPECT_EQ(
      as(kAdmin, "POST", url, "{spec: {boundObjectRef: {apiVersion: v1, kind: Pod, name: absent}}}").status,
      404);
  EXPECT_EQ(
      as(kAdmin, "POST", url, "{spec: {boundObjectRef: {apiVersion: v1, kind: Service, name: a}}}").status,
      400);
  EXPECT_EQ(as(kAdmin, "GET", url).status, 405);
  EXPECT_EQ(as(kAdmin, "POST", "/api/v1/namespaces/default/serviceaccounts/no/token", "{spec: {}}").status,
            404);
}

TEST_F(AuthTest, RbacDecides) {
  const Response refused = as(kJane, "GET", kPods);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(message(refused),
            "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the "
            "namespace \"default\"");
  EXPECT_EQ(json(refused)["details"], yaml("{kind: pods}"));
  EXPECT_EQ(
      message(as(kJane, "GET", kPods + "/p/log")),
      "pods \"p\" is forbidden: User \"jane\" cannot get resource \"pods/log\" in API group \"\" in the "
      "namespace \"default\"");
  EXPECT_EQ(message(as(kJane, "GET", "/metrics")), "forbidden: User \"jane\" cannot get path \"/metrics\"");
  EXPECT_EQ(message(as(kJane, "GET", "/apis/no.such/v1/things")),
            "things.no.such is forbidden: User \"jane\" cannot list resource \"things\" in API group "
            "\"no.such\" at the cluster scope");
  bind("v", "{kind: Group, apiGroup: rbac.authorization.k8s.io, name: dev}");
  EXPECT_EQ(as(kJane, "GET", kPods).status, 200);
  EXPECT_EQ(as(kJane, "GET", "/api/v1/pods").status, 403);  // Only there.
  EXPECT_EQ(as(kJane, "DELETE", kPods + "/p").status, 403);
  as(kAdmin, "DELETE", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/v");
  EXPECT_EQ(as(kJane, "GET", kPods).status, 403);
  bind("w", "{kind: User, apiGroup: rbac.authorization.k8s.io, name: jane}", "absent");
  EXPECT_TRUE(message(as(kJane, "GET", kPods))
                  .ends_with("RBAC: clusterrole.rbac.authorization.k8s.io \"absent\" not found"));
}

TEST_F(AuthTest, NobodyGrantsMoreThanTheyHold) {
  const std::string roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  const std::string bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
  as(kAdmin, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
     "{metadata: {name: granter}, rules: [{verbs: [create, update], apiGroups: [rbac.authorization.k8s.io], "
     "resources: [roles, rolebindings]}, {verbs: [get], apiGroups: [''], resources: [pods]}]}");
  bind("g", "{kind: User, apiGroup: rbac.authorization.k8s.io, name: jane}", "granter");
  const auto role = [&](const std::string& name, const std::string& verbs) {
    return as(kJane, "POST", roles,
              "{metadata: {name: " + name + "}, rules: [{verbs: [" + verbs +
                  "], apiGroups: [''], resources: [pods]}]}");
  };
  EXPECT_EQ(role("fine", "get").status, 201);
  const Response refused = role("more", "get, delete");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(message(refused),
            "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"jane\" (groups=[\"dev\" "
            "\"system:authenticated\"]) is attempting to grant RBAC permissions not currently "
            "held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}");
  EXPECT_EQ(as(kAdmin, "GET", roles + "/more").status, 404);
  const auto bind_to = [&](const std::string& name, const std::string& cluster_role) {
    return as(kJane, "POST", bindings,
              "{metadata: {name: " + name +
                  "}, subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}], roleRef: "
                  "{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: " +
                  cluster_role + "}}");
  };
  EXPECT_EQ(bind_to("a", "view").status, 403);  // list and watch are not hers.
  EXPECT_EQ(bind_to("b", "granter").status, 201);
  EXPECT_EQ(bind_to("c", "absent").status, 404);
  as(kAdmin, "POST", roles,
     "{metadata: {name: escalator}, rules: [{verbs: [escalate, bind], apiGroups: "
     "[rbac.authorization.k8s.io], resources: [roles, clusterroles]}]}");
  as(kAdmin, "POST", bindings,
     "{metadata: {name: e}, subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: jane}], "
     "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: escalator}}");
  EXPECT_EQ(role("more", "get, delete").status, 201);
  EXPECT_EQ(bind_to("a", "view").status, 201);
}

TEST_F(AuthTest, ImpersonatesWhomRbacAllows) {
  const auto impersonate = [&](const User& user, std::vector<std::pair<std::string, std::string>> headers) {
    Request request;
    request.user = user;
    for (const auto& [name, value] : headers) request.credentials.take("Impersonate-" + name, value);
    return send(std::move(request), "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
  };
  as(kAdmin, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
     "{metadata: {name: self}, rules: [{verbs: [create], apiGroups: [authentication.k8s.io], resources: "
     "[selfsubjectreviews]}]}");
  as(kAdmin, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
     "{metadata: {name: self}, subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "
     "'system:authenticated'}], roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "
     "self}}");
  const auto info = [&](const Response& response) {
    EXPECT_EQ(response.status, 201) << response.body;
    return object_at(object_at(json(response), "status"), "userInfo");
  };
  EXPECT_EQ(info(impersonate(kJane, {})), yaml("{username: jane, groups: [dev, 'system:authenticated']}"));
  EXPECT_EQ(info(impersonate(kAdmin, {{"User", "bob"}, {"Group", "g"}, {"Uid", "7"}, {"Extra-Scopes", "s"}})),
            yaml("{username: bob, uid: '7', groups: [g, 'system:authenticated'], extra: {scopes: [s]}}"));
  EXPECT_EQ(info(impersonate(kAdmin, {{"User", "system:serviceaccount:a:b"}}))["groups"],
            yaml("['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated']"));
  EXPECT_EQ(
      message(impersonate(kJane, {{"User", "bob"}})),
      "users \"bob\" is forbidden: User \"jane\" cannot impersonate resource \"users\" in API group \"\" "
      "at the cluster scope");
  EXPECT_EQ(impersonate(kAdmin, {{"Group", "g"}}).status, 400);
}

TEST_F(AuthTest, ReviewsAnswer) {
  bind("v", "{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}");
  const std::string reviews = "/apis/authorization.k8s.io/v1/";
  const auto sar = [&](const std::string& spec) {
    return as(kAdmin, "POST", reviews + "subjectaccessreviews", "{spec: " + spec + "}");
  };
  const Json yes =
      json(sar("{user: bob, resourceAttributes: {namespace: default, verb: list, resource: pods}}"));
  EXPECT_EQ(yes["status"]["allowed"], true);
  EXPECT_EQ(yes["status"]["reason"],
            "RBAC: allowed by RoleBinding \"v/default\" of ClusterRole \"view\" to User \"bob\"");
  EXPECT_EQ(json(sar("{user: bob, resourceAttributes: {verb: list, resource: pods}}"))["status"]["allowed"],
            false);
  EXPECT_EQ(
      json(sar(
          "{groups: ['system:masters'], nonResourceAttributes: {verb: get, path: /x}}"))["status"]["allowed"],
      true);
  EXPECT_EQ(sar("{user: bob}").status, 422);
  EXPECT_EQ(sar("{nonResourceAttributes: {verb: get, path: /x}}").status, 422);
  const Json self = json(as(kAdmin, "POST", reviews + "selfsubjectaccessreviews",
                            "{spec: {resourceAttributes: {verb: '*', resource: '*'}}}"));
  EXPECT_EQ(self["status"]["allowed"], true);
  const Json rules =
      json(as(kAdmin, "POST", reviews + "selfsubjectrulesreviews", "{spec: {namespace: default}}"));
  EXPECT_EQ(rules["status"]["resourceRules"][0]["verbs"][0], "*");
  EXPECT_EQ(rules["status"]["incomplete"], false);
  EXPECT_EQ(as(kAdmin, "GET", reviews + "subjectaccessreviews").status, 405);
  const std::string url = "/apis/authentication.k8s.io/v1/tokenreviews";
  const Json good = json(as(kAdmin, "POST", url, "{spec: {token: " + token() + "}}"));
  EXPECT_EQ(good["status"]["authenticated"], true);
  EXPECT_EQ(good["status"]["user"]["username"], "system:serviceaccount:default:default");
  const Json bad = json(as(kAdmin, "POST", url, "{spec: {token: nonsense}}"));
  EXPECT_FALSE(bad["status"].contains("authenticated"));
  EXPECT_EQ(store_->snapshot()->count("tokenreviews.authentication.k8s.io"), 0U);
}

TEST_F(AuthTest, PodsGetTheirAccount) {
  const auto pod = [&](const std::string& name, const std::string& spec) {
    return as(kAdmin, "POST", kPods, "{metadata: {name: " + name + "}, spec: " + spec + "}");
  };
  const Json made = json(pod("a", "{containers: [{name: c, image: x}]}"));
  EXPECT_EQ(made["spec"]["serviceAccountName"], "default");
  const Json& volume = made["spec"]["volumes"][0];
  EXPECT_TRUE(volume["name"].get<std::string>().starts_with("kube-api-access-"));
  EXPECT_EQ(volume["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"], 3607);
  EXPECT_EQ(made["spec"]["containers"][0]["volumeMounts"][0]["name"], volume["name"]);
  EXPECT_EQ(message(pod("b", "{serviceAccountName: absent, containers: [{name: c, image: x}]}")),
            "pods \"b\" is forbidden: error looking up service account default/absent: serviceaccount "
            "\"absent\" not "
            "found");
  const Json without =
      json(pod("c", "{automountServiceAccountToken: false, containers: [{name: c, image: x}]}"));
  EXPECT_FALSE(without["spec"].contains("volumes"));
  const Json own =
      json(pod("d",
               "{containers: [{name: c, image: x, volumeMounts: [{name: v, mountPath: "
               "/var/run/secrets/kubernetes.io/serviceaccount}]}], volumes: [{name: v, emptyDir: {}}]}"));
  EXPECT_EQ(own["spec"]["volumes"].size(), 1U);
}

TEST_F(AuthTest, OidcDiscoveryNamesTheKey) {
  const Json configuration = json(as(kAdmin, "GET", "/.well-known/openid-configuration"));
  EXPECT_EQ(configuration["issuer"], tokens_->issuer());
  const Json keys = json(as(kAdmin, "GET", "/openid/v1/jwks"));
  EXPECT_EQ(keys["keys"][0]["crv"], "P-256");
  EXPECT_EQ(send(Request{}, "GET", "/openid/v1/jwks").status, 401);
}

}  // namespace
}  // namespace minik::apiserver
