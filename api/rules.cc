#include "api/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/custom_kind.h"
#include "base/text.h"

namespace minik::api {
namespace {

std::string name_error(const Kind& kind, const std::string& name) {
  if (kind.group_resource() == "services") return dns1035_label_error(name);
  if (kind.group_resource() == "namespaces") return dns1123_label_error(name);
  if (kind.group == "rbac.authorization.k8s.io") return path_segment_error(name);
  return dns1123_subdomain_error(name);
}

void check_meta(Causes& causes, const Kind& kind, const Json& object) {
  const Json& meta = object_at(object, "metadata");
  const std::string name = string_at(meta, "name");
  if (name.empty()) {
    cause_required(causes, "metadata.name", "name or generateName is required");
  } else if (const std::string error = name_error(kind, name); !error.empty()) {
    cause_invalid(causes, "metadata.name", name, error);
  }
  if (const Json* labels = find(meta, "labels")) check_labels(causes, *labels, "metadata.labels");
  const Json& annotations = object_at(meta, "annotations");
  std::size_t bytes = 0;
  for (const auto& [key, value] : annotations.items()) {
    if (const std::string error = qualified_name_error(lower(key)); !error.empty()) {
      cause_invalid(causes, "metadata.annotations", key, error);
    }
    bytes += key.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 0);
  }
  constexpr std::size_t kAnnotationBytesMax = 256 * 1024;
  if (bytes > kAnnotationBytesMax) {
    causes.push_back({"FieldValueTooLong", "metadata.annotations",
                      fmt::format("Too long: may not be more than {} bytes", kAnnotationBytesMax)});
  }
  for (std::size_t i = 0; i < array_at(meta, "ownerReferences").size(); ++i) {
    const Json& owner = array_at(meta, "ownerReferences")[i];
    for (const char* member : {"apiVersion", "kind", "name", "uid"}) {
      if (string_at(owner, member).empty())
        cause_invalid(causes, fmt::format("metadata.ownerReferences[{}].{}", i, member), "",
                      "must not be empty");
    }
  }
}

// What one kind has beyond its schema; absent parts are null.
struct KindRules {
  void (*fill_in)(Json& object) = nullptr;
  void (*validate)(Causes& causes, const Json& object) = nullptr;
  void (*validate_update)(Causes& causes, const Json& object, const Json& old) = nullptr;
  void (*validate_new)(Causes& causes, const Json& object) = nullptr;
};

void default_pod(Json& pod) {
  if (pod.contains("spec")) default_pod_spec(pod["spec"]);
}
void validate_pod(Causes& causes, const Json& pod) {
  validate_pod_spec(causes, object_at(pod, "spec"), "spec");
}

void default_namespace(Json& ns) {
  ns["metadata"]["labels"]["kubernetes.io/metadata.name"] = string_at(object_at(ns, "metadata"), "name");
  if (!object_at(ns, "spec").contains("finalizers")) ns["spec"]["finalizers"] = {"kubernetes"};
  if (!object_at(ns, "status").contains("phase")) ns["status"]["phase"] = "Active";
}

const KindRules& rules_of(const Kind& kind) {
  static const std::map<std::string, KindRules> kRules = {
      {"services", {default_service, validate_service, validate_service_update}},
      {"endpoints", {nullptr, validate_endpoints, nullptr}},
      {"endpointslices.discovery.k8s.io", {nullptr, validate_endpoint_slice, nullptr}},
      {"pods", {default_pod, validate_pod, validate_pod_update}},
      {"namespaces", {default_namespace, nullptr, nullptr}},
      {"configmaps", {nullptr, validate_config_map, validate_data_update}},
      {"secrets", {default_secret, validate_secret, validate_data_update}},
      {"deployments.apps", {default_deployment, validate_workload, nullptr}},
      {"replicasets.apps", {default_deployment, validate_workload, nullptr}},
      {"ingresses.networking.k8s.io", {nullptr, validate_ingress, nullptr, validate_new_ingress}},
      {"ingressclasses.networking.k8s.io", {default_ingress_class, validate_ingress_class, nullptr}},
      {"networkpolicies.networking.k8s.io", {default_network_policy, validate_network_policy, nullptr}},
      {"roles.rbac.authorization.k8s.io", {nullptr, validate_role, nullptr}},
      {"clusterroles.rbac.authorization.k8s.io", {nullptr, validate_role, nullptr}},
      {"rolebindings.rbac.authorization.k8s.io",
       {default_binding_of_role, validate_binding_of_role, validate_binding_of_role_update}},
      {"clusterrolebindings.rbac.authorization.k8s.io",
       {default_binding_of_role, validate_binding_of_role, validate_binding_of_role_update}},
      {"horizontalpodautoscalers.autoscaling", {default_autoscaler, validate_autoscaler, nullptr}},
      {"persistentvolumeclaims", {nullptr, validate_claim, validate_claim_update}},
      {"persistentvolumes", {nullptr, validate_volume, validate_volume_update}},
      {"storageclasses.storage.k8s.io", {nullptr, validate_storage_class, validate_storage_class_update}},
      {"resourcequotas", {nullptr, validate_quota, validate_quota_update}},
      {"limitranges", {default_limit_range, validate_limit_range, nullptr}},
      {"customresourcedefinitions.apiextensions.k8s.io",
       {default_definition, validate_definition, validate_definition_update}},
      {"leases.coordination.k8s.io", {nullptr, validate_lease, nullptr}},
      {"runtimeclasses.node.k8s.io", {nullptr, validate_runtime_class, nullptr}},
      {"priorityclasses.scheduling.k8s.io",
       {nullptr, validate_priority_class, validate_priority_class_update}}};
  static const KindRules kNone;
  const auto it = kRules.find(kind.group_resource());
  return it == kRules.end() ? kNone : it->second;
}

// Fields that the schema marks immutable at the top of the object or of its spec.
void check_immutable(Causes& causes, const StructType& type, const Json& object, const Json& old,
                     const std::string& path) {
  for (const Field& field : type.fields) {
    const std::string here = path.empty() ? field.name : path + "." + field.name;
    const Json* now = find(object, field.name);
    const Json* before = find(old, field.name);
    if (field.immutable && before != nullptr && (now == nullptr || *now != *before)) {
      cause_invalid(causes, here, now == nullptr ? Json() : *now, "field is immutable");
    }
    if (field.name == "spec" && field.type.of != nullptr && now != nullptr && before != nullptr) {
      check_immutable(causes, *field.type.of, *now, *before, here);
    }
  }
}

// What holds for new and for changed objects.  Where the kind's own rules speak of a field, they know better
// than the schema.
Causes validate_any(const Kind& kind, const Json& object) {
  Causes causes, own;
  check_meta(causes, kind, object);
  if (kind.custom != nullptr) validate_custom(own, kind, object);
  if (const auto validate = rules_of(kind).validate) validate(own, object);
  validate_controlled(own, kind, object);
  Causes plain;
  check_values(*kind.type, object, "", plain);
  for (FieldCause& cause : plain) {
    const bool known =
        std::any_of(own.begin(), own.end(), [&](const auto& other) { return other.field == cause.field; });
    if (!known) causes.push_back(std::move(cause));
  }
  causes.insert(causes.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return causes;
}

}  // namespace

void cause_required(Causes& causes, std::string field, std::string detail) {
  causes.push_back({"FieldValueRequired", std::move(field),
                    detail.empty() ? "Required value" : "Required value: " + detail});
}
void cause_invalid(Causes& causes, std::string field, const Json& value, std::string_view detail) {
  causes.push_back(
      {"FieldValueInvalid", std::move(field), fmt::format("Invalid value: {}: {}", to_text(value), detail)});
}
void cause_duplicate(Causes& causes, std::string field, const Json& value) {
  causes.push_back({"FieldValueDuplicate", std::move(field), "Duplicate value: " + to_text(value)});
}
void cause_forbidden(Causes& causes, std::string field, std::string_view detail) {
  causes.push_back({"FieldValueForbidden", std::move(field), fmt::format("Forbidden: {}", detail)});
}
void cause_unsupported(Causes& causes, std::string field, const Json& value,
                       const std::vector<std::string>& allowed) {
  std::vector<std::string> quoted;
  for (const auto& word : allowed) quoted.push_back("\"" + word + "\"");
  causes.push_back(
      {"FieldValueNotSupported", std::move(field),
       fmt::format("Unsupported value: {}: supported values: {}", to_text(value), join(quoted, ", "))});
}

std::string path_segment_error(const std::string& name) {
  if (name == "." || name == "..") return fmt::format("may not be '{}'", name);
  for (const char* bad : {"/", "%"}) {
    if (name.find(bad) != std::string::npos) return fmt::format("may not contain '{}'", bad);
  }
  return "";
}

std::string label_value_error(std::string_view value) {
  if (value.empty()) return "";
  if (value.size() > 63) return "must be no more than 63 characters";
  const auto ok = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool inner = std::all_of(value.begin(), value.end(),
                                 [&](char c) { return ok(c) || c == '-' || c == '_' || c == '.'; });
  if (inner && ok(value.front()) && ok(value.back())) return "";
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
         "must start and end "
         "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
         "validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

std::string qualified_name_error(std::string_view key) {
  if (const auto slash = key.find('/'); slash != std::string_view::npos) {
    if (slash == 0) return "prefix part must be non-empty";
    if (const std::string error = dns1123_subdomain_error(key.substr(0, slash)); !error.empty())
      return "prefix part " + error;
    key.remove_prefix(slash + 1);
  }
  if (key.empty()) return "name part must be non-empty";
  if (label_value_error(key).empty()) return "";
  if (key.size() > 63) return "name part must be no more than 63 characters";
  return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
         "alphanumeric "
         "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
         "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
}

void check_label_selector(Causes& causes, const Json& selector, const std::string& field) {
  check_labels(causes, object_at(selector, "matchLabels"), field + ".matchLabels");
  const Json& expressions = array_at(selector, "matchExpressions");
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const std::string path = fmt::format("{}.matchExpressions[{}]", field, i);
    const std::string op = string_at(expressions[i], "operator"), key = string_at(expressions[i], "key");
    const bool values = !array_at(expressions[i], "values").empty();
    if (op == "In" || op == "NotIn") {
      if (!values)
        cause_required(causes, path + ".values", "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (op == "Exists" || op == "DoesNotExist") {
      if (values)
        cause_forbidden(causes, path + ".values",
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else {
      cause_invalid(causes, path + ".operator", op, "not a valid selector operator");
    }
    if (const std::string error = qualified_name_error(key); !error.empty())
      cause_invalid(causes, path + ".key", key, error);
  }
}

bool is_percent(const std::string& text) {
  return text.size() > 1 && text.find_first_not_of("0123456789") == text.size() - 1 && text.back() == '%';
}

void check_labels(Causes& causes, const Json& labels, const std::string& field) {
  for (const auto& [key, value] : labels.items()) {
    if (const std::string error = qualified_name_error(key); !error.empty())
      cause_invalid(causes, field, key, error);
    if (!value.is_string()) continue;
    if (const std::string error = label_value_error(value.get_ref<const std::string&>()); !error.empty()) {
      cause_invalid(causes, field, value, error);
    }
  }
}

void check_port(Causes& causes, const Json& value, const std::string& field) {
  const std::int64_t port = value.is_number() ? value.get<std::int64_t>() : 0;
  if (port < 1 || port > 65535) cause_invalid(causes, field, value, "must be between 1 and 65535, inclusive");
}

std::string port_name_error(std::string_view name) {
  if (name.size() > 15) return "must be no more than 15 characters";
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto ok = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  if (!std::all_of(name.begin(), name.end(), ok))
    return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
  if (std::none_of(name.begin(), name.end(), letter)) return "must contain at least one letter (a-z)";
  if (name.find("--") != std::string_view::npos) return "must not contain consecutive hyphens";
  if (name.front() == '-' || name.back() == '-') return "must not begin or end with a hyphen";
  return "";
}

void default_object(const Kind& kind, Json& object) {
  default_controlled(kind, object);
  if (const auto fill_in = rules_of(kind).fill_in) fill_in(object);
}

Causes validate_create(const Kind& kind, const Json& object) {
  Causes causes = validate_any(kind, object);
  if (const auto validate = rules_of(kind).validate_new) validate(causes, object);
  return causes;
}

Causes validate_update(const Kind& kind, const Json& object, const Json& old) {
  Causes causes = validate_any(kind, object);
  check_immutable(causes, *kind.type, object, old, "");
  if (const auto validate = rules_of(kind).validate_update) validate(causes, object, old);
  validate_controlled_update(causes, kind, object, old);
  return causes;
}

Error invalid(std::string_view kind, std::string_view name, Causes causes) {
  std::vector<std::string> texts;
  std::set<std::string> seen;
  for (const auto& cause : causes) {
    std::string text = cause.field + ": " + cause.message;
    if (seen.insert(text).second) texts.push_back(std::move(text));
  }
  const std::string all = texts.size() == 1 ? texts[0] : "[" + join(texts, ", ") + "]";
  return Error(Code::kInvalid, fmt::format("{} \"{}\" is invalid: {}", kind, name, all))
      .with_causes(std::move(causes));
}

}  // namespace minik::api
