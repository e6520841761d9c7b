#include "api/structural.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "api/go_value.h"
#include "base/clock.h"
#include "base/text.h"

namespace minik::api {
namespace {

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

// Compiled once per validation: a list of many short texts costs one compilation.
class Patterns {
 public:
  // What is no pattern matches everything.
  bool matches(const std::string& pattern, const std::string& text) {
    auto& regex = compiled_[pattern];
    if (regex == nullptr) regex = std::make_unique<RE2>(pattern, quiet());
    return !regex->ok() || RE2::PartialMatch(text, *regex);
  }

 private:
  std::map<std::string, std::unique_ptr<RE2>> compiled_;
};

bool is_integral(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return std::isfinite(number) && std::trunc(number) == number;
}

std::string number_text(const Json& value) {
  return value.is_number_float() ? fmt::format("{}", value.get<double>()) : to_text(value);
}

std::string type_name(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_number()) return is_integral(value) ? "integer" : "number";
  return value.is_array() ? "array" : "object";
}

bool is_type(const std::string& type, const Json& value) {
  const std::string is = type_name(value);
  return is == type || (type == "number" && is == "integer");
}

bool is_address(int family, const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(family, text.c_str(), bytes) == 1;
}

bool is_cidr(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return false;
  const std::string address = text.substr(0, slash);
  const auto bits = parse_int(text.substr(slash + 1));
  if (!bits || *bits < 0) return false;
  return (is_address(AF_INET, address) && *bits <= 32) || (is_address(AF_INET6, address) && *bits <= 128);
}

// Formats that nobody knows hold for every text.
bool has_format(const std::string& format, const std::string& text, Patterns& patterns) {
  if (format == "date-time" || format == "datetime") return parse_rfc3339(text).has_value();
  if (format == "ipv4") return is_address(AF_INET, text);
  if (format == "ipv6") return is_address(AF_INET6, text);
  if (format == "cidr") return is_cidr(text);
  static const std::map<std::string, std::string> kPatterns = {
      {"date", R"(^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$)"},
      {"uuid", "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"},
      {"mac", "(?i)^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$"},
      {"byte", "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"},
      {"hostname",
       R"(^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*$)"},
      {"email", R"(^[^@\s]+@[^@\s]+$)"}};
  const auto it = kPatterns.find(format);
  return it == kPatterns.end() || patterns.matches(it->second, text);
}

std::size_t characters_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & '\xC0') != '\x80'; }));
}

std::optional<std::size_t> limit_of(const Json& schema, const char* name) {
  const Json* limit = find(schema, name);
  if (limit == nullptr || !is_integral(*limit) || limit->get<double>() < 0 || limit->get<double>() > 1e15)
    return std::nullopt;
  return limit->get<std::size_t>();
}

class Validator {
 public:
  Validator(Causes& causes, Patterns& patterns) : causes_(causes), patterns_(patterns) {}

  void check(const Json& schema, const Json& value, const std::string& path) {
    if (!schema.is_object() || !type_fits(schema, value, path) || value.is_null()) return;
    if (const Json& allowed = array_at(schema, "enum"); !allowed.empty()) check_enum(allowed, value, path);
    if (value.is_string()) check_string(schema, value, path);
    if (value.is_number()) check_number(schema, value, path);
    if (value.is_array()) check_array(schema, value, path);
    if (value.is_object()) check_object(schema, value, path);
    check_junctors(schema, value, path);
  }

 private:
  void wrong_type(const std::string& path, const std::string& wanted, const Json& is) {
    causes_.push_back(
        {"FieldValueTypeInvalid", path,
         fmt::format("Invalid value: {0}: {1} in body must be of type {2}: {0}", to_text(is), path, wanted)});
  }

  void wrong(const std::string& path, const Json& value, const std::string& detail) {
    cause_invalid(causes_, path, value, fmt::format("{} in body {}", path, detail));
  }

  bool type_fits(const Json& schema, const Json& value, const std::string& path) {
    if (value.is_null() && bool_at(schema, "nullable")) return true;
    if (bool_at(schema, "x-kubernetes-int-or-string")) {
      if (value.is_string() || is_integral(value)) return true;
      wrong_type(path, "integer,string", type_name(value));
      return false;
    }
    const std::string type = string_at(schema, "type");
    if (type.empty() || is_type(type, value)) return true;
    wrong_type(path, type, type_name(value));
    return false;
  }

  void check_enum(const Json& allowed, const Json& value, const std::string& path) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
    std::vector<std::string> words;
    for (const Json& one : allowed) words.push_back(one.is_string() ? to_text(one) : go_quote(to_text(one)));
    causes_.push_back(
        {"FieldValueNotSupported", path,
         fmt::format("Unsupported value: {}: supported values: {}", to_text(value), join(words, ", "))});
  }

  void check_string(const Json& schema, const Json& value, const std::string& path) {
    const auto& text = value.get_ref<const std::string&>();
    const std::size_t length = characters_of(text);
    if (const auto most = limit_of(schema, "maxLength"); most && length > *most)
      causes_.push_back(
          {"FieldValueTooLong", path, fmt::format("Too long: may not be more than {} bytes", *most)});
    if (const auto least = limit_of(schema, "minLength"); least && length < *least)
      wrong(path, value, fmt::format("should be at least {} chars long", *least));
    const std::string pattern = string_at(schema, "pattern"), format = string_at(schema, "format");
    if (!pattern.empty() && !patterns_.matches(pattern, text))
      wrong(path, value, fmt::format("should match '{}'", pattern));
    if (!format.empty() && !has_format(format, text, patterns_)) wrong_type(path, format, value);
  }

  void check_number(const Json& schema, const Json& value, const std::string& path) {
    const Json* most = find(schema, "maximum");
    const Json* least = find(schema, "minimum");
    const Json* unit = find(schema, "multipleOf");
    if (most != nullptr && most->is_number()) {
      const bool open = bool_at(schema, "exclusiveMaximum");
      if (value > *most || (open && value == *most))
        wrong(path, value,
              (open ? "should be less than " : "should be less than or equal to ") + number_text(*most));
    }
    if (least != nullptr && least->is_number()) {
      const bool open = bool_at(schema, "exclusiveMinimum");
      if (value < *least || (open && value == *least))
        wrong(
            path, value,
            (open ? "should be greater than " : "should be greater than or equal to ") + number_text(*least));
    }
    if (unit != nullptr && unit->is_number() && unit->get<double>() > 0) {
      const double times = value.get<double>() / unit->get<double>();
      if (std::abs(times - std::round(times)) > 1e-9)
        wrong(path, value, "should be a multiple of " + number_text(*unit));
    }
  }

  void too_many(const std::string& path, std::size_t is, std::size_t most) {
    causes_.push_back(
        {"FieldValueTooMany", path, fmt::format("Too many: {}: must have at most {} items", is, most)});
  }

  void check_array(const Json& schema, const Json& value, const std::string& path) {
    if (const auto most = limit_of(schema, "maxItems"); most && value.size() > *most)
      too_many(path, value.size(), *most);
    if (const auto least = limit_of(schema, "minItems"); least && value.size() < *least)
      wrong(path, value.size(), fmt::format("should have at least {} items", *least));
    check_list_type(schema, value, path);
    const Json* items = find(schema, "items");
    for (std::size_t i = 0; items != nullptr && i < value.size(); ++i)
      check(*items, value[i], fmt::format("{}[{}]", path, i));
  }

  // Sets hold nothing twice, lists of type map no key twice.
  void check_list_type(const Json& schema, const Json& value, const std::string& path) {
    const std::string type = string_at(schema, "x-kubernetes-list-type");
    const bool is_map = type == "map";
    if (!is_map && type != "set" && !bool_at(schema, "uniqueItems")) return;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      Json key = value[i];
      if (is_map) {
        key = Json::object();
        for (const Json& name : array_at(schema, "x-kubernetes-list-map-keys")) {
          if (!name.is_string()) continue;
          if (const Json* part = find(value[i], name.get<std::string>()))
            key[name.get<std::string>()] = *part;
        }
      }
      if (!seen.insert(to_text(key)).second) cause_duplicate(causes_, fmt::format("{}[{}]", path, i), key);
    }
  }

  void check_object(const Json& schema, const Json& value, const std::string& path) {
    const auto below = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    if (const auto most = limit_of(schema, "maxProperties"); most && value.size() > *most)
      too_many(path, value.size(), *most);
    if (const auto least = limit_of(schema, "minProperties"); least && value.size() < *least)
      wrong(path, value.size(), fmt::format("should have at least {} properties", *least));
    for (const Json& name : array_at(schema, "required")) {
      if (name.is_string() && !value.contains(name.get<std::string>()))
        cause_required(causes_, below(name.get<std::string>()));
    }
    const Json& properties = object_at(schema, "properties");
    const Json* others = find(schema, "additionalProperties");
    for (const auto& [name, member] : value.items()) {
      if (const Json* property = find(properties, name))
        check(*property, member, below(name));
      else if (others != nullptr)
        check(*others, member, below(name));
    }
  }

  std::size_t count_valid(const Json& schemas, const Json& value, const std::string& path) {
    std::size_t valid = 0;
    for (const Json& schema : schemas) {
      Causes found;
      Validator(found, patterns_).check(schema, value, path);
      valid += found.empty() ? 1 : 0;
    }
    return valid;
  }

  void check_junctors(const Json& schema, const Json& value, const std::string& path) {
    for (const Json& one : array_at(schema, "allOf")) check(one, value, path);
    const std::string here = go_quote(path);
    if (const Json& any = array_at(schema, "anyOf"); !any.empty() && count_valid(any, value, path) == 0)
      cause_invalid(causes_, path, "", here + " must validate at least one schema (anyOf)");
    if (const Json& one = array_at(schema, "oneOf"); !one.empty()) {
      const std::size_t valid = count_valid(one, value, path);
      if (valid != 1)
        cause_invalid(
            causes_, path, "",
            fmt::format("{} must validate one and only one schema (oneOf). {}", here,
                        valid == 0 ? "Found none valid" : fmt::format("Found {} valid alternatives", valid)));
    }
    if (const Json* no = find(schema, "not");
        no != nullptr && count_valid(Json::array({*no}), value, path) > 0)
      cause_invalid(causes_, path, "", here + " must not validate the schema (not)");
  }

  Causes& causes_;
  Patterns& patterns_;
};

}  // namespace

void validate_by_schema(const Json& schema, const Json& value, const std::string& path, Causes& causes) {
  Patterns patterns;
  Validator(causes, patterns).check(schema, value, path);
}

std::string pattern_error(const std::string& pattern) {
  const RE2 regex(pattern, quiet());
  return regex.ok() ? "" : regex.error();
}

}  // namespace minik::api
