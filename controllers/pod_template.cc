#include "controllers/pod_template.h"

#include "base/files.h"
#include "base/text.h"
#include "controllers/controller.h"

namespace minik::controllers {
namespace {

constexpr std::size_t kNamePrefixMax = 57;  // 63 less "-" and five random characters.

}  // namespace

Json pod_from_template(const api::Object& owner, const Json& pod_template, const std::string& name) {
  Json pod = {{"kind", "Pod"}, {"apiVersion", "v1"}, {"spec", object_at(pod_template, "spec")}};
  pod["metadata"] = object_at(pod_template, "metadata");
  if (name.empty()) {
    const std::string prefix = owner.name().substr(0, kNamePrefixMax) + "-";
    pod["metadata"]["generateName"] = prefix;
    pod["metadata"]["name"] = prefix + random_suffix(5);
  } else {
    pod["metadata"]["name"] = name;
  }
  pod["metadata"]["namespace"] = owner.ns();
  pod["metadata"]["ownerReferences"] = Json::array({owner_reference(owner)});
  pod["metadata"].erase("creationTimestamp");
  return pod;
}

std::string short_hash(const Json& value, std::int64_t collisions) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::uint64_t hash = fnv1a(to_text(value) + (collisions == 0 ? "" : std::to_string(collisions)));
  std::string out;
  for (int i = 0; i < 10; ++i) {
    out += kAlphabet[hash % kAlphabet.size()];
    hash /= kAlphabet.size();
  }
  return out;
}

api::LabelSelector selector_of(const api::Object& owner) {
  auto parsed = api::LabelSelector::from_json(object_at(object_at(owner.body(), "spec"), "selector"));
  return parsed.ok() ? *std::move(parsed) : api::LabelSelector();
}

}  // namespace minik::controllers
