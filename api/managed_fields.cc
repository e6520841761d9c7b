#include "api/managed_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace minik::api {
namespace {

constexpr std::size_t kUpdatersMax = 10;
constexpr std::size_t kManagerNameMax = 128;

struct Entry {
  std::string manager, operation, api_version, time, subresource;
  FieldSet fields;
  bool same_manager(const Entry& o) const {
    return manager == o.manager && operation == o.operation && subresource == o.subresource &&
           (operation == "Apply" || api_version == o.api_version);
  }
};
using Entries = std::vector<Entry>;

// Nothing when the list is empty or unreadable.
std::optional<Entries> entries_of(const Json& object) {
  Entries entries;
  for (const Json& json : array_at(object_at(object, "metadata"), "managedFields")) {
    if (!json.is_object()) return std::nullopt;
    auto fields = FieldSet::parse(object_at(json, "fieldsV1"));
    const std::string operation = string_at(json, "operation");
    if (!fields.ok() || (operation != "Apply" && operation != "Update")) return std::nullopt;
    entries.push_back({string_at(json, "manager"), operation, string_at(json, "apiVersion"),
                       string_at(json, "time"), string_at(json, "subresource"), *std::move(fields)});
  }
  if (entries.empty()) return std::nullopt;
  return entries;
}

bool is_reset(const Json& object) {
  const Json* list = find(object_at(object, "metadata"), "managedFields");
  return list != nullptr && list->is_array() && list->size() == 1 && (*list)[0].is_object() &&
         (*list)[0].empty();
}

Json json_of(const Entries& entries) {
  Json list = Json::array();
  for (const Entry& e : entries) {
    Json json = {{"manager", e.manager}, {"operation", e.operation}, {"apiVersion", e.api_version},
                 {"time", e.time},       {"fieldsType", "FieldsV1"}, {"fieldsV1", e.fields.json()}};
    if (!e.subresource.empty()) json["subresource"] = e.subresource;
    if (e.time.empty()) json.erase("time");
    list.push_back(std::move(json));
  }
  return list;
}

// Applies first, then the elder, then by name.
void order(Entries& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.operation != b.operation) return a.operation < b.operation;
    return std::tie(a.time, a.manager) < std::tie(b.time, b.manager);
  });
}

// Too many updaters: the eldest become one.
void cap(Entries& entries) {
  const auto updates = static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(), [](const Entry& e) { return e.operation == "Update"; }));
  if (updates <= kUpdatersMax) return;
  Entry ancient;
  std::size_t surplus = updates - kUpdatersMax + 1;
  for (auto it = entries.begin(); it != entries.end() && surplus > 0;) {
    if (it->operation != "Update") {
      ++it;
      continue;
    }
    if (ancient.operation.empty()) {
      ancient = *it;
      ancient.manager = "ancient-changes";
      ancient.subresource.clear();
    }
    ancient.fields.add(it->fields);
    ancient.time = std::max(ancient.time, it->time);
    it = entries.erase(it);
    --surplus;
  }
  entries.insert(entries.begin(), std::move(ancient));
}

void write(Entries entries, Json& object) {
  std::erase_if(entries, [](const Entry& e) { return e.fields.empty(); });
  order(entries);
  cap(entries);
  if (entries.empty())
    object["metadata"].erase("managedFields");
  else
    object["metadata"]["managedFields"] = json_of(entries);
}

// What belongs to nobody.
void drop_meta(FieldSet& set) {
  if (!set.touches("f:metadata")) return;
  FieldSet& meta = set.child("f:metadata");
  for (const char* name :
       {"name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields",
        "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"})
    meta.erase(std::string("f:") + name);
  FieldSet bare;
  bare.insert("f:metadata");
  set.subtract(bare);
  set.prune();
}

// Only the status counts for its subresource, and it counts nowhere else when the kind has one.
void drop_foreign(FieldSet& set, const std::string& subresource, bool has_status) {
  if (subresource != "status") {
    if (has_status) set.erase("f:status");
    return;
  }
  FieldSet only;
  if (const FieldSet* status = set.below("f:status")) only.child("f:status").add(*status);
  if (set.has("f:status")) only.insert("f:status");
  set = std::move(only);
}

Json without_managers(Json object) {
  if (object.is_object() && object.contains("metadata")) object["metadata"].erase("managedFields");
  return object;
}

Entry& entry_for(Entries& entries, const FieldWriter& writer, const char* operation) {
  const Entry wanted{writer.manager, operation, writer.api_version, "", writer.subresource, {}};
  const auto it =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.same_manager(wanted); });
  if (it != entries.end()) return *it;
  entries.push_back(wanted);
  return entries.back();
}

std::string words_for(const Entry& e) {
  std::string text = fmt::format("\"{}\"", e.manager);
  if (!e.subresource.empty()) text += fmt::format(" with subresource \"{}\"", e.subresource);
  if (e.operation == "Update") text += " using " + e.api_version;
  return text;
}

struct Conflict {
  std::string manager;  // In words.
  std::string path;
};

Error conflict_error(const std::vector<Conflict>& conflicts) {
  std::vector<FieldCause> causes;
  for (const Conflict& c : conflicts)
    causes.push_back({"FieldManagerConflict", c.path, "conflict with " + c.manager});
  std::string text;
  if (conflicts.size() == 1) {
    text = fmt::format("Apply failed with 1 conflict: conflict with {}: {}", conflicts[0].manager,
                       conflicts[0].path);
  } else {
    std::vector<std::string> lines;
    std::string last;
    for (const Conflict& c : conflicts) {
      if (c.manager != last) lines.push_back(fmt::format("conflicts with {}:", c.manager));
      last = c.manager;
      lines.push_back("- " + c.path);
    }
    text = fmt::format("Apply failed with {} conflicts: {}", conflicts.size(), join(lines, "\n"));
  }
  return Error(Code::kConflict, text).with_causes(std::move(causes));
}

// Takes what changed from everybody but `self`; answers what they held with another value.
std::vector<Conflict> take_from_others(Entries& entries, const Entry* self, const Difference& change) {
  FieldSet set = change.added;
  set.add(change.modified);
  std::vector<Conflict> conflicts;
  for (Entry& e : entries) {
    if (&e == self) continue;
    const FieldSet lost = e.fields.intersection(set);
    for (auto& path : lost.paths()) conflicts.push_back({words_for(e), std::move(path)});
    e.fields.subtract(lost);
    e.fields.subtract(change.removed);
    e.fields.prune();
  }
  std::sort(conflicts.begin(), conflicts.end(), [](const Conflict& a, const Conflict& b) {
    return std::tie(a.manager, a.path) < std::tie(b.manager, b.path);
  });
  return conflicts;
}

}  // namespace

void track_update(const StructType& type, const Json* before, Json& after, const FieldWriter& writer) {
  if (is_reset(after)) {
    after["metadata"].erase("managedFields");
    return;
  }
  std::optional<Entries> entries = entries_of(after);
  if (!entries && before != nullptr) entries = entries_of(*before);
  if (!entries) entries.emplace();
  static const Json kNothing = Json::object();
  Difference change = compare(type, before == nullptr ? kNothing : *before, after);
  for (FieldSet* set : {&change.added, &change.modified, &change.removed}) drop_meta(*set);
  if (!change.empty()) {
    Entry& self = entry_for(*entries, writer, "Update");
    take_from_others(*entries, &self, change);
    const FieldSet had = self.fields;
    self.fields.add(change.added);
    self.fields.add(change.modified);
    self.fields.subtract(change.removed);
    self.fields.prune();
    if (!(had == self.fields) || self.time.empty()) self.time = rfc3339(writer.now);
    self.api_version = writer.api_version;
  }
  write(*std::move(entries), after);
}

Result<Json> apply_config(const StructType& type, const Json* live, Json config, const FieldWriter& writer,
                          bool force) {
  static const Json kNothing = Json::object();
  const Json before = live == nullptr ? kNothing : without_managers(*live);
  Entries entries;
  if (live != nullptr) {
    if (auto known = entries_of(*live)) entries = *std::move(known);
  }
  const bool has_status = type.field("status") != nullptr;
  FieldSet wanted = TRY(fields_of(type, config));
  drop_meta(wanted);
  drop_foreign(wanted, writer.subresource, has_status);
  Json merged = TRY(merge_typed(type, before, config));
  entry_for(entries, writer, "Apply");
  order(entries);
  Entry& self = entry_for(entries, writer, "Apply");
  FieldSet dropped = self.fields, kept = wanted;
  dropped.subtract(wanted);
  for (const Entry& e : entries) {
    if (&e != &self) kept.add(e.fields);
  }
  merged = without_fields(type, std::move(merged), dropped, kept);
  Difference change = compare(type, before, merged);
  for (FieldSet* set : {&change.added, &change.modified, &change.removed}) drop_meta(*set);
  const auto conflicts = take_from_others(entries, &self, change);
  if (!conflicts.empty() && !force) return conflict_error(conflicts);
  if (!(self.fields == wanted) || self.time.empty() || !change.empty()) self.time = rfc3339(writer.now);
  self.fields = std::move(wanted);
  self.api_version = writer.api_version;
  write(std::move(entries), merged);
  return merged;
}

std::string field_manager_error(const std::string& manager) {
  if (manager.size() > kManagerNameMax)
    return fmt::format("Too long: may not be more than {} bytes", kManagerNameMax);
  for (const char c : manager) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fmt::format("Invalid value: {}: should only contain printable characters",
                         to_text(Json(manager)));
  }
  return "";
}

}  // namespace minik::api
