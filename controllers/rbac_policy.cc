// The bootstrap policy, in short: ROLE rows, each a group of verbs on groups and resources.
#include "base/text.h"
#include "controllers/rbac.h"

namespace minik::controllers {
namespace {

constexpr const char* kGroup = "rbac.authorization.k8s.io";
constexpr const char* kRead = "get list watch";
constexpr const char* kWrite = "create delete deletecollection patch update";
constexpr const char* kAll = "create delete deletecollection get list patch update watch";

// Lists are words with blanks between them; "core" is the group without a name.
struct Row {
  const char* verbs;
  const char* group;
  const char* resources;
};

constexpr Row kView[] = {
    {kRead, "core",
     "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
     "replicationcontrollers/scale serviceaccounts services services/status"},
    {kRead, "core",
     "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
     "resourcequotas resourcequotas/status"},
    {kRead, "core", "namespaces"},
    {kRead, "discovery.k8s.io", "endpointslices"},
    {kRead, "apps",
     "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status "
     "replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status"},
    {kRead, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"},
    {kRead, "batch", "cronjobs cronjobs/status jobs jobs/status"},
    {kRead, "extensions",
     "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses "
     "ingresses/status networkpolicies replicasets replicasets/scale replicasets/status "
     "replicationcontrollers/scale"},
    {kRead, "policy", "poddisruptionbudgets poddisruptionbudgets/status"},
    {kRead, "networking.k8s.io", "ingresses ingresses/status networkpolicies"},
};

constexpr Row kEdit[] = {
    {kRead, "core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"},
    {"impersonate", "core", "serviceaccounts"},
    {kWrite, "core", "pods pods/attach pods/exec pods/portforward pods/proxy"},
    {"create", "core", "pods/eviction"},
    {kWrite, "core",
     "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
     "serviceaccounts services services/proxy"},
    {"create", "core", "serviceaccounts/token"},
    {kWrite, "apps",
     "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale "
     "statefulsets statefulsets/scale"},
    {kWrite, "autoscaling", "horizontalpodautoscalers"},
    {kWrite, "batch", "cronjobs jobs"},
    {kWrite, "extensions",
     "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
     "replicasets/scale replicationcontrollers/scale"},
    {kWrite, "policy", "poddisruptionbudgets"},
    {kWrite, "networking.k8s.io", "ingresses networkpolicies"},
    {kAll, "coordination.k8s.io", "leases"},
};

constexpr Row kAdmin[] = {
    {"create", "authorization.k8s.io", "localsubjectaccessreviews"},
    {kAll, kGroup, "rolebindings roles"},
};

constexpr Row kBasicUser[] = {
    {"create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"},
    {"create", "authentication.k8s.io", "selfsubjectreviews"},
};

Json object_of(const char* kind, const std::string& name) {
  return {{"kind", kind},
          {"apiVersion", std::string(kGroup) + "/v1"},
          {"metadata",
           {{"name", name},
            {"labels", {{"kubernetes.io/bootstrapping", "rbac-defaults"}}},
            {"annotations", {{"rbac.authorization.kubernetes.io/autoupdate", "true"}}}}}};
}

template <std::size_t N>
Json role_of(const std::string& name, const Row (&rows)[N]) {
  Json role = object_of("ClusterRole", name);
  for (const Row& row : rows) {
    role["rules"].push_back({{"verbs", split_words(row.verbs)},
                             {"apiGroups", {row.group == std::string_view("core") ? "" : row.group}},
                             {"resources", split_words(row.resources)}});
  }
  return role;
}

Json paths_role(const std::string& name, const char* paths) {
  Json role = object_of("ClusterRole", name);
  role["rules"].push_back({{"verbs", {"get"}}, {"nonResourceURLs", split_words(paths)}});
  return role;
}

std::string aggregation_label(const std::string& into) {
  return std::string(kGroup) + "/aggregate-to-" + into;
}

// The role that takes over what is labelled for it, and its first part, which feeds `next` as well.
template <std::size_t N>
void add_user_facing(std::vector<Json>& all, const std::string& name, const std::string& next,
                     const Row (&rows)[N]) {
  Json role = object_of("ClusterRole", name);
  role["aggregationRule"]["clusterRoleSelectors"] =
      Json::array({{{"matchLabels", {{aggregation_label(name), "true"}}}}});
  role["rules"] = Json::array();
  if (!next.empty()) role["metadata"]["labels"][aggregation_label(next)] = "true";
  Json part = role_of("system:aggregate-to-" + name, rows);
  part["metadata"]["labels"][aggregation_label(name)] = "true";
  all.push_back(std::move(part));
  all.push_back(std::move(role));
}

Json binding_of(const std::string& name, const char* groups) {
  Json binding = object_of("ClusterRoleBinding", name);
  binding["roleRef"] = {{"apiGroup", kGroup}, {"kind", "ClusterRole"}, {"name", name}};
  for (const auto& group : split_words(groups))
    binding["subjects"].push_back({{"kind", "Group"}, {"apiGroup", kGroup}, {"name", group}});
  return binding;
}

std::vector<Json> make_policy() {
  std::vector<Json> all;
  Json admin = object_of("ClusterRole", "cluster-admin");
  admin["rules"] = Json::array({{{"verbs", {"*"}}, {"apiGroups", {"*"}}, {"resources", {"*"}}},
                                {{"verbs", {"*"}}, {"nonResourceURLs", {"*"}}}});
  all.push_back(std::move(admin));
  add_user_facing(all, "view", "edit", kView);
  add_user_facing(all, "edit", "admin", kEdit);
  add_user_facing(all, "admin", "", kAdmin);
  all.push_back(role_of("system:basic-user", kBasicUser));
  all.push_back(paths_role("system:discovery",
                           "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version "
                           "/version/"));
  all.push_back(paths_role("system:public-info-viewer", "/healthz /livez /readyz /version /version/"));
  all.push_back(paths_role("system:service-account-issuer-discovery",
                           "/.well-known/openid-configuration /.well-known/openid-configuration/ "
                           "/openid/v1/jwks /openid/v1/jwks/"));
  all.push_back(binding_of("cluster-admin", "system:masters"));
  all.push_back(binding_of("system:basic-user", "system:authenticated"));
  all.push_back(binding_of("system:discovery", "system:authenticated"));
  all.push_back(binding_of("system:public-info-viewer", "system:authenticated system:unauthenticated"));
  all.push_back(binding_of("system:service-account-issuer-discovery", "system:serviceaccounts"));
  return all;
}

}  // namespace

const std::vector<Json>& bootstrap_policy() {
  static const std::vector<Json> kPolicy = make_policy();
  return kPolicy;
}

}  // namespace minik::controllers
