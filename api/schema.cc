#include "api/schema.h"

#include <algorithm>
#include <tuple>

#include "api/conversion.h"
#include "api/custom_kind.h"
#include "base/text.h"

namespace minik::api {

// Made by cmake/compile_schema.cc from api/schema/*.yaml.
extern const std::string_view kCompiledSchema;

namespace {

std::vector<std::string> words_at(const Json& object, std::string_view member) {
  std::vector<std::string> out;
  for (const Json& word : array_at(object, member)) out.push_back(word.get<std::string>());
  return out;
}

using Types = std::map<std::string, std::unique_ptr<StructType>, std::less<>>;

Result<Type> parse_type(const Types& types, std::string_view text) {
  static const std::map<std::string, Type::Kind, std::less<>> kScalars = {
      {"string", Type::Kind::kString},
      {"int32", Type::Kind::kInt32},
      {"int64", Type::Kind::kInt64},
      {"bool", Type::Kind::kBool},
      {"number", Type::Kind::kNumber},
      {"bytes", Type::Kind::kBytes},
      {"time", Type::Kind::kTime},
      {"microtime", Type::Kind::kMicroTime},
      {"quantity", Type::Kind::kQuantity},
      {"intorstring", Type::Kind::kIntOrString},
      {"any", Type::Kind::kAny}};
  if (const auto it = kScalars.find(text); it != kScalars.end()) return Type{it->second, nullptr, nullptr};
  if (text.starts_with("[]")) {
    return Type{Type::Kind::kArray, nullptr, std::make_shared<Type>(TRY(parse_type(types, text.substr(2))))};
  }
  if (text.starts_with("map[") && text.ends_with("]")) {
    return Type{Type::Kind::kMap, nullptr,
                std::make_shared<Type>(TRY(parse_type(types, text.substr(4, text.size() - 5))))};
  }
  const auto it = types.find(text);
  if (it == types.end()) return Error(Code::kInvalid, "schema: no type named " + std::string(text));
  return Type{Type::Kind::kStruct, it->second.get(), nullptr};
}

Result<> parse_flag(const std::string& flag, Field& field) {
  const auto at = flag.find('=');
  const std::string name = flag.substr(0, at);
  const std::string value = at == std::string::npos ? "" : flag.substr(at + 1);
  if (name == "required")
    field.required = true;
  else if (name == "immutable")
    field.immutable = true;
  else if (name == "retainkeys")
    field.retain_keys = true;
  else if (name == "atomic")
    field.atomic = true;
  else if (name == "set")
    field.set = true;
  else if (name == "enum")
    field.allowed = split(value, ',');
  else if (name == "keys")
    field.list_keys = split(value, ',');
  else if (name == "merge") {
    field.merge = true;
    field.merge_key = value;
  } else if (name == "default") {
    auto json = parse_json(value);
    field.fallback = json.ok() ? *std::move(json) : Json(value);
  } else {
    return Error(Code::kInvalid, "schema: unknown flag " + flag);
  }
  return {};
}

// "[]Container merge=name required | Containers of the pod."
Result<Field> parse_field(const Types& types, const std::string& name, const std::string& text) {
  Field field;
  field.name = name;
  const auto bar = text.find(" | ");
  if (bar == std::string::npos) return Error(Code::kInvalid, "schema: no description for " + name);
  field.description = text.substr(bar + 3);
  const auto words = split_words(std::string_view(text).substr(0, bar));
  field.type = TRY(parse_type(types, words.at(0)));
  for (std::size_t i = 1; i < words.size(); ++i) TRY(parse_flag(words[i], field));
  return field;
}

Kind parse_kind(const Json& json) {
  Kind kind;
  kind.kind = string_at(json, "kind");
  kind.group = string_at(json, "group");
  kind.version = string_at(json, "version");
  kind.resource = string_at(json, "resource");
  kind.singular = string_at(json, "singular");
  kind.short_names = words_at(json, "shortNames");
  kind.categories = words_at(json, "categories");
  kind.subresources = words_at(json, "subresources");
  kind.fields = words_at(json, "fields");
  kind.verbs = words_at(json, "verbs");
  kind.namespaced = bool_at(json, "namespaced", true);
  for (const Json& c : array_at(json, "columns")) {
    kind.columns.push_back(
        {string_at(c, "name"), string_at(c, "type"), string_at(c, "format"), bool_at(c, "wide")});
  }
  return kind;
}

// A version of a stored kind: all is as there but what it says itself.
Result<Kind> parse_version(const Schema& schema, const std::vector<Kind>& kinds, const Json& json) {
  const std::string key = string_at(json, "stored");
  const auto base =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.group_resource() == key; });
  if (base == kinds.end()) return Error(Code::kInvalid, "schema: no stored kind " + key);
  Kind kind = *base;
  kind.group = string_at(json, "group");
  kind.version = string_at(json, "version");
  kind.conversion = string_at(json, "conversion");
  kind.categories.clear();  // Nothing is listed twice.
  if (kind.group == "extensions") kind.short_names.clear();
  if (json.contains("fields")) kind.fields = words_at(json, "fields");
  if (const std::string type = string_at(json, "type"); !type.empty()) kind.type = schema.type(type);
  if (kind.type == nullptr) return Error(Code::kInvalid, "schema: version without a type: " + kind.kind);
  if (!kind.conversion.empty() && !has_conversion(kind.conversion))
    return Error(Code::kInvalid, "schema: no conversion named " + kind.conversion);
  return kind;
}

// Clients that know only a resource's name take the first group that has it.
std::size_t group_rank(const std::string& group) {
  static const std::vector<std::string> kOrder = {"",      "apps",   "events.k8s.io",     "autoscaling",
                                                  "batch", "policy", "networking.k8s.io", "extensions"};
  const auto it = std::find(kOrder.begin(), kOrder.end(), group);
  if (it == kOrder.end()) return kOrder.size() - 1;  // Before the last.
  return it + 1 == kOrder.end() ? kOrder.size() : static_cast<std::size_t>(it - kOrder.begin());
}

// v2 before v1 before v1beta1 before v1alpha2 before any other name.
std::tuple<int, std::int64_t, std::int64_t, std::string> version_rank(const std::string& version) {
  std::size_t at = 1;
  const auto number = [&]() -> std::int64_t {
    const std::size_t from = at;
    while (at < version.size() && version[at] >= '0' && version[at] <= '9') ++at;
    return parse_int(version.substr(from, at - from)).value_or(-1);
  };
  const std::int64_t major = version.starts_with("v") ? number() : -1;
  if (major < 0) return {3, 0, 0, version};
  if (at == version.size()) return {0, -major, 0, version};
  const bool beta = version.substr(at).starts_with("beta"), alpha = version.substr(at).starts_with("alpha");
  if (!alpha && !beta) return {3, 0, 0, version};
  at += beta ? 4 : 5;
  const std::int64_t minor = number();
  if (minor < 0 || at != version.size()) return {3, 0, 0, version};
  return {beta ? 1 : 2, -major, -minor, version};
}

// Stored versions first, then the newest.
std::tuple<std::size_t, std::string, bool, int, std::string> discovery_order(const Kind& kind, bool stored) {
  const bool beta = kind.version.find("beta") != std::string::npos;
  const int newest = beta ? 1000 - static_cast<int>(kind.version.back()) : 0;
  return {group_rank(kind.group), kind.group, !stored, newest, kind.resource};
}

}  // namespace

const Field* StructType::field(std::string_view field_name) const {
  const auto it = index.find(field_name);
  return it == index.end() ? nullptr : &fields[it->second];
}

std::string Kind::list_kind() const {
  return custom == nullptr || custom->list_kind.empty() ? kind + "List" : custom->list_kind;
}

bool Kind::has_subresource(std::string_view name) const {
  return std::find(subresources.begin(), subresources.end(), name) != subresources.end();
}

bool Kind::can(std::string_view verb) const {
  return verbs.empty() || std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const Schema& Schema::builtin() {
  static const std::unique_ptr<Schema> schema = [] {
    auto parsed = parse(kCompiledSchema);
    MINIK_ASSERT(parsed.ok());
    return std::move(parsed).value();
  }();
  return *schema;
}

Result<std::unique_ptr<Schema>> Schema::parse(std::string_view compiled) {
  const Json json = TRY(parse_json(compiled));
  auto schema = std::make_unique<Schema>();
  for (const auto& [name, body] : object_at(json, "types").items()) {
    auto type = std::make_unique<StructType>();
    type->name = name;
    type->description = string_at(body, "d");
    schema->types_.emplace(name, std::move(type));
  }
  for (const auto& [name, body] : object_at(json, "types").items()) {
    StructType& type = *schema->types_.at(name);
    for (const Json& field : array_at(body, "f")) {  // [name, text], in the order of the file.
      type.index.emplace(field[0].get<std::string>(), type.fields.size());
      type.fields.push_back(
          TRY(parse_field(schema->types_, field[0].get<std::string>(), field[1].get<std::string>())));
    }
  }
  TRY(schema->add_kinds(array_at(json, "kinds")));
  return schema;
}

Result<> Schema::add_kinds(const Json& bodies) {
  for (const Json& body : bodies) {
    if (body.contains("stored")) continue;
    Kind kind = parse_kind(body);
    kind.type = type(kind.kind);
    if (kind.type == nullptr) return Error(Code::kInvalid, "schema: kind without a type: " + kind.kind);
    kinds_.push_back(std::move(kind));
  }
  std::vector<std::pair<Kind, std::string>> all;  // With the key of the stored kind.
  for (const Kind& kind : kinds_) all.emplace_back(kind, "");
  for (const Json& body : bodies) {
    if (body.contains("stored"))
      all.emplace_back(TRY(parse_version(*this, kinds_, body)), string_at(body, "stored"));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return discovery_order(a.first, a.second.empty()) < discovery_order(b.first, b.second.empty());
  });
  kinds_.clear();
  for (auto& [kind, key] : all) kinds_.push_back(std::move(kind));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].second.empty()) kinds_[i].stored = by_key(all[i].second);
  }
  return {};
}

SchemaPtr Schema::with_custom(std::vector<Kind> custom) {
  auto schema = std::make_shared<Schema>();
  schema->kinds_ = builtin().kinds_;
  std::stable_sort(custom.begin(), custom.end(), [](const Kind& a, const Kind& b) {
    return std::tuple(a.group, version_rank(a.version), a.resource) <
           std::tuple(b.group, version_rank(b.version), b.resource);
  });
  const std::size_t first = schema->kinds_.size();
  for (Kind& kind : custom) {
    if (kind.custom->served)
      schema->kinds_.push_back(std::move(kind));
    else if (kind.custom->storage)
      schema->unserved_.push_back(std::make_unique<const Kind>(std::move(kind)));
  }
  for (std::size_t i = first; i < schema->kinds_.size(); ++i) {
    Kind& kind = schema->kinds_[i];
    if (kind.custom->storage) continue;
    kind.stored = schema->storage_of(kind.group_resource());
  }
  return schema;
}

const Kind* Schema::storage_of(std::string_view group_resource) const {
  for (const Kind& kind : kinds_) {
    if (kind.custom != nullptr && kind.custom->storage && kind.group_resource() == group_resource)
      return &kind;
  }
  for (const auto& kind : unserved_) {
    if (kind->group_resource() == group_resource) return kind.get();
  }
  return nullptr;
}

const Kind* Schema::by_resource(std::string_view group, std::string_view version,
                                std::string_view resource) const {
  for (const Kind& kind : kinds_) {
    if (kind.group == group && kind.version == version && kind.resource == resource) return &kind;
  }
  return nullptr;
}

const Kind* Schema::by_kind(std::string_view api_version, std::string_view name) const {
  for (const Kind& kind : kinds_) {
    if (kind.kind == name && kind.api_version() == api_version) return &kind;
  }
  return nullptr;
}

const Kind* Schema::by_key(std::string_view group_resource) const {
  for (const Kind& kind : kinds_) {
    if (kind.stored == nullptr && kind.group_resource() == group_resource) return &kind;
  }
  for (const auto& kind : unserved_) {
    if (kind->group_resource() == group_resource) return kind.get();
  }
  return nullptr;
}

const Kind* Schema::by_word(std::string_view word) const {
  const std::string wanted = lower(word);
  for (const Kind& kind : kinds_) {
    const auto& shorts = kind.short_names;
    if (kind.resource == wanted || kind.singular == wanted || lower(kind.kind) == wanted ||
        kind.group_resource() == wanted || kind.singular + "." + kind.group == wanted ||
        kind.resource + "." + kind.version + "." + kind.group == wanted ||
        std::find(shorts.begin(), shorts.end(), wanted) != shorts.end()) {
      return &kind;
    }
  }
  return nullptr;
}

const StructType* Schema::type(std::string_view name) const {
  if (types_.empty()) return builtin().type(name);  // Custom kinds have types of their own.
  const auto it = types_.find(name);
  return it == types_.end() ? nullptr : it->second.get();
}

}  // namespace minik::api
