// ConfigMap and Secret.
#include <algorithm>

#include "api/rules.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::api {
namespace {

constexpr std::size_t kDataBytesMax = 1024 * 1024;

void check_keys(Causes& causes, const Json& object, const char* member, std::size_t& bytes) {
  for (const auto& [key, value] : object_at(object, member).items()) {
    const bool good =
        !key.empty() && key.size() <= 253 && key != "." && !key.starts_with("..") &&
        std::all_of(key.begin(), key.end(), [](char c) {
          return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
        });
    if (!good) {
      cause_invalid(causes, std::string(member) + "[" + key + "]", key,
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
                    "'key.name',  or 'KEY_NAME',  or "
                    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')");
    }
    if (value.is_string()) bytes += value.get_ref<const std::string&>().size();
  }
}

void check_base64(Causes& causes, const Json& object, const char* member) {
  for (const auto& [key, value] : object_at(object, member).items()) {
    if (value.is_string() && !base64_decode(value.get<std::string>()).ok()) {
      cause_invalid(causes, std::string(member) + "[" + key + "]", value, "illegal base64 data");
    }
  }
}

void check_size(Causes& causes, std::size_t bytes) {
  if (bytes > kDataBytesMax)
    causes.push_back({"FieldValueTooLong", "", "Too long: may not be more than 1048576 bytes"});
}

}  // namespace

void default_secret(Json& secret) {
  const Json text = object_at(secret, "stringData");
  for (const auto& [key, value] : text.items()) {
    if (value.is_string()) secret["data"][key] = base64(value.get_ref<const std::string&>());
  }
  secret.erase("stringData");
}

void validate_config_map(Causes& causes, const Json& map) {
  std::size_t bytes = 0;
  check_keys(causes, map, "data", bytes);
  check_keys(causes, map, "binaryData", bytes);
  check_base64(causes, map, "binaryData");
  for (const auto& [key, value] : object_at(map, "data").items()) {
    if (object_at(map, "binaryData").contains(key))
      cause_invalid(causes, "data[" + key + "]", key, "duplicate of key present in binaryData");
  }
  check_size(causes, bytes);
}

void validate_secret(Causes& causes, const Json& secret) {
  std::size_t bytes = 0;
  check_keys(causes, secret, "data", bytes);
  check_base64(causes, secret, "data");
  check_size(causes, bytes);
  if (string_at(secret, "type") == "kubernetes.io/tls") {
    for (const char* key : {"tls.crt", "tls.key"}) {
      if (!object_at(secret, "data").contains(key)) cause_required(causes, std::string("data[") + key + "]");
    }
  }
}

void validate_data_update(Causes& causes, const Json& object, const Json& old) {
  if (!bool_at(old, "immutable")) return;
  if (!bool_at(object, "immutable"))
    cause_forbidden(causes, "immutable", "field is immutable when `immutable` is set");
  for (const char* member : {"data", "binaryData"}) {
    if (object_at(object, member) != object_at(old, member))
      cause_forbidden(causes, member, "field is immutable when `immutable` is set");
  }
}

}  // namespace minik::api
