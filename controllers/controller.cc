#include "controllers/controller.h"

namespace minik::controllers {

using api::Write;

Write create(const std::string& resource, Json body) {
  const Json& meta = object_at(body, "metadata");
  api::Key key{resource, string_at(meta, "namespace"), string_at(meta, "name")};
  return {Write::Op::kPut, std::move(key), 0, std::move(body)};
}

Write put_status(const api::Object& object, Json status) {
  Json body = object.body();
  body["status"] = std::move(status);
  return {Write::Op::kPutStatus, object.key(), object.revision(), std::move(body)};
}

Write put(const api::Object& object, Json body) {
  return {Write::Op::kPut, object.key(), object.revision(), std::move(body)};
}
Write put_all(const api::Object& object, Json body) {
  return {Write::Op::kPutAll, object.key(), object.revision(), std::move(body)};
}
Write remove(const api::Object& object) { return {Write::Op::kDelete, object.key(), 0, Json()}; }

Json owner_reference(const api::Object& owner) {
  return {{"apiVersion", string_at(owner.body(), "apiVersion")},
          {"kind", string_at(owner.body(), "kind")},
          {"name", owner.name()},
          {"uid", owner.uid()},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

const api::OwnerRef* controller_of(const api::Object& object) {
  for (const auto& owner : object.meta().owners) {
    if (owner.controller) return &owner;
  }
  return nullptr;
}

void set_condition(Json& conditions, const std::string& type, bool status, const std::string& reason,
                   const std::string& message, WallTime now) {
  set_condition_word(conditions, type, status ? "True" : "False", reason, message, now);
}

void set_condition_word(Json& conditions, const std::string& type, const std::string& word,
                        const std::string& reason, const std::string& message, WallTime now) {
  if (!conditions.is_array()) conditions = Json::array();
  Json* entry = nullptr;
  for (Json& condition : conditions) {
    if (string_at(condition, "type") == type) entry = &condition;
  }
  if (entry == nullptr) {
    conditions.push_back({{"type", type}});
    entry = &conditions.back();
  }
  if (string_at(*entry, "status") != word) (*entry)["lastTransitionTime"] = rfc3339(now);
  (*entry)["status"] = word;
  const auto text = [&](const char* member, const std::string& value) {
    if (value.empty())
      entry->erase(member);
    else
      (*entry)[member] = value;
  };
  text("reason", reason);
  text("message", message);
}

}  // namespace minik::controllers
