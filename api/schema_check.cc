// What the schema says about a value: defaults, unknown members, wrong types, forbidden values.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/quantity.h"
#include "api/schema.h"
#include "base/clock.h"
#include "base/text.h"

namespace minik::api {
namespace {

// Calls visit(type, value) for the struct itself or for each struct in the array or map.
template <class Value, class Visit>
void each_struct(const Type& type, Value& value, const std::string& path, Visit&& visit) {
  if (type.kind == Type::Kind::kStruct && value.is_object()) {
    visit(*type.of, value, path);
  } else if (type.kind == Type::Kind::kArray && value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      each_struct(*type.element, value[i], fmt::format("{}[{}]", path, i), visit);
    }
  } else if (type.kind == Type::Kind::kMap && value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      each_struct(*type.element, it.value(), fmt::format("{}[{}]", path, it.key()), visit);
    }
  }
}

void take_unknown(const StructType& type, Json& value, const std::string& path,
                  std::vector<std::string>& found) {
  for (auto it = value.begin(); it != value.end();) {
    const std::string here = path.empty() ? it.key() : path + "." + it.key();
    const bool envelope = path.empty() && (it.key() == "kind" || it.key() == "apiVersion");
    const Field* field = type.field(it.key());
    if (field == nullptr && !envelope && type.open) {
      ++it;
      continue;
    }
    if (field == nullptr && !envelope) {
      found.push_back(fmt::format("unknown field \"{}\"", here));
      it = value.erase(it);
      continue;
    }
    if (field != nullptr) {
      each_struct(field->type, it.value(), here,
                  [&](const StructType& t, Json& v, const std::string& p) { take_unknown(t, v, p, found); });
    }
    ++it;
  }
}

std::string_view json_name(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_number()) return "number";
  if (value.is_boolean()) return "bool";
  return value.is_array() ? "array" : "object";
}

std::string go_name(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kString:
      return "string";
    case Type::Kind::kInt32:
      return "int32";
    case Type::Kind::kInt64:
      return "int64";
    case Type::Kind::kBool:
      return "bool";
    case Type::Kind::kNumber:
      return "float64";
    case Type::Kind::kBytes:
      return "[]uint8";
    case Type::Kind::kTime:
    case Type::Kind::kMicroTime:
      return "v1.Time";
    case Type::Kind::kQuantity:
      return "resource.Quantity";
    case Type::Kind::kIntOrString:
      return "intstr.IntOrString";
    case Type::Kind::kStruct:
      return "v1." + type.of->name;
    case Type::Kind::kArray:
      return "[]" + go_name(*type.element);
    case Type::Kind::kMap:
      return "map[string]" + go_name(*type.element);
    case Type::Kind::kAny:
      break;
  }
  return "interface {}";
}

bool is_int(const Json& value, std::int64_t low, std::int64_t high) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high))
    return false;
  return value.get<std::int64_t>() >= low && value.get<std::int64_t>() <= high;
}

bool fits(const Type& type, const Json& value) {
  using K = Type::Kind;
  switch (type.kind) {
    case K::kString:
      return value.is_string();
    case K::kInt32:
      return is_int(value, std::numeric_limits<std::int32_t>::min(),
                    std::numeric_limits<std::int32_t>::max());
    case K::kInt64:
      return is_int(value, std::numeric_limits<std::int64_t>::min(),
                    std::numeric_limits<std::int64_t>::max());
    case K::kBool:
      return value.is_boolean();
    case K::kNumber:
      return value.is_number();
    case K::kBytes:
      return value.is_string();
    case K::kTime:
    case K::kMicroTime:
      return value.is_string() && (value.get_ref<const std::string&>().empty() ||
                                   parse_rfc3339(value.get_ref<const std::string&>()));
    case K::kQuantity:
      return value.is_string() || value.is_number();
    case K::kIntOrString:
      return value.is_string() || is_int(value, std::numeric_limits<std::int32_t>::min(),
                                         std::numeric_limits<std::int32_t>::max());
    case K::kStruct:
    case K::kMap:
      return value.is_object();
    case K::kArray:
      return value.is_array();
    case K::kAny:
      break;
  }
  return true;
}

Result<> check_type(const Type& type, const Json& value, const std::string& owner, const std::string& path);

Result<> check_struct(const StructType& type, const Json& value, const std::string& path) {
  for (const auto& [name, member] : value.items()) {
    if (const Field* field = type.field(name)) {
      TRY(check_type(field->type, member, type.name, path.empty() ? name : path + "." + name));
    }
  }
  return {};
}

Result<> check_type(const Type& type, const Json& value, const std::string& owner, const std::string& path) {
  if (value.is_null()) return {};
  if (type.kind == Type::Kind::kQuantity && value.is_string())
    TRY(Quantity::parse(value.get_ref<const std::string&>()));
  if (!fits(type, value)) {
    std::string what(json_name(value));
    if (value.is_number()) what += " " + to_text(value);
    return Error(Code::kInvalid,
                 fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}", what, owner,
                             path, go_name(type)));
  }
  if (type.kind == Type::Kind::kStruct) return check_struct(*type.of, value, path);
  if (type.kind == Type::Kind::kArray || type.kind == Type::Kind::kMap) {
    for (const Json& item : value) TRY(check_type(*type.element, item, owner, path));
  }
  return {};
}

}  // namespace

void apply_defaults(const StructType& type, Json& value) {
  for (const Field& field : type.fields) {
    auto it = value.find(field.name);
    if (it == value.end() || it->is_null()) {
      if (!field.fallback) continue;
      value[field.name] = *field.fallback;
      it = value.find(field.name);
    }
    if (field.type.kind == Type::Kind::kQuantity) canonicalize_quantity(*it);
    if (field.type.kind == Type::Kind::kMap && field.type.element->kind == Type::Kind::kQuantity &&
        it->is_object()) {
      for (Json& amount : *it) canonicalize_quantity(amount);
    }
    each_struct(field.type, *it, "",
                [](const StructType& t, Json& v, const std::string&) { apply_defaults(t, v); });
  }
}

std::vector<std::string> take_unknown_fields(const StructType& type, Json& value) {
  std::vector<std::string> found;
  if (value.is_object()) take_unknown(type, value, "", found);
  return found;
}

Result<> check_types(const Kind& kind, const Json& value) {
  if (!value.is_object())
    return Error(Code::kInvalid, fmt::format("json: cannot unmarshal {} into Go value of type v1.{}",
                                             json_name(value), kind.kind));
  if (kind.custom == nullptr) return check_struct(*kind.type, value, "");
  // The rest of a custom object is held to its own schema.
  const Json* meta = find(value, "metadata");
  if (meta == nullptr) return {};
  return check_type(kind.type->field("metadata")->type, *meta, kind.kind, "metadata");
}

void check_values(const StructType& type, const Json& value, const std::string& path,
                  std::vector<FieldCause>& causes) {
  for (const Field& field : type.fields) {
    const std::string here = path.empty() ? field.name : path + "." + field.name;
    const Json* member = find(value, field.name);
    const bool blank = member == nullptr || member->is_null() ||
                       (member->is_string() && member->get_ref<const std::string&>().empty()) ||
                       (member->is_array() && member->empty() && field.name != "endpoints");
    if (blank) {
      if (field.required && !field.fallback) causes.push_back({"FieldValueRequired", here, "Required value"});
      continue;
    }
    if (!field.allowed.empty() && member->is_string() &&
        std::find(field.allowed.begin(), field.allowed.end(), member->get_ref<const std::string&>()) ==
            field.allowed.end()) {
      std::vector<std::string> quoted;
      for (const auto& word : field.allowed) quoted.push_back("\"" + word + "\"");
      causes.push_back(
          {"FieldValueNotSupported", here,
           fmt::format("Unsupported value: {}: supported values: {}", to_text(*member), join(quoted, ", "))});
    }
    each_struct(field.type, *member, here, [&](const StructType& t, const Json& v, const std::string& p) {
      check_values(t, v, p, causes);
    });
  }
}

void drop_nulls(Json& value) {
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end();) {
      if (it->is_null()) {
        it = value.erase(it);
      } else {
        drop_nulls(*it);
        ++it;
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) drop_nulls(item);
  }
}

}  // namespace minik::api
