#include "api/rules_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/selector.h"
#include "base/text.h"

namespace minik::api {
namespace {

// The number before '%'; -1 if the text is no percentage.
std::int64_t percent_of(const std::string& text) {
  if (text.size() < 2 || text.back() != '%') return -1;
  const auto number = text.substr(0, text.size() - 1);
  const bool digits = std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? parse_int(number).value_or(-1) : -1;
}

}  // namespace

Labels labels_of(const Json& object) {
  Labels labels;
  for (const auto& [key, value] : object_at(object_at(object, "metadata"), "labels").items()) {
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

void default_template(Json& spec) {
  if (spec.is_object() && find(spec, "template", "spec") != nullptr)
    default_pod_spec(spec["template"]["spec"]);
}

void validate_template(Causes& causes, const Json& pod_template, const std::string& path) {
  check_labels(causes, object_at(object_at(pod_template, "metadata"), "labels"), path + ".metadata.labels");
  const Json& pod = object_at(pod_template, "spec");
  if (pod.empty())
    cause_required(causes, path + ".spec.containers");
  else
    validate_pod_spec(causes, pod, path + ".spec");
}

void validate_selector(Causes& causes, const Json& spec, std::string_view empty_text) {
  const Json* selector = find(spec, "selector");
  if (selector == nullptr) return;  // The schema asks for it where it must be.
  const auto parsed = LabelSelector::from_json(*selector);
  check_labels(causes, object_at(*selector, "matchLabels"), "spec.selector.matchLabels");
  if (!parsed.ok()) {
    cause_invalid(causes, "spec.selector", *selector, parsed.error().message());
  } else if (parsed->empty()) {
    cause_invalid(causes, "spec.selector", *selector, empty_text);
  } else if (spec.contains("template") && !parsed->matches(labels_of(spec["template"]))) {
    cause_invalid(causes, "spec.template.metadata.labels",
                  object_at(object_at(spec["template"], "metadata"), "labels"),
                  "`selector` does not match template `labels`");
  }
}

void validate_endless(Causes& causes, const Json& spec, std::string_view kind) {
  const Json& pod = object_at(object_at(spec, "template"), "spec");
  if (string_at(pod, "restartPolicy", "Always") != "Always")
    cause_unsupported(causes, "spec.template.spec.restartPolicy", pod["restartPolicy"], {"Always"});
  if (pod.contains("activeDeadlineSeconds")) {
    cause_forbidden(causes, "spec.template.spec.activeDeadlineSeconds",
                    fmt::format("activeDeadlineSeconds in {} is not Supported", kind));
  }
}

void check_not_negative(Causes& causes, const Json& object, const std::string& path,
                        std::initializer_list<const char*> members) {
  for (const char* member : members) {
    if (int_at(object, member) < 0)
      cause_invalid(causes, path + "." + member, object[member], "must be greater than or equal to 0");
  }
}

void check_share(Causes& causes, const Json& object, const char* member, const std::string& path) {
  const Json* share = find(object, member);
  if (share == nullptr) return;
  const std::string field = path + "." + member;
  if (share->is_number()) {
    if (share->get<std::int64_t>() < 0)
      cause_invalid(causes, field, *share, "must be greater than or equal to 0");
    return;
  }
  const std::int64_t percent = percent_of(share->is_string() ? share->get<std::string>() : "");
  if (percent < 0) {
    cause_invalid(causes, field, *share,
                  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
                  "'93%', regex used for validation is '[0-9]+%')");
  } else if (percent > 100) {
    cause_invalid(causes, field, *share, "must not be greater than 100%");
  }
}

bool is_zero_share(const Json* share) {
  if (share == nullptr) return true;
  if (share->is_number()) return *share == Json(0);
  return share->is_string() && percent_of(share->get<std::string>()) == 0;
}

}  // namespace minik::api
