#include "api/patch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace minik::api {
namespace {

constexpr std::string_view kOrderPrefix = "$setElementOrder/";
constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";

Result<Json> merge_struct(const StructType* type, Json target, const Json& patch);

bool same_key(const Json& item, const std::string& key, const Json& value) {
  const Json* mine = find(item, key);
  return mine != nullptr && *mine == value;
}

// List items of the type's element, merged by key.
Result<Json> merge_keyed_list(const Field& field, Json target, const Json& patch) {
  const StructType* element = field.type.element->of;
  for (const Json& item : patch) {
    if (!item.is_object()) {
      return Error(Code::kInvalid,
                   fmt::format("unable to find merge key in {}: items must be objects", field.name));
    }
    const std::string directive = string_at(item, "$patch");
    if (directive == "replace") {
      Json rest = Json::array();
      for (const Json& other : patch) {
        if (string_at(other, "$patch").empty()) rest.push_back(other);
      }
      return rest;
    }
    const Json* key = find(item, field.merge_key);
    if (key == nullptr) {
      return Error(Code::kInvalid, fmt::format("map: {} does not contain declared merge key: {}",
                                               to_text(item), field.merge_key));
    }
    const auto at = std::find_if(target.begin(), target.end(),
                                 [&](const Json& mine) { return same_key(mine, field.merge_key, *key); });
    if (directive == "delete") {
      if (at != target.end()) target.erase(at);
    } else if (at == target.end()) {
      target.push_back(TRY(merge_struct(element, Json::object(), item)));
    } else {
      *at = TRY(merge_struct(element, std::move(*at), item));
    }
  }
  return target;
}

Json merge_primitives(Json target, const Json& patch) {
  for (const Json& item : patch) {
    if (std::find(target.begin(), target.end(), item) == target.end()) target.push_back(item);
  }
  return target;
}

// Items named in `order` come in that order; the others keep their place relative to their left neighbour.
void set_order(const std::string& merge_key, Json& list, const Json& order) {
  if (!list.is_array() || !order.is_array()) return;
  const auto rank = [&](const Json& item) -> std::ptrdiff_t {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool same = merge_key.empty() ? order[i] == item
                                          : find(order[i], merge_key) != nullptr &&
                                                same_key(item, merge_key, *find(order[i], merge_key));
      if (same) return static_cast<std::ptrdiff_t>(i);
    }
    return -1;
  };
  std::vector<std::pair<std::ptrdiff_t, Json>> ranked;
  std::ptrdiff_t last = -1;
  for (Json& item : list) {
    const std::ptrdiff_t mine = rank(item);
    last = mine < 0 ? last : mine;
    ranked.emplace_back(last, std::move(item));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  list = Json::array();
  for (auto& [at, item] : ranked) list.push_back(std::move(item));
}

Result<Json> merge_member(const Field* field, Json target, const Json& patch) {
  const bool list_patch = patch.is_array() && target.is_array();
  if (field != nullptr && field->merge && patch.is_array() && (target.is_array() || target.is_null())) {
    if (target.is_null()) target = Json::array();
    if (field->merge_key.empty()) return merge_primitives(std::move(target), patch);
    return merge_keyed_list(*field, std::move(target), patch);
  }
  if (list_patch || !patch.is_object()) return patch;
  const StructType* type =
      field != nullptr && field->type.kind == Type::Kind::kStruct ? field->type.of : nullptr;
  if (!target.is_object()) target = Json::object();
  return merge_struct(type, std::move(target), patch);
}

void retain_only(Json& target, const Json& keys) {
  for (auto it = target.begin(); it != target.end();) {
    const bool kept = std::find(keys.begin(), keys.end(), Json(it.key())) != keys.end();
    it = kept ? std::next(it) : target.erase(it);
  }
}

const Field* field_of(const StructType* type, std::string_view name) {
  return type == nullptr ? nullptr : type->field(name);
}

void delete_primitives(Json& target, const std::string& name, const Json& values) {
  if (!target.contains(name) || !values.is_array()) return;
  Json& list = target[name];
  for (const Json& value : values) {
    list.erase(std::remove(list.begin(), list.end(), value), list.end());
  }
}

Result<Json> merge_struct(const StructType* type, Json target, const Json& patch) {
  const std::string directive = string_at(patch, "$patch");
  if (directive == "delete") return Json::object();
  if (directive == "replace") {
    Json copy = patch;
    copy.erase("$patch");
    return copy;
  }
  if (!directive.empty() && directive != "merge") {
    return Error(Code::kInvalid, fmt::format("unknown patch type: {}", directive));
  }
  if (const Json* keys = find(patch, "$retainKeys"); keys != nullptr && keys->is_array())
    retain_only(target, *keys);
  for (const auto& [name, value] : patch.items()) {
    if (name.starts_with(kDeletePrefix)) {
      delete_primitives(target, name.substr(kDeletePrefix.size()), value);
    } else if (name.starts_with("$")) {
      continue;
    } else if (value.is_null()) {
      target.erase(name);
    } else {
      target[name] =
          TRY(merge_member(field_of(type, name), target.contains(name) ? target[name] : Json(), value));
    }
  }
  for (const auto& [name, value] : patch.items()) {
    if (!name.starts_with(kOrderPrefix)) continue;
    const std::string list = name.substr(kOrderPrefix.size());
    const Field* field = field_of(type, list);
    if (target.contains(list)) set_order(field == nullptr ? "" : field->merge_key, target[list], value);
  }
  return target;
}

// Drops from `live` what `before` had and `wanted` has no more.
void prune(const StructType* type, const Json& before, const Json& wanted, Json& live) {
  if (!before.is_object() || !live.is_object()) return;
  for (const auto& [name, old] : before.items()) {
    if (!live.contains(name)) continue;
    const Json* now = find(wanted, name);
    if (now == nullptr || now->is_null()) {
      live.erase(name);
      continue;
    }
    const Field* field = field_of(type, name);
    Json& mine = live[name];
    if (old.is_object() && now->is_object()) {
      prune(field != nullptr && field->type.kind == Type::Kind::kStruct ? field->type.of : nullptr, old, *now,
            mine);
    } else if (field != nullptr && field->merge && old.is_array() && now->is_array() && mine.is_array()) {
      for (const Json& item : old) {
        if (field->merge_key.empty()) {
          if (std::find(now->begin(), now->end(), item) == now->end()) {
            mine.erase(std::remove(mine.begin(), mine.end(), item), mine.end());
          }
          continue;
        }
        const Json* key = find(item, field->merge_key);
        if (key == nullptr) continue;
        const auto same = [&](const Json& x) { return same_key(x, field->merge_key, *key); };
        const auto kept = std::find_if(now->begin(), now->end(), same);
        const auto at = std::find_if(mine.begin(), mine.end(), same);
        if (at == mine.end()) continue;
        if (kept == now->end())
          mine.erase(at);
        else
          prune(field->type.element->of, item, *kept, *at);
      }
    }
  }
}

}  // namespace

Json merge_patch(Json target, const Json& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = Json::object();
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null())
      target.erase(name);
    else
      target[name] = merge_patch(target.contains(name) ? target[name] : Json(), value);
  }
  return target;
}

Result<Json> json_patch(const Json& target, const Json& operations) {
  try {
    return target.patch(operations);
  } catch (const nlohmann::json::other_error&) {  // A failed `test`.
    return Error(Code::kInvalid, "the server rejected our request due to an error in our request")
        .with_causes({{"UnexpectedServerResponse", "", "testing value failed"}});
  } catch (const nlohmann::json::exception& e) {
    std::string what = e.what();
    if (const auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    return Error(Code::kInvalid, "the server rejected our request due to an error in our request")
        .with_causes({{"UnexpectedServerResponse", "", what}});
  }
}

Result<Json> strategic_patch(const StructType& type, Json target, const Json& patch) {
  if (!patch.is_object()) return Error(Code::kInvalid, "a patch must be an object");
  return merge_struct(&type, std::move(target), patch);
}

Json apply_three_way(const StructType& type, const Json& last_applied, const Json& wanted, const Json& live) {
  Json result = live;
  prune(&type, last_applied, wanted, result);
  auto merged = merge_struct(&type, result, wanted);
  return merged.ok() ? *std::move(merged) : wanted;
}

}  // namespace minik::api
