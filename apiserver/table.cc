#include "apiserver/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/conversion.h"
#include "apiserver/custom_objects.h"
#include "apiserver/table_cells.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Kind;
using api::Object;

// The reason that a container state shows, "" for a running one.
std::string state_reason(const Json& state) {
  if (const Json* waiting = find(state, "waiting")) return string_at(*waiting, "reason");
  const Json* ended = find(state, "terminated");
  if (ended == nullptr) return "";
  if (const std::string reason = string_at(*ended, "reason"); !reason.empty()) return reason;
  if (int_at(*ended, "signal") != 0) return fmt::format("Signal:{}", int_at(*ended, "signal"));
  return fmt::format("ExitCode:{}", int_at(*ended, "exitCode"));
}

// "Init:0/2" and its kin; "" when the init containers are done.
std::string init_word(const Json& status, std::size_t total) {
  const Json& init = array_at(status, "initContainerStatuses");
  for (std::size_t i = 0; i < init.size(); ++i) {
    const Json& state = object_at(init[i], "state");
    if (const Json* ended = find(state, "terminated"); ended != nullptr && int_at(*ended, "exitCode") == 0)
      continue;
    if (bool_at(init[i], "started") && state.contains("running") && bool_at(init[i], "ready"))
      continue;  // A sidecar.
    const std::string reason = state_reason(state);
    if (!reason.empty() && reason != "PodInitializing") return "Init:" + reason;
    return fmt::format("Init:{}/{}", i, total);
  }
  return "";
}

struct Restarts {
  std::int64_t count = 0;
  std::string last;  // finishedAt of the newest ended run.
};

Restarts restarts_of(const Json& status) {
  Restarts restarts;
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& c : array_at(status, list)) {
      if (std::string_view(list) == "initContainerStatuses" &&
          array_at(status, "containerStatuses").size() > 0 && int_at(c, "restartCount") == 0)
        continue;
      restarts.count += int_at(c, "restartCount");
      const std::string ended = string_at(object_at(object_at(c, "lastState"), "terminated"), "finishedAt");
      restarts.last = std::max(restarts.last, ended);
    }
  }
  return restarts;
}

Json pod_cells(const Object& pod, WallTime now) {
  const Json& status = status_of(pod);
  std::size_t ready = 0;
  for (const Json& c : array_at(status, "containerStatuses")) ready += bool_at(c, "ready") ? 1 : 0;
  const Restarts restarts = restarts_of(status);
  std::string restart_text = std::to_string(restarts.count);
  if (restarts.count > 0 && !restarts.last.empty())
    restart_text += fmt::format(" ({} ago)", ago(restarts.last, now));
  const Json& gates = array_at(spec_of(pod), "readinessGates");
  return {pod.name(),
          fmt::format("{}/{}", ready, array_at(spec_of(pod), "containers").size()),
          pod_status_word(pod),
          restart_text,
          age_of(pod, now),
          or_none(string_at(status, "podIP")),
          or_none(string_at(spec_of(pod), "nodeName")),
          or_none(string_at(status, "nominatedNodeName")),
          gates.empty() ? Json("<none>") : Json(fmt::format("0/{}", gates.size()))};
}

Json deployment_cells(const Object& deployment, WallTime now) {
  const Json& spec = spec_of(deployment);
  const Json& status = status_of(deployment);
  const Json& containers = array_at(object_at(object_at(spec, "template"), "spec"), "containers");
  return {deployment.name(),
          fmt::format("{}/{}", int_at(status, "readyReplicas"), int_at(spec, "replicas")),
          int_at(status, "updatedReplicas"),
          int_at(status, "availableReplicas"),
          age_of(deployment, now),
          names_of(containers, "name"),
          names_of(containers, "image"),
          selector_text(object_at(spec, "selector"))};
}

Json replica_set_cells(const Object& set, WallTime now) {
  const Json& spec = spec_of(set);
  const Json& status = status_of(set);
  const Json& containers = array_at(object_at(object_at(spec, "template"), "spec"), "containers");
  return {set.name(),
          int_at(spec, "replicas"),
          int_at(status, "replicas"),
          int_at(status, "readyReplicas"),
          age_of(set, now),
          names_of(containers, "name"),
          names_of(containers, "image"),
          selector_text(object_at(spec, "selector"))};
}

void add_row_object(std::string& out, const Kind& kind, const Object& object, IncludeObject include) {
  if (include == IncludeObject::kNone)
    out += "null";
  else if (include == IncludeObject::kMetadata)
    out += partial_text(object, "v1");
  else
    out += kind.stored == nullptr && kind.custom == nullptr ? object.bytes()
                                                            : to_text(api::from_stored(kind, object.body()));
}

Json column_json(const Kind& kind) {
  Json columns = Json::array();
  for (const auto& c : kind.columns) {
    columns.push_back({{"name", c.name},
                       {"type", c.type},
                       {"format", c.format},
                       {"description", c.name},
                       {"priority", c.wide ? 1 : 0}});
  }
  return columns;
}

}  // namespace

std::string pod_status_word(const Object& pod) {
  const Json& status = status_of(pod);
  std::string word = string_at(status, "reason", string_at(status, "phase"));
  const std::string init = init_word(status, array_at(spec_of(pod), "initContainers").size());
  if (!init.empty()) {
    word = init;
  } else {
    bool running = false;
    const Json& containers = array_at(status, "containerStatuses");
    for (std::size_t i = containers.size(); i-- > 0;) {
      const Json& state = object_at(containers[i], "state");
      const std::string reason = state_reason(state);
      if (!reason.empty())
        word = reason;
      else if (bool_at(containers[i], "ready") && state.contains("running"))
        running = true;
    }
    if (word == "Completed" && running) {
      bool ready = false;
      for (const Json& c : array_at(status, "conditions"))
        ready |= string_at(c, "type") == "Ready" && string_at(c, "status") == "True";
      word = ready ? "Running" : "NotReady";
    }
  }
  if (pod.meta().deletion) return string_at(status, "reason") == "NodeLost" ? "Unknown" : "Terminating";
  return word;
}

namespace {

Json plain_cells(const Object& object, WallTime now) { return {object.name(), age_of(object, now)}; }

Json namespace_cells(const Object& ns, WallTime now) {
  return {ns.name(), string_at(status_of(ns), "phase"), age_of(ns, now)};
}
std::size_t entries_of(const Object& object) {
  return object_at(object.body(), "data").size() + object_at(object.body(), "binaryData").size();
}
Json config_map_cells(const Object& map, WallTime now) {
  return {map.name(), entries_of(map), age_of(map, now)};
}
Json secret_cells(const Object& secret, WallTime now) {
  return {secret.name(), string_at(secret.body(), "type"), entries_of(secret), age_of(secret, now)};
}
Json account_cells(const Object& account, WallTime now) {
  return {account.name(), array_at(account.body(), "secrets").size(), age_of(account, now)};
}

const std::map<std::string, CellsOf>& all_cells() {
  static const std::map<std::string, CellsOf> kCells = [] {
    std::map<std::string, CellsOf> cells = {{"pods", pod_cells},
                                            {"deployments.apps", deployment_cells},
                                            {"replicasets.apps", replica_set_cells},
                                            {"namespaces", namespace_cells},
                                            {"configmaps", config_map_cells},
                                            {"secrets", secret_cells},
                                            {"serviceaccounts", account_cells}};
    cells.merge(workload_cells());
    cells.merge(network_cells());
    cells.merge(core_cells());
    cells.merge(cluster_cells());
    return cells;
  }();
  return kCells;
}

}  // namespace

Json table_cells(const Kind& kind, const Object& object, WallTime now) {
  if (kind.custom != nullptr) return custom_cells(kind, object, now);
  const auto it = all_cells().find(kind.group_resource());
  return it == all_cells().end() ? plain_cells(object, now) : it->second(object, now);
}

std::string table_text(const Kind& kind, std::span<const api::ObjectPtr> objects, const Json& list_meta,
                       const TableOptions& options) {
  const Json head = {{"kind", "Table"},
                     {"apiVersion", "meta.k8s.io/" + options.meta_version},
                     {"metadata", list_meta},
                     {"columnDefinitions", options.with_columns ? column_json(kind) : Json(nullptr)}};
  std::string out = to_text(head);
  out.back() = ',';
  out += R"("rows":[)";
  for (std::size_t i = 0; i < objects.size(); ++i) {
    out += i == 0 ? R"({"cells":)" : R"(,{"cells":)";
    out += to_text(table_cells(kind, *objects[i], options.now)) + R"(,"object":)";
    add_row_object(out, kind, *objects[i], options.include);
    out += '}';
  }
  return out + "]}";
}

std::string partial_text(const Object& object, const std::string& meta_version) {
  return fmt::format(R"({{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/{}","metadata":{}}})",
                     meta_version, to_text(object_at(object.body(), "metadata")));
}

}  // namespace minik::apiserver
