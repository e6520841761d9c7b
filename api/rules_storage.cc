// PersistentVolume, PersistentVolumeClaim, StorageClass.
#include <fmt/format.h>

#include <algorithm>

#include "api/quantity.h"
#include "api/rules.h"
#include "base/text.h"

namespace minik::api {
namespace {

void check_modes(Causes& causes, const Json& modes, const std::string& path, const std::string& none) {
  static const std::vector<std::string> kModes = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                                  "ReadWriteOncePod"};
  if (modes.empty()) cause_required(causes, path, none);
  bool alone = false;
  for (const Json& mode : modes) {
    if (!mode.is_string() || std::find(kModes.begin(), kModes.end(), mode.get<std::string>()) == kModes.end())
      cause_unsupported(causes, path, mode, kModes);
    alone |= mode == "ReadWriteOncePod";
  }
  if (alone && modes.size() > 1)
    cause_forbidden(causes, path, "may not use ReadWriteOncePod with other access modes");
}

void check_positive(Causes& causes, const Json& amount, const std::string& path) {
  if (Quantity::of(amount) <= Quantity()) cause_invalid(causes, path, amount, "must be greater than zero");
}

void check_class_name(Causes& causes, const Json& spec) {
  const std::string name = string_at(spec, "storageClassName");
  if (name.empty()) return;
  if (const std::string error = dns1123_subdomain_error(name); !error.empty())
    cause_invalid(causes, "spec.storageClassName", name, error);
}

// The member of a volume's spec that says where it is.
std::vector<std::string> sources_of(const Json& spec) {
  std::vector<std::string> sources;
  for (const auto& [name, value] : spec.items()) {
    if (value.is_object() && name != "capacity" && name != "claimRef" && name != "nodeAffinity")
      sources.push_back(name);
  }
  return sources;
}

// A claim without what may change later.
Json fixed_part(Json spec) {
  spec.erase("volumeAttributesClassName");
  if (spec.contains("resources") && spec["resources"].contains("requests"))
    spec["resources"]["requests"].erase("storage");
  return spec;
}

}  // namespace

void validate_claim(Causes& causes, const Json& claim) {
  const Json& spec = object_at(claim, "spec");
  check_modes(causes, array_at(spec, "accessModes"), "spec.accessModes",
              "at least 1 access mode is required");
  check_label_selector(causes, object_at(spec, "selector"), "spec.selector");
  const Json* size = find(object_at(object_at(spec, "resources"), "requests"), "storage");
  if (size == nullptr)
    cause_required(causes, "spec.resources[storage]");
  else
    check_positive(causes, *size, "spec.resources[storage]");
  check_class_name(causes, spec);
}

void validate_claim_update(Causes& causes, const Json& claim, const Json& old) {
  Json now = fixed_part(object_at(claim, "spec")), before = fixed_part(object_at(old, "spec"));
  // Binding fills in the volume, and the class of a claim that has none.
  for (const char* member : {"volumeName", "storageClassName"}) {
    if (string_at(before, member).empty()) {
      before.erase(member);
      now.erase(member);
    }
  }
  const bool bound = string_at(object_at(old, "status"), "phase") == "Bound";
  const auto size_of = [](const Json& object) {
    const Json& requests = object_at(object_at(object_at(object, "spec"), "resources"), "requests");
    const Json* size = find(requests, "storage");
    return size == nullptr ? Quantity() : Quantity::of(*size);
  };
  if (now != before || (!bound && size_of(claim) != size_of(old))) {
    cause_forbidden(
        causes, "spec",
        "spec is immutable after creation except resources.requests and volumeAttributesClassName "
        "for bound claims");
  } else if (size_of(claim) < size_of(old)) {
    cause_forbidden(causes, "spec.resources.requests.storage", "field can not be less than status.capacity");
  }
}

void validate_volume(Causes& causes, const Json& volume) {
  const Json& spec = object_at(volume, "spec");
  check_modes(causes, array_at(spec, "accessModes"), "spec.accessModes", "");
  const Json& capacity = object_at(spec, "capacity");
  if (capacity.empty())
    cause_required(causes, "spec.capacity");
  else if (!capacity.contains("storage") || capacity.size() > 1)
    cause_unsupported(causes, "spec.capacity", capacity, {"storage"});
  for (const auto& [name, amount] : capacity.items())
    check_positive(causes, amount, fmt::format("spec.capacity[{}]", name));
  const auto sources = sources_of(spec);
  if (sources.empty()) cause_required(causes, "spec", "must specify a volume type");
  for (std::size_t i = 1; i < sources.size(); ++i)
    cause_forbidden(causes, "spec." + sources[i], "may not specify more than 1 volume type");
  const std::string folder = string_at(object_at(spec, "hostPath"), "path");
  if (spec.contains("hostPath") && folder.empty()) cause_required(causes, "spec.hostPath.path");
  if (folder == "/" && string_at(spec, "persistentVolumeReclaimPolicy") == "Recycle")
    cause_forbidden(causes, "spec.persistentVolumeReclaimPolicy",
                    "may not be 'recycle' for a hostPath mount of '/'");
  if (spec.contains("local")) {
    if (string_at(spec["local"], "path").empty()) cause_required(causes, "spec.local.path");
    if (!spec.contains("nodeAffinity"))
      cause_required(causes, "spec.nodeAffinity", "Local volume requires node affinity");
  }
  check_class_name(causes, spec);
}

void validate_volume_update(Causes& causes, const Json& volume, const Json& old) {
  const Json& now = object_at(volume, "spec");
  const Json& before = object_at(old, "spec");
  const auto source = [](const Json& spec) {
    Json part = Json::object();
    for (const auto& name : sources_of(spec)) part[name] = spec[name];
    return part;
  };
  if (source(now) != source(before))
    cause_forbidden(causes, "spec.persistentvolumesource",
                    "spec.persistentvolumesource is immutable after creation");
  const std::string mode = string_at(now, "volumeMode");
  if (mode != string_at(before, "volumeMode"))
    cause_invalid(causes, "spec.volumeMode", mode, "field is immutable");
  if (before.contains("nodeAffinity") && object_at(now, "nodeAffinity") != before["nodeAffinity"])
    cause_invalid(causes, "spec.nodeAffinity", object_at(now, "nodeAffinity"), "field is immutable");
}

void validate_storage_class(Causes& causes, const Json& object) {
  const std::string provisioner = string_at(object, "provisioner"),
                    policy = string_at(object, "reclaimPolicy");
  if (provisioner.empty())
    cause_required(causes, "provisioner");
  else if (const std::string error = qualified_name_error(lower(provisioner)); !error.empty())
    cause_invalid(causes, "provisioner", provisioner, error);
  if (policy != "Delete" && policy != "Retain")
    cause_unsupported(causes, "reclaimPolicy", policy, {"Delete", "Retain"});
  for (const auto& [key, value] : object_at(object, "parameters").items()) {
    if (key.empty()) cause_invalid(causes, "parameters", key, "field can not be empty.");
  }
}

void validate_storage_class_update(Causes& causes, const Json& object, const Json& old) {
  for (const char* member : {"parameters", "provisioner", "reclaimPolicy"}) {
    const Json* now = find(object, member);
    const Json* before = find(old, member);
    const bool same = now == nullptr || before == nullptr ? now == before : *now == *before;
    if (!same) cause_forbidden(causes, member, fmt::format("updates to {} are forbidden.", member));
  }
}

}  // namespace minik::api
