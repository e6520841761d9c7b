// Node, Event.
#include <fmt/format.h>

#include <set>

#include "apiserver/table_cells.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

using api::Object;

std::string roles_text(const Object& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (const auto& [key, value] : node.meta().labels) {
    if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) roles.insert(key.substr(kPrefix.size()));
    if (key == "kubernetes.io/role" && !value.empty()) roles.insert(value);
  }
  return or_none(join({roles.begin(), roles.end()}, ","));
}

Json node_cells(const Object& node, WallTime now) {
  const Json& status = status_of(node);
  std::string word = "Unknown", internal = "<none>", external = "<none>";
  for (const Json& c : array_at(status, "conditions")) {
    if (string_at(c, "type") == "Ready") word = string_at(c, "status") == "True" ? "Ready" : "NotReady";
  }
  if (bool_at(spec_of(node), "unschedulable")) word += ",SchedulingDisabled";
  for (const Json& a : array_at(status, "addresses")) {
    if (string_at(a, "type") == "InternalIP" && internal == "<none>") internal = string_at(a, "address");
    if (string_at(a, "type") == "ExternalIP" && external == "<none>") external = string_at(a, "address");
  }
  const Json& info = object_at(status, "nodeInfo");
  return {node.name(),
          word,
          roles_text(node),
          age_of(node, now),
          string_at(info, "kubeletVersion"),
          internal,
          external,
          string_at(info, "osImage", "<unknown>"),
          string_at(info, "kernelVersion", "<unknown>"),
          string_at(info, "containerRuntimeVersion", "<unknown>")};
}

std::string source_text(const Json& event) {
  const Json& source = object_at(event, "source");
  std::string component = string_at(source, "component"), host = string_at(source, "host");
  if (component.empty()) component = string_at(event, "reportingComponent");
  if (host.empty()) host = string_at(event, "reportingInstance");
  return host.empty() ? component : component + ", " + host;
}

Json event_cells(const Object& event, WallTime now) {
  const Json& body = event.body();
  const Json& about = object_at(body, "involvedObject");
  const Json& series = object_at(body, "series");
  const std::string first = string_at(body, "firstTimestamp", string_at(body, "eventTime"));
  const std::string last =
      series.empty() ? string_at(body, "lastTimestamp", first) : string_at(series, "lastObservedTime", first);
  const auto count = series.empty() ? int_at(body, "count", 1) : int_at(series, "count", 1);
  const std::string kind = lower(string_at(about, "kind")), name = string_at(about, "name");
  return {ago(last, now),
          string_at(body, "type"),
          string_at(body, "reason"),
          name.empty() ? kind : kind + "/" + name,
          string_at(about, "fieldPath"),
          source_text(body),
          std::string(trim(string_at(body, "message"))),
          ago(first, now),
          std::to_string(count),
          event.name()};
}

}  // namespace

std::map<std::string, CellsOf> core_cells() { return {{"nodes", node_cells}, {"events", event_cells}}; }

}  // namespace minik::apiserver
