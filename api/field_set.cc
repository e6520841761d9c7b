#include "api/field_set.h"

#include <fmt/format.h>

#include "base/text.h"

namespace minik::api {
namespace {

bool is_element(const std::string& text) {
  if (text.size() < 2 || text[1] != ':') return false;
  switch (text[0]) {
    case 'f':
      return true;
    case 'i':
      return parse_int(std::string_view(text).substr(2)).has_value();
    case 'k': {
      const auto key = parse_json(std::string_view(text).substr(2));
      return key.ok() && key->is_object();
    }
    case 'v':
      return parse_json(std::string_view(text).substr(2)).ok();
    default:
      return false;
  }
}

std::string element_text(const std::string& element) {
  const std::string rest = element.substr(2);
  switch (element[0]) {
    case 'f':
      return "." + rest;
    case 'v':
      return "[=" + rest + "]";
    case 'k': {
      std::vector<std::string> parts;
      if (const auto key = parse_json(rest); key.ok()) {
        for (const auto& [name, value] : key->items()) parts.push_back(name + "=" + to_text(value));
      }
      return "[" + join(parts, ",") + "]";
    }
    default:
      return "[" + rest + "]";
  }
}

}  // namespace

Result<FieldSet> FieldSet::parse(const Json& fields_v1) {
  FieldSet set;
  if (!fields_v1.is_object()) return Error(Code::kInvalid, "fieldsV1 is no object");
  for (const auto& [element, below] : fields_v1.items()) {
    if (element == ".") continue;  // Told by whoever holds this set.
    if (!is_element(element) || !below.is_object())
      return Error(Code::kInvalid, fmt::format("fieldsV1: invalid path element {}", element));
    if (below.empty() || below.contains(".")) set.members_.insert(element);
    FieldSet inner = TRY(parse(below));
    if (!inner.empty()) set.children_.emplace(element, std::move(inner));
  }
  return set;
}

Json FieldSet::json() const {
  Json out = Json::object();
  for (const auto& element : members_) out[element] = Json::object();
  for (const auto& [element, inner] : children_) {
    Json below = inner.json();
    if (members_.contains(element)) below["."] = Json::object();
    out[element] = std::move(below);
  }
  return out;
}

bool FieldSet::touches(const std::string& element) const {
  return members_.contains(element) || children_.contains(element);
}

const FieldSet* FieldSet::below(const std::string& element) const {
  const auto it = children_.find(element);
  return it == children_.end() ? nullptr : &it->second;
}

void FieldSet::erase(const std::string& element) {
  members_.erase(element);
  children_.erase(element);
}

void FieldSet::add(const FieldSet& other) {
  members_.insert(other.members_.begin(), other.members_.end());
  for (const auto& [element, inner] : other.children_) children_[element].add(inner);
}

void FieldSet::subtract(const FieldSet& other) {
  for (const auto& element : other.members_) members_.erase(element);
  for (const auto& [element, inner] : other.children_) {
    const auto it = children_.find(element);
    if (it == children_.end()) continue;
    it->second.subtract(inner);
    if (it->second.empty()) children_.erase(it);
  }
}

FieldSet FieldSet::intersection(const FieldSet& other) const {
  FieldSet out;
  for (const auto& element : members_) {
    if (other.members_.contains(element)) out.members_.insert(element);
  }
  for (const auto& [element, inner] : children_) {
    const FieldSet* theirs = other.below(element);
    if (theirs == nullptr) continue;
    FieldSet both = inner.intersection(*theirs);
    if (!both.empty()) out.children_.emplace(element, std::move(both));
  }
  return out;
}

void FieldSet::prune() {
  for (auto it = children_.begin(); it != children_.end();) {
    it->second.prune();
    it = it->second.empty() ? children_.erase(it) : std::next(it);
  }
}

std::vector<std::string> FieldSet::paths() const {
  std::vector<std::string> all;
  collect("", all);
  return all;
}

void FieldSet::collect(const std::string& prefix, std::vector<std::string>& paths) const {
  for (const auto& element : members_) paths.push_back(prefix + element_text(element));
  for (const auto& [element, inner] : children_) inner.collect(prefix + element_text(element), paths);
}

}  // namespace minik::api
