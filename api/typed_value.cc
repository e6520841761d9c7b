#include "api/typed_value.h"

#include <fmt/format.h>

#include <algorithm>

namespace minik::api {
namespace {

// How a value is taken apart.
enum class Shape : std::uint8_t { kLeaf, kStruct, kMap, kKeyed, kSet };

struct Node {
  const Type* type = nullptr;    // Null: nothing is known.
  const Field* field = nullptr;  // The field that has it, for its flags.

  Shape shape(const Json& value) const {
    if (value.is_object()) {
      if (field != nullptr && field->atomic) return Shape::kLeaf;
      if (type != nullptr && type->kind == Type::Kind::kStruct) return Shape::kStruct;
      return Shape::kMap;
    }
    if (!value.is_array() || field == nullptr) return Shape::kLeaf;
    if (!field->list_keys.empty()) return Shape::kKeyed;
    return field->set ? Shape::kSet : Shape::kLeaf;
  }
  Node member(const std::string& name) const {
    if (type != nullptr && type->kind == Type::Kind::kStruct) {
      const Field* found = type->of->field(name);
      return found == nullptr ? Node{} : Node{&found->type, found};
    }
    return type != nullptr && type->kind == Type::Kind::kMap ? Node{type->element.get(), nullptr} : Node{};
  }
  Node element() const {
    return type != nullptr && type->element != nullptr ? Node{type->element.get(), nullptr} : Node{};
  }
  bool knows(const std::string& name) const {
    return type == nullptr || type->kind != Type::Kind::kStruct || type->of->open ||
           type->of->field(name) != nullptr;
  }
};

// k:{"port":80,"protocol":"TCP"}; empty when a key is missing and has no default.
std::string key_of(const Node& list, const Json& item) {
  Json key = Json::object();
  const Node element = list.element();
  for (const auto& name : list.field->list_keys) {
    if (const Json* value = find(item, name); value != nullptr && !value->is_null()) {
      key[name] = *value;
      continue;
    }
    const Field* field =
        element.type != nullptr && element.type->of != nullptr ? element.type->of->field(name) : nullptr;
    if (field == nullptr || !field->fallback) return "";
    key[name] = *field->fallback;
  }
  return "k:" + to_text(key);
}

std::string element_of(const Node& list, Shape shape, const Json& item) {
  return shape == Shape::kSet ? "v:" + to_text(item) : key_of(list, item);
}

using Items = std::vector<std::pair<std::string, const Json*>>;

// The elements of a list with their names; an error for one without or with a name that is taken.
Result<Items> items_of(const Node& list, Shape shape, const Json& value) {
  Items items;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string element =
        value[i].is_object() || shape == Shape::kSet ? element_of(list, shape, value[i]) : "";
    const std::string name = list.field->name;
    if (element.empty())
      return Error(
          Code::kInvalid,
          fmt::format(".{}: element {}: associative list with keys has an element that omits key field", name,
                      i));
    if (!seen.insert(element).second)
      return Error(Code::kInvalid, fmt::format(".{}: duplicate entries for key {}", name, element.substr(2)));
    items.emplace_back(std::move(element), &value[i]);
  }
  return items;
}

const Json* item_named(const Items& items, const std::string& element) {
  const auto it =
      std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.first == element; });
  return it == items.end() ? nullptr : it->second;
}

Result<> add_fields(const Node& node, const Json& value, FieldSet& set);

Result<> add_field(const Node& node, const std::string& element, const Json& value, bool always,
                   FieldSet& set) {
  if (node.shape(value) == Shape::kLeaf || value.empty()) {
    set.insert(element);
    return {};
  }
  if (always) set.insert(element);
  return add_fields(node, value, set.child(element));
}

Result<> add_fields(const Node& node, const Json& value, FieldSet& set) {
  const Shape shape = node.shape(value);
  if (shape == Shape::kStruct || shape == Shape::kMap) {
    for (const auto& [name, inner] : value.items()) {
      if (node.knows(name)) TRY(add_field(node.member(name), "f:" + name, inner, shape == Shape::kMap, set));
    }
    return {};
  }
  for (const auto& [element, item] : TRY(items_of(node, shape, value))) {
    if (shape == Shape::kSet)
      set.insert(element);
    else
      TRY(add_field(node.element(), element, *item, true, set));
  }
  return {};
}

// All of a value that is there on one side only.
void add_all(const Node& node, const std::string& element, const Json& value, FieldSet& set) {
  const Shape shape = node.shape(value);
  if (shape != Shape::kStruct || value.empty()) set.insert(element);
  if (shape == Shape::kLeaf) return;
  FieldSet inner;
  if (add_fields(node, value, inner).ok() && !inner.empty()) set.child(element).add(inner);
}

void compare_nodes(const Node& node, const std::string& element, const Json& a, const Json& b,
                   Difference& out);

void compare_members(const Node& node, const Json& a, const Json& b, Difference& out) {
  for (const auto& [name, value] : a.items()) {
    if (node.knows(name) && !b.contains(name)) add_all(node.member(name), "f:" + name, value, out.removed);
  }
  for (const auto& [name, value] : b.items()) {
    if (!node.knows(name)) continue;
    if (const Json* old = find(a, name))
      compare_nodes(node.member(name), "f:" + name, *old, value, out);
    else
      add_all(node.member(name), "f:" + name, value, out.added);
  }
}

// False when one of the lists breaks its keys.
bool compare_items(const Node& node, Shape shape, const Json& a, const Json& b, Difference& out) {
  const auto before = items_of(node, shape, a), after = items_of(node, shape, b);
  if (!before.ok() || !after.ok()) return false;
  for (const auto& [element, item] : *before) {
    if (item_named(*after, element) != nullptr) continue;
    out.removed.insert(element);
    add_all(node.element(), element, *item, out.removed);
  }
  for (const auto& [element, item] : *after) {
    if (const Json* old = item_named(*before, element)) {
      compare_nodes(node.element(), element, *old, *item, out);
      continue;
    }
    out.added.insert(element);
    add_all(node.element(), element, *item, out.added);
  }
  return true;
}

void compare_nodes(const Node& node, const std::string& element, const Json& a, const Json& b,
                   Difference& out) {
  if (a == b) return;
  const Shape shape = node.shape(b);
  if (shape == Shape::kLeaf || node.shape(a) != shape || a.empty() != b.empty()) {
    // An empty container is a field itself; a filled one is its contents.
    if (shape != Shape::kLeaf && node.shape(a) == shape) {
      add_all(node, element, b.empty() ? a : b, b.empty() ? out.removed : out.added);
      (b.empty() ? out.added : out.removed).insert(element);
      return;
    }
    out.modified.insert(element);
    return;
  }
  Difference inner;
  if (shape == Shape::kStruct || shape == Shape::kMap)
    compare_members(node, a, b, inner);
  else if (!compare_items(node, shape, a, b, inner))
    return out.modified.insert(element);
  const auto put = [&](FieldSet& into, const FieldSet& from) {
    if (!from.empty()) into.child(element).add(from);
  };
  put(out.added, inner.added);
  put(out.modified, inner.modified);
  put(out.removed, inner.removed);
}

Result<Json> merge_nodes(const Node& node, const Json& live, const Json& config);

Result<Json> merge_items(const Node& node, Shape shape, const Json& live, const Json& config) {
  const Items wanted = TRY(items_of(node, shape, config));
  const auto there = items_of(node, shape, live);
  if (!there.ok()) return config;
  Json out = Json::array();
  std::size_t at = 0;
  // What only the live list has keeps its place before the element that follows it there.
  const auto copy_until = [&](const std::string& element) {
    for (; at < there->size() && (*there)[at].first != element; ++at) {
      if (item_named(wanted, (*there)[at].first) == nullptr) out.push_back(*(*there)[at].second);
    }
  };
  for (const auto& [element, item] : wanted) {
    const Json* old = item_named(*there, element);
    if (old == nullptr) {
      out.push_back(*item);
      continue;
    }
    const bool ahead = std::any_of(there->begin() + static_cast<std::ptrdiff_t>(at), there->end(),
                                   [&, name = element](const auto& i) { return i.first == name; });
    if (ahead) copy_until(element);
    out.push_back(shape == Shape::kSet ? *item : TRY(merge_nodes(node.element(), *old, *item)));
  }
  copy_until("");
  return out;
}

Result<Json> merge_nodes(const Node& node, const Json& live, const Json& config) {
  const Shape shape = node.shape(config);
  if (shape == Shape::kLeaf || node.shape(live) != shape) {
    if (shape == Shape::kKeyed || shape == Shape::kSet) TRY(items_of(node, shape, config));
    return config;
  }
  if (shape == Shape::kKeyed || shape == Shape::kSet) return merge_items(node, shape, live, config);
  Json out = live;
  for (const auto& [name, value] : config.items()) {
    const Json* old = find(live, name);
    out[name] = TRY(merge_nodes(node.member(name), old == nullptr ? Json() : *old, value));
  }
  return out;
}

const FieldSet kNothing;

const FieldSet& below(const FieldSet& set, const std::string& element) {
  const FieldSet* inner = set.below(element);
  return inner == nullptr ? kNothing : *inner;
}

// Whether nothing of the value is left.
bool strip(const Node& node, Json& value, const FieldSet& fields, const FieldSet& kept);

bool strip_one(const Node& node, const std::string& element, Json& value, const FieldSet& fields,
               const FieldSet& kept) {
  if (fields.has(element) && !kept.touches(element)) return true;
  const FieldSet* inner = fields.below(element);
  if (inner == nullptr || node.shape(value) == Shape::kLeaf) return false;
  const bool emptied = strip(node, value, *inner, below(kept, element));
  return emptied && !kept.touches(element);
}

bool strip(const Node& node, Json& value, const FieldSet& fields, const FieldSet& kept) {
  const Shape shape = node.shape(value);
  if (value.empty()) return false;
  if (shape == Shape::kStruct || shape == Shape::kMap) {
    for (auto it = value.begin(); it != value.end();)
      it = strip_one(node.member(it.key()), "f:" + it.key(), it.value(), fields, kept) ? value.erase(it)
                                                                                       : std::next(it);
    return value.empty();
  }
  if (shape == Shape::kLeaf) return false;
  for (auto it = value.begin(); it != value.end();)
    it = strip_one(node.element(), element_of(node, shape, *it), *it, fields, kept) ? value.erase(it)
                                                                                    : std::next(it);
  return value.empty();
}

Type root_of(const StructType& type) { return Type{Type::Kind::kStruct, &type, nullptr}; }

}  // namespace

Result<FieldSet> fields_of(const StructType& type, const Json& value) {
  const Type root = root_of(type);
  FieldSet set;
  TRY(add_fields(Node{&root, nullptr}, value, set));
  set.prune();
  return set;
}

Difference compare(const StructType& type, const Json& before, const Json& after) {
  const Type root = root_of(type);
  Difference difference;
  compare_members(Node{&root, nullptr}, before, after, difference);
  return difference;
}

Result<Json> merge_typed(const StructType& type, const Json& live, const Json& config) {
  const Type root = root_of(type);
  return merge_nodes(Node{&root, nullptr}, live, config);
}

Json without_fields(const StructType& type, Json value, const FieldSet& fields, const FieldSet& kept) {
  const Type root = root_of(type);
  strip(Node{&root, nullptr}, value, fields, kept);
  return value;
}

}  // namespace minik::api
