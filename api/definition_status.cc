#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/definition.h"

namespace minik::api {
namespace {

// Names that others of the group have.
struct Taken {
  std::set<std::string> resources, kinds;
};

Taken taken_names(const Snapshot& objects, const Json& definition) {
  Taken taken;
  const std::string group = string_at(object_at(definition, "spec"), "group");
  const std::string self = string_at(object_at(definition, "metadata"), "name");
  const auto take = [&](const std::string& resource, const std::string& singular, const std::string& kind,
                        const std::string& list_kind) {
    taken.resources.insert({resource, singular});
    taken.kinds.insert({kind, list_kind});
  };
  for (const Kind& kind : Schema::builtin().kinds()) {
    if (kind.group == group) take(kind.resource, kind.singular, kind.kind, kind.list_kind());
  }
  objects.for_each(kDefinitions, "", [&](const ObjectPtr& other) {
    if (other->name() == self || string_at(object_at(other->body(), "spec"), "group") != group) return;
    const Json& names = object_at(object_at(other->body(), "status"), "acceptedNames");
    take(string_at(names, "plural"), string_at(names, "singular"), string_at(names, "kind"),
         string_at(names, "listKind"));
    for (const Json& word : array_at(names, "shortNames")) {
      if (word.is_string()) taken.resources.insert(word.get<std::string>());
    }
  });
  for (auto* words : {&taken.resources, &taken.kinds}) words->erase("");
  return taken;
}

struct Conflict {
  std::string reason, name;
};

std::vector<Conflict> conflicts_of(const Taken& taken, const Json& names) {
  std::vector<Conflict> conflicts;
  const auto look = [&](const std::set<std::string>& words, const Json& name, const char* reason) {
    if (name.is_string() && words.contains(name.get<std::string>()))
      conflicts.push_back({reason, name.get<std::string>()});
  };
  look(taken.resources, names.value("plural", Json()), "PluralConflict");
  look(taken.resources, names.value("singular", Json()), "SingularConflict");
  for (const Json& word : array_at(names, "shortNames")) look(taken.resources, word, "ShortNamesConflict");
  look(taken.kinds, names.value("kind", Json()), "KindConflict");
  look(taken.kinds, names.value("listKind", Json()), "ListKindConflict");
  return conflicts;
}

void set_condition(Json& conditions, const char* type, bool status, const std::string& reason,
                   const std::string& message, WallTime now) {
  const Json word = status ? "True" : "False";
  Json next = {{"type", type},
               {"status", word},
               {"lastTransitionTime", rfc3339(now)},
               {"reason", reason},
               {"message", message}};
  for (Json& condition : conditions) {
    if (string_at(condition, "type") != type) continue;
    if (string_at(condition, "status") == word) next["lastTransitionTime"] = condition["lastTransitionTime"];
    condition = std::move(next);
    return;
  }
  conditions.push_back(std::move(next));
}

bool is_true(const Json& conditions, const char* type) {
  return std::any_of(conditions.begin(), conditions.end(), [&](const Json& condition) {
    return string_at(condition, "type") == type && string_at(condition, "status") == "True";
  });
}

void add_stored_version(const Json& spec, Json& status) {
  Json& stored = status["storedVersions"];
  if (!stored.is_array()) stored = Json::array();
  for (const Json& version : array_at(spec, "versions")) {
    const Json name = string_at(version, "name");
    if (bool_at(version, "storage") && std::find(stored.begin(), stored.end(), name) == stored.end())
      stored.push_back(name);
  }
}

}  // namespace

void set_definition_status(const Snapshot& objects, Json& definition, WallTime now) {
  const Json spec = object_at(definition, "spec");
  Json& status = definition["status"];
  if (!status.is_object()) status = Json::object();
  Json conditions = array_at(status, "conditions");
  const auto conflicts = conflicts_of(taken_names(objects, definition), object_at(spec, "names"));
  if (conflicts.empty()) {
    status["acceptedNames"] = object_at(spec, "names");
    set_condition(conditions, "NamesAccepted", true, "NoConflicts", "no conflicts found", now);
    if (!is_true(conditions, "Established"))
      set_condition(conditions, "Established", true, "InitialNamesAccepted",
                    "the initial names have been accepted", now);
  } else {
    if (!status.contains("acceptedNames")) status["acceptedNames"] = {{"kind", ""}, {"plural", ""}};
    set_condition(conditions, "NamesAccepted", false, conflicts.front().reason,
                  fmt::format("\"{}\" is already in use", conflicts.front().name), now);
    if (!is_true(conditions, "Established"))
      set_condition(conditions, "Established", false, "NotAccepted", "not all names are accepted", now);
  }
  status["conditions"] = std::move(conditions);
  add_stored_version(spec, status);
}

namespace {

bool mentions(const Json& schema, const char* member) {
  if (schema.is_array())
    return std::any_of(schema.begin(), schema.end(), [&](const Json& one) { return mentions(one, member); });
  if (!schema.is_object()) return false;
  if (schema.contains(member)) return true;
  return std::any_of(schema.begin(), schema.end(), [&](const Json& one) { return mentions(one, member); });
}

}  // namespace

bool is_established(const Json& definition) {
  return is_true(array_at(object_at(definition, "status"), "conditions"), "Established");
}

bool owns_objects(const Json& definition) {
  const std::string name = string_at(object_at(definition, "metadata"), "name");
  return is_established(definition) && Schema::builtin().by_key(name) == nullptr;
}

std::vector<std::string> definition_warnings(const Json& definition) {
  std::vector<std::string> warnings;
  const Json& versions = array_at(object_at(definition, "spec"), "versions");
  for (std::size_t i = 0; i < versions.size(); ++i) {
    if (mentions(object_at(object_at(versions[i], "schema"), "openAPIV3Schema"), "x-kubernetes-validations"))
      warnings.push_back(fmt::format(
          "spec.versions[{}].schema.openAPIV3Schema: x-kubernetes-validations are kept, but minik does not "
          "evaluate CEL rules",
          i));
  }
  return warnings;
}

}  // namespace minik::api
