// Rules: what the schema cannot say about a kind: names, computed defaults, relations between fields, what
// may change.  One rules_<topic>.cc per topic, with the message texts of Kubernetes.
//
// Pure: functions on JSON values; causes come in the order of the fields.
#pragma once

#include <string>
#include <vector>

#include "api/schema.h"
#include "base/json.h"
#include "base/result.h"

namespace minik::api {

using Causes = std::vector<FieldCause>;

// Computed defaults, after the schema's own: targetPort = port, imagePullPolicy by tag, ...
void default_object(const Kind& kind, Json& object);

// What is computed once, when an object is created: its uid is known, defaults are not applied yet.
void prepare_create(const Kind& kind, Json& object);
// What is computed when an object changes, before its rules.
void prepare_update(const Kind& kind, Json& object, const Json& old);

// All rules for a new object, schema values included.
Causes validate_create(const Kind& kind, const Json& object);
// All rules for a change, immutability included.
Causes validate_update(const Kind& kind, const Json& object, const Json& old);

// Service "web" is invalid: spec.ports: Required value
Error invalid(std::string_view kind, std::string_view name, Causes causes);

// For the rules files.
void cause_required(Causes& causes, std::string field, std::string detail = "");
void cause_invalid(Causes& causes, std::string field, const Json& value, std::string_view detail);
void cause_duplicate(Causes& causes, std::string field, const Json& value);
void cause_forbidden(Causes& causes, std::string field, std::string_view detail);
void cause_unsupported(Causes& causes, std::string field, const Json& value,
                       const std::vector<std::string>& allowed);

void check_label_selector(Causes& causes, const Json& selector, const std::string& field);
bool is_percent(const std::string& text);  // 25%
void check_labels(Causes& causes, const Json& labels, const std::string& field);
void check_port(Causes& causes, const Json& value, const std::string& field);
std::string port_name_error(std::string_view name);  // IANA service name; empty when fine.
std::string qualified_name_error(std::string_view key);
std::string label_value_error(std::string_view value);
std::string path_segment_error(const std::string& name);  // For names that may hold more than DNS names do.

// rules_service.cc
void default_service(Json& service);
void validate_service(Causes& causes, const Json& service);
void validate_service_update(Causes& causes, const Json& service, const Json& old);
void validate_endpoints(Causes& causes, const Json& endpoints);
void validate_endpoint_slice(Causes& causes, const Json& slice);
// rules_pod.cc
void default_pod_spec(Json& spec);
void validate_pod_spec(Causes& causes, const Json& spec, const std::string& path);
void validate_pod_update(Causes& causes, const Json& pod, const Json& old);
// rules_ephemeral.cc: only additions, of containers that promise nothing.
void validate_ephemeral_update(Causes& causes, const Json& pod, const Json& old);
// rules_workload.cc
void default_deployment(Json& deployment);
void validate_workload(Causes& causes, const Json& workload);
// rules_apps.cc, rules_batch.cc, rules_policy.cc
void default_daemon_set(Json& set);
void keep_template_generation(Json& set, const Json& old);
void validate_daemon_set(Causes& causes, const Json& set);
void default_stateful_set(Json& set);
void validate_stateful_set(Causes& causes, const Json& set);
void validate_stateful_set_update(Causes& causes, const Json& set, const Json& old);
void validate_controller_revision_update(Causes& causes, const Json& revision, const Json& old);
void default_replication_controller(Json& controller);
void validate_replication_controller(Causes& causes, const Json& controller);
void prepare_job(Json& job);
void default_job(Json& job);
void validate_job(Causes& causes, const Json& job);
void validate_job_update(Causes& causes, const Json& job, const Json& old);
void default_cron_job(Json& job);
void validate_cron_job(Causes& causes, const Json& job);
void validate_disruption_budget(Causes& causes, const Json& budget);
// rules_controlled.cc: those of the kinds above, and of PodTemplate.
void default_controlled(const Kind& kind, Json& object);
void validate_controlled(Causes& causes, const Kind& kind, const Json& object);
void validate_controlled_update(Causes& causes, const Kind& kind, const Json& object, const Json& old);
// rules_network.cc
void validate_ingress(Causes& causes, const Json& ingress);
void validate_new_ingress(Causes& causes, const Json& ingress);
void default_ingress_class(Json& object);
void validate_ingress_class(Causes& causes, const Json& object);
void default_network_policy(Json& policy);
void validate_network_policy(Causes& causes, const Json& policy);
// rules_cluster.cc
void default_binding_of_role(Json& binding);
void validate_binding_of_role(Causes& causes, const Json& binding);
void validate_binding_of_role_update(Causes& causes, const Json& binding, const Json& old);
void validate_role(Causes& causes, const Json& role);
void validate_lease(Causes& causes, const Json& lease);
void validate_priority_class(Causes& causes, const Json& priority);
void validate_priority_class_update(Causes& causes, const Json& priority, const Json& old);
void validate_runtime_class(Causes& causes, const Json& object);
// rules_autoscaling.cc
void default_autoscaler(Json& scaler);
void validate_autoscaler(Causes& causes, const Json& scaler);
// rules_storage.cc
void validate_claim(Causes& causes, const Json& claim);
void validate_claim_update(Causes& causes, const Json& claim, const Json& old);
void validate_volume(Causes& causes, const Json& volume);
void validate_volume_update(Causes& causes, const Json& volume, const Json& old);
void validate_storage_class(Causes& causes, const Json& object);
void validate_storage_class_update(Causes& causes, const Json& object, const Json& old);
// rules_quota.cc
void validate_quota(Causes& causes, const Json& quota);
void validate_quota_update(Causes& causes, const Json& quota, const Json& old);
void default_limit_range(Json& range);
void validate_limit_range(Causes& causes, const Json& range);
// rules_extensions.cc
void default_definition(Json& definition);
void validate_definition(Causes& causes, const Json& definition);
void validate_definition_update(Causes& causes, const Json& definition, const Json& old);
// rules_core.cc
void default_secret(Json& secret);
void validate_config_map(Causes& causes, const Json& map);
void validate_secret(Causes& causes, const Json& secret);
void validate_data_update(Causes& causes, const Json& object, const Json& old);

}  // namespace minik::api
