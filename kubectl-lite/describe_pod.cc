// Pods and pod templates: containers, volumes, conditions.
#include <algorithm>

#include "base/text.h"
#include "kubectl-lite/describe.h"
#include "kubectl-lite/describe_text.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

std::string ports_text(const Json& container, const char* member) {
  std::vector<std::string> ports;
  for (const Json& port : array_at(container, "ports")) {
    ports.push_back(fmt::format("{}/{}", int_at(port, member), string_at(port, "protocol", "TCP")));
  }
  return join(ports, ", ");
}

void one_or_more(DescribeText& text, const char* title, const std::string& value) {
  if (value.find(',') != std::string::npos)
    text.line(2, "{}s:\t{}", title, value);
  else
    text.line(2, "{}:\t{}", title, or_none(value));
}

void basic_info(DescribeText& text, const Json& container, const Json* status, std::string_view indent) {
  text.line(1, "{}{}:", indent.empty() ? "" : " ", string_at(container, "name"));
  if (status != nullptr) text.line(2, "Container ID:\t{}", string_at(*status, "containerID"));
  text.line(2, "Image:\t{}", string_at(container, "image"));
  if (status != nullptr) text.line(2, "Image ID:\t{}", string_at(*status, "imageID"));
  one_or_more(text, "Port", ports_text(container, "containerPort"));
  one_or_more(text, "Host Port", ports_text(container, "hostPort"));
  const Json& seccomp = object_at(object_at(container, "securityContext"), "seccompProfile");
  if (!seccomp.empty()) text.line(2, "SeccompProfile:\t{}", string_at(seccomp, "type"));
}

void words(DescribeText& text, const char* title, const Json& list) {
  if (list.empty()) return;
  text.line(2, "{}:", title);
  for (const Json& word : list) {
    for (const std::string& part : split(word.is_string() ? word.get<std::string>() : "", '\n'))
      text.line(3, std::string_view(part));
  }
}

void state_lines(DescribeText& text, const char* title, const Json& state) {
  if (const Json* running = find(state, "running")) {
    text.line(2, "{}:\tRunning", title);
    text.line(3, "Started:\t{}", long_time(string_at(*running, "startedAt")));
    return;
  }
  const Json* ended = find(state, "terminated");
  text.line(2, "{}:\t{}", title, ended == nullptr ? "Waiting" : "Terminated");
  const Json& body = ended == nullptr ? object_at(state, "waiting") : *ended;
  if (const std::string reason = string_at(body, "reason"); !reason.empty())
    text.line(3, "Reason:\t{}", reason);
  if (ended == nullptr) return;
  if (const std::string message = string_at(body, "message"); !message.empty())
    text.line(3, "Message:\t{}", message);
  text.line(3, "Exit Code:\t{}", int_at(body, "exitCode"));
  if (int_at(body, "signal") > 0) text.line(3, "Signal:\t{}", int_at(body, "signal"));
  text.line(3, "Started:\t{}", long_time(string_at(body, "startedAt")));
  text.line(3, "Finished:\t{}", long_time(string_at(body, "finishedAt")));
}

void status_lines(DescribeText& text, const Json& status) {
  state_lines(text, "State", object_at(status, "state"));
  const Json& last = object_at(status, "lastState");
  if (last.contains("terminated")) state_lines(text, "Last State", last);
  text.line(2, "Ready:\t{}", bool_at(status, "ready") ? "True" : "False");
  text.line(2, "Restart Count:\t{}", int_at(status, "restartCount"));
}

void resources(DescribeText& text, const Json& container) {
  const Json& both = object_at(container, "resources");
  for (const auto& [title, member] : {std::pair("Limits", "limits"), std::pair("Requests", "requests")}) {
    const Json& amounts = object_at(both, member);
    if (amounts.empty()) continue;
    text.line(2, "{}:", title);
    for (const auto& [name, amount] : amounts.items()) text.line(3, "{}:\t{}", name, go_value(amount));
  }
}

std::string probe_text(const Json& probe) {
  const std::string attrs = fmt::format("delay={}s timeout={}s period={}s #success={} #failure={}",
                                        int_at(probe, "initialDelaySeconds"), int_at(probe, "timeoutSeconds"),
                                        int_at(probe, "periodSeconds"), int_at(probe, "successThreshold"),
                                        int_at(probe, "failureThreshold"));
  if (const Json* exec = find(probe, "exec"))
    return fmt::format("exec {} {}", go_value(array_at(*exec, "command")), attrs);
  if (const Json* http = find(probe, "httpGet")) {
    return fmt::format("http-get {}://{}:{}{} {}", lower(string_at(*http, "scheme", "HTTP")),
                       string_at(*http, "host"), number_or_text(*http, "port"), string_at(*http, "path"),
                       attrs);
  }
  if (const Json* tcp = find(probe, "tcpSocket")) {
    return fmt::format("tcp-socket {}:{} {}", string_at(*tcp, "host"), number_or_text(*tcp, "port"), attrs);
  }
  if (const Json* grpc = find(probe, "grpc")) {
    return fmt::format("grpc <pod>:{} {} {}", int_at(*grpc, "port"), string_at(*grpc, "service"), attrs);
  }
  return "unknown " + attrs;
}

// What a plain fieldRef of the downward API yields for this pod.
std::string field_value(const Json* pod, const std::string& path) {
  if (pod == nullptr) return "";
  const Json* value = pod;
  for (const std::string& part : split(path, '.')) {
    value = find(*value, part);
    if (value == nullptr) return "";
  }
  return value->is_string() ? value->get<std::string>() : "";
}

void env_lines(DescribeText& text, const Json& container, const Json* pod) {
  const Json& list = array_at(container, "env");
  text.line(2, list.empty() ? "Environment:\t<none>" : "Environment:");
  for (const Json& entry : list) {
    const std::string name = string_at(entry, "name");
    const Json& from = object_at(entry, "valueFrom");
    const auto key_ref = [&](const char* member, const char* where) {
      const Json& ref = object_at(from, member);
      text.line(3, "{}:\t<set to the key '{}' {} '{}'>\tOptional: {}", name, string_at(ref, "key"), where,
                string_at(ref, "name"), bool_at(ref, "optional"));
    };
    if (from.contains("secretKeyRef")) {
      key_ref("secretKeyRef", "in secret");
    } else if (from.contains("configMapKeyRef")) {
      key_ref("configMapKeyRef", "of config map");
    } else if (const Json* field = find(from, "fieldRef")) {
      const std::string path = string_at(*field, "fieldPath");
      text.line(3, "{}:\t{} ({}:{})", name, field_value(pod, path), string_at(*field, "apiVersion", "v1"),
                path);
    } else if (const Json* resource = find(from, "resourceFieldRef")) {
      const std::string path = string_at(*resource, "resource");
      const auto dot = path.find('.');
      const Json* amount = dot == std::string::npos
                               ? nullptr
                               : find(container, "resources", path.substr(0, dot), path.substr(dot + 1));
      const bool limit = path == "limits.cpu" || path == "limits.memory";
      text.line(3, "{}:\t{} ({})", name,
                amount != nullptr ? go_value(*amount)
                : limit           ? "node allocatable"
                                  : "0",
                path);
    } else {
      const auto lines = split(string_at(entry, "value"), '\n');
      text.line(3, "{}:\t{}", name, lines.front());
      for (std::size_t i = 1; i < lines.size(); ++i) text.line(3, "\t{}", lines[i]);
    }
  }
}

void env_from_lines(DescribeText& text, const Json& container) {
  const Json& list = array_at(container, "envFrom");
  if (list.empty()) return;
  text.line(2, "Environment Variables from:");
  for (const Json& entry : list) {
    const bool map = entry.contains("configMapRef");
    const Json& ref = object_at(entry, map ? "configMapRef" : "secretRef");
    const std::string prefix = string_at(entry, "prefix");
    text.line(3, "{}\t{}{}\tOptional: {}", string_at(ref, "name"), map ? "ConfigMap" : "Secret",
              prefix.empty() ? "" : fmt::format(" with prefix '{}'", prefix), bool_at(ref, "optional"));
  }
}

void mount_lines(DescribeText& text, const Json& container) {
  const Json& list = array_at(container, "volumeMounts");
  text.line(2, list.empty() ? "Mounts:\t<none>" : "Mounts:");
  std::vector<Json> sorted(list.begin(), list.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    return string_at(a, "mountPath") < string_at(b, "mountPath");
  });
  for (const Json& mount : sorted) {
    std::string flags = bool_at(mount, "readOnly") ? "ro" : "rw";
    if (const std::string sub = string_at(mount, "subPath"); !sub.empty()) flags += ",path=" + go_quote(sub);
    text.line(3, "{} from {} ({})", string_at(mount, "mountPath"), string_at(mount, "name"), flags);
  }
}

void projected_lines(DescribeText& text, const Json& projected) {
  text.line(2, "Type:\tProjected (a volume that contains injected data from multiple sources)");
  for (const Json& source : array_at(projected, "sources")) {
    if (const Json* secret = find(source, "secret")) {
      text.line(2, "SecretName:\t{}", string_at(*secret, "name"));
      text.line(2, "SecretOptionalName:\t{}",
                secret->contains("optional") ? go_value((*secret)["optional"]) : "<nil>");
    } else if (source.contains("downwardAPI")) {
      text.line(2, "DownwardAPI:\ttrue");
    } else if (const Json* map = find(source, "configMap")) {
      text.line(2, "ConfigMapName:\t{}", string_at(*map, "name"));
      text.line(2, "ConfigMapOptional:\t{}",
                map->contains("optional") ? go_value((*map)["optional"]) : "<nil>");
    } else if (const Json* token = find(source, "serviceAccountToken")) {
      text.line(2, "TokenExpirationSeconds:\t{}", int_at(*token, "expirationSeconds"));
    }
  }
}

void volume_lines(DescribeText& text, const Json& volume) {
  if (const Json* host = find(volume, "hostPath")) {
    text.line(2, "Type:\tHostPath (bare host directory volume)");
    text.line(2, "Path:\t{}", string_at(*host, "path"));
    text.line(2, "HostPathType:\t{}", host->contains("type") ? string_at(*host, "type") : "<none>");
  } else if (const Json* empty = find(volume, "emptyDir")) {
    text.line(2, "Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)");
    text.line(2, "Medium:\t{}", string_at(*empty, "medium"));
    text.line(2, "SizeLimit:\t{}",
              empty->contains("sizeLimit") ? number_or_text(*empty, "sizeLimit") : "<unset>");
  } else if (const Json* secret = find(volume, "secret")) {
    text.line(2, "Type:\tSecret (a volume populated by a Secret)");
    text.line(2, "SecretName:\t{}", string_at(*secret, "secretName"));
    text.line(2, "Optional:\t{}", bool_at(*secret, "optional"));
  } else if (const Json* map = find(volume, "configMap")) {
    text.line(2, "Type:\tConfigMap (a volume populated by a ConfigMap)");
    text.line(2, "Name:\t{}", string_at(*map, "name"));
    text.line(2, "Optional:\t{}", bool_at(*map, "optional"));
  } else if (const Json* projected = find(volume, "projected")) {
    projected_lines(text, *projected);
  } else if (const Json* claim = find(volume, "persistentVolumeClaim")) {
    text.line(2,
              "Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)");
    text.line(2, "ClaimName:\t{}", string_at(*claim, "claimName"));
    text.line(2, "ReadOnly:\t{}", bool_at(*claim, "readOnly"));
  } else if (const Json* downward = find(volume, "downwardAPI")) {
    text.line(2, "Type:\tDownwardAPI (a volume populated by information about the pod)");
    text.line(2, "Items:");
    for (const Json& item : array_at(*downward, "items")) {
      if (const Json* field = find(item, "fieldRef"))
        text.line(3, "{} -> {}", string_at(*field, "fieldPath"), string_at(item, "path"));
    }
  } else {
    text.line(1, "<unknown>");
  }
}

// The class by the requests and limits of the containers, for a status that does not say it.
std::string qos_class(const Json& pod) {
  const std::string said = string_at(object_at(pod, "status"), "qosClass");
  if (!said.empty()) return said;
  bool any = false, all_limited = true;
  for (const Json& container : array_at(object_at(pod, "spec"), "containers")) {
    const Json& limits = object_at(object_at(container, "resources"), "limits");
    const Json& requests = object_at(object_at(container, "resources"), "requests");
    any = any || !limits.empty() || !requests.empty();
    for (const char* name : {"cpu", "memory"}) {
      if (!limits.contains(name) || (requests.contains(name) && requests[name] != limits[name]))
        all_limited = false;
    }
  }
  return !any ? "BestEffort" : all_limited ? "Guaranteed" : "Burstable";
}

void pod_head(DescribeText& text, const Json& pod) {
  const Json &meta = object_at(pod, "metadata"), &spec = object_at(pod, "spec"),
             &status = object_at(pod, "status");
  text.line(0, "Name:\t{}", string_at(meta, "name"));
  text.line(0, "Namespace:\t{}", string_at(meta, "namespace"));
  if (spec.contains("priority")) text.line(0, "Priority:\t{}", int_at(spec, "priority"));
  if (const auto name = string_at(spec, "priorityClassName"); !name.empty())
    text.line(0, "Priority Class Name:\t{}", name);
  if (const auto name = string_at(spec, "runtimeClassName"); !name.empty())
    text.line(0, "Runtime Class Name:\t{}", name);
  if (const auto name = string_at(spec, "serviceAccountName"); !name.empty())
    text.line(0, "Service Account:\t{}", name);
  const std::string node = string_at(spec, "nodeName");
  text.line(0, "Node:\t{}", node.empty() ? "<none>" : node + "/" + string_at(status, "hostIP"));
  if (const auto time = string_at(status, "startTime"); !time.empty())
    text.line(0, "Start Time:\t{}", long_time(time));
  text.labels("Labels", object_at(meta, "labels"));
  text.annotations("Annotations", object_at(meta, "annotations"));
  const std::string phase = string_at(status, "phase"), deleted = string_at(meta, "deletionTimestamp");
  if (!deleted.empty() && phase != "Failed" && phase != "Succeeded") {
    text.line(0, "Status:\tTerminating (lasts {})", text.age(deleted));
    text.line(0, "Termination Grace Period:\t{}s", int_at(meta, "deletionGracePeriodSeconds"));
  } else {
    text.line(0, "Status:\t{}", phase);
  }
  if (const auto reason = string_at(status, "reason"); !reason.empty()) text.line(0, "Reason:\t{}", reason);
  if (const auto message = string_at(status, "message"); !message.empty())
    text.line(0, "Message:\t{}", message);
  const Json& seccomp = object_at(object_at(spec, "securityContext"), "seccompProfile");
  if (!seccomp.empty()) text.line(0, "SeccompProfile:\t{}", string_at(seccomp, "type"));
  text.line(0, "IP:\t{}", string_at(status, "podIP"));
  const Json& ips = array_at(status, "podIPs");
  text.line(0, ips.empty() ? "IPs:\t<none>" : "IPs:");
  for (const Json& ip : ips) text.line(1, "IP:\t{}", string_at(ip, "ip"));
  if (const std::string owner = controller_of(pod); !owner.empty()) text.line(0, "Controlled By:\t{}", owner);
}

void conditions(DescribeText& text, const Json& status) {
  const Json& list = array_at(status, "conditions");
  if (list.empty()) return;
  text.line(0, "Conditions:");
  text.line(1, "Type\tStatus");
  for (const Json& c : list) text.line(1, "{} \t{} ", string_at(c, "type"), string_at(c, "status"));
}

}  // namespace

void describe_containers(DescribeText& text, const std::string& title, const Json& containers,
                         const Json* statuses, const Json* pod, std::string_view indent) {
  text.line(0, "{}{}:{}", indent, title, containers.empty() ? " <none>" : "");
  for (const Json& container : containers) {
    const Json* status = nullptr;
    if (statuses != nullptr) {
      for (const Json& one : *statuses) {
        if (string_at(one, "name") == string_at(container, "name")) status = &one;
      }
    }
    basic_info(text, container, status, indent);
    words(text, "Command", array_at(container, "command"));
    words(text, "Args", array_at(container, "args"));
    if (status != nullptr) status_lines(text, *status);
    resources(text, container);
    for (const auto& [name, member] :
         {std::pair("Liveness", "livenessProbe"), std::pair("Readiness", "readinessProbe"),
          std::pair("Startup", "startupProbe")}) {
      if (const Json* probe = find(container, member)) text.line(2, "{}:\t{}", name, probe_text(*probe));
    }
    env_from_lines(text, container);
    env_lines(text, container, pod);
    mount_lines(text, container);
  }
}

void describe_volumes(DescribeText& text, const Json& volumes, std::string_view indent) {
  if (volumes.empty()) return text.line(0, "{}Volumes:\t<none>", indent);
  text.line(0, "{}Volumes:", indent);
  for (const Json& volume : volumes) {
    text.line(1, "{}{}:", indent.empty() ? "" : " ", string_at(volume, "name"));
    volume_lines(text, volume);
  }
}

void describe_pod_template(DescribeText& text, const Json& pod_template) {
  const Json &meta = object_at(pod_template, "metadata"), &spec = object_at(pod_template, "spec");
  text.line(0, "Pod Template:");
  text.labels("  Labels", object_at(meta, "labels"));
  if (!object_at(meta, "annotations").empty())
    text.annotations("  Annotations", object_at(meta, "annotations"));
  if (const auto name = string_at(spec, "serviceAccountName"); !name.empty())
    text.line(1, "Service Account:\t{}", name);
  const Json& init = array_at(spec, "initContainers");
  if (!init.empty()) describe_containers(text, "Init Containers", init, nullptr, nullptr, "  ");
  describe_containers(text, "Containers", array_at(spec, "containers"), nullptr, nullptr, "  ");
  describe_volumes(text, array_at(spec, "volumes"), "  ");
  if (const auto name = string_at(spec, "priorityClassName"); !name.empty())
    text.line(1, "Priority Class Name:\t{}", name);
  text.labels("  Node-Selectors", object_at(spec, "nodeSelector"));
  text.tolerations("  Tolerations", array_at(spec, "tolerations"));
}

std::string describe_pod(const Json& pod, const Json* events, WallTime now) {
  DescribeText text(now);
  const Json &spec = object_at(pod, "spec"), &status = object_at(pod, "status");
  pod_head(text, pod);
  const Json& init = array_at(spec, "initContainers");
  if (!init.empty())
    describe_containers(text, "Init Containers", init, &array_at(status, "initContainerStatuses"), &pod, "");
  describe_containers(text, "Containers", array_at(spec, "containers"),
                      &array_at(status, "containerStatuses"), &pod, "");
  conditions(text, status);
  describe_volumes(text, array_at(spec, "volumes"), "");
  text.line(0, "QoS Class:\t{}", qos_class(pod));
  text.labels("Node-Selectors", object_at(spec, "nodeSelector"));
  text.tolerations("Tolerations", array_at(spec, "tolerations"));
  if (events != nullptr) text.events(*events);
  return text.take();
}

}  // namespace minik::kubectl
