#include "kubectl-lite/pod_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <tuple>

#include "api/selector.h"
#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/resource_args.h"

namespace minik::kubectl {
namespace {

constexpr const char* kDefaultContainer = "kubectl.kubernetes.io/default-container";

bool is_ready(const Json& pod) {
  for (const Json& condition : array_at(object_at(pod, "status"), "conditions")) {
    if (string_at(condition, "type") == "Ready") return string_at(condition, "status") == "True";
  }
  return false;
}

int phase_rank(const Json& pod) {
  const std::string phase = string_at(object_at(pod, "status"), "phase");
  return phase == "Running" ? 0 : phase == "Unknown" ? 1 : phase == "Pending" ? 2 : 3;
}

}  // namespace

std::vector<std::string> container_names(const Json& pod, bool with_init) {
  std::vector<std::string> names;
  const Json& spec = object_at(pod, "spec");
  if (with_init) {
    for (const Json& c : array_at(spec, "initContainers")) names.push_back(string_at(c, "name"));
  }
  for (const char* list : {"containers", "ephemeralContainers"}) {
    for (const Json& c : array_at(spec, list)) names.push_back(string_at(c, "name"));
  }
  return names;
}

void sort_pods(std::vector<Json>& pods) {
  const auto key = [](const Json& pod) {
    const Json& meta = object_at(pod, "metadata");
    return std::tuple(meta.contains("deletionTimestamp"), phase_rank(pod), !is_ready(pod));
  };
  std::stable_sort(pods.begin(), pods.end(), [&](const Json& a, const Json& b) {
    if (key(a) != key(b)) return key(a) < key(b);
    return string_at(object_at(a, "metadata"), "creationTimestamp") >
           string_at(object_at(b, "metadata"), "creationTimestamp");
  });
}

std::string pod_selector(const Json& object) {
  const Json& selector = object_at(object_at(object, "spec"), "selector");
  if (selector.empty()) return "";
  if (selector.contains("matchLabels") || selector.contains("matchExpressions")) {
    const auto parsed = api::LabelSelector::from_json(selector);
    return parsed.ok() ? parsed->text() : "";
  }
  api::Labels labels;
  for (const auto& [name, value] : selector.items())
    labels[name] = value.is_string() ? value.get<std::string>() : "";
  return api::LabelSelector::from_labels(labels).text();
}

Result<Json> choose_pod(Session& session, const std::string& word, bool announce) {
  const Target target = TRY(parse_one_target({word}, "pods", "logs"));
  Json object = TRY(session.fetch(get_call(*target.kind, session.ns, target.name)));
  if (target.kind->group_resource() == "pods") return object;
  const std::string selector = pod_selector(object);
  if (selector.empty())
    return failed(fmt::format("cannot get the pods of {}: it has no selector", kind_word(*target.kind)));
  const api::Kind* pods_kind = TRY(kind_of_word("pods"));
  const Json list = TRY(session.fetch(get_call(*pods_kind, session.ns, "", {{"labelSelector", selector}})));
  std::vector<Json> pods(array_at(list, "items").begin(), array_at(list, "items").end());
  if (pods.empty())
    return failed(fmt::format("no pods found for {}/{}", kind_word(*target.kind), target.name));
  sort_pods(pods);
  if (announce && pods.size() > 1) {
    session.err << fmt::format("Found {} pods, using pod/{}\n", pods.size(), name_of(pods.front()));
  }
  return pods.front();
}

Result<std::string> choose_container(Session& session, const Json& pod, const std::string& wanted) {
  const std::vector<std::string> all = container_names(pod, true);
  if (!wanted.empty()) {
    if (std::find(all.begin(), all.end(), wanted) == all.end()) {
      return failed(fmt::format("container {} is not valid for pod {}", wanted, name_of(pod)));
    }
    return wanted;
  }
  const std::string preferred =
      string_at(object_at(object_at(pod, "metadata"), "annotations"), kDefaultContainer);
  if (std::find(all.begin(), all.end(), preferred) != all.end()) return preferred;
  const std::vector<std::string> names = container_names(pod, false);
  if (names.empty()) return failed(fmt::format("pod {} has no containers", name_of(pod)));
  if (all.size() > 1) {
    std::vector<std::string> shown = names;
    for (const Json& init : array_at(object_at(pod, "spec"), "initContainers"))
      shown.push_back(string_at(init, "name") + " (init)");
    session.err << fmt::format("Defaulted container \"{}\" out of: {}\n", names.front(), join(shown, ", "));
  }
  return names.front();
}

}  // namespace minik::kubectl
