// Label and field selectors of a request; which fields a kind can be selected by.
#include <fmt/format.h>

#include <optional>

#include "apiserver/handler.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

std::string field_value(const api::Object& object, const std::string& path, const std::string& absent) {
  const Json* at = &object.body();
  for (const auto& part : split(path, '.')) {
    at = find(*at, part);
    if (at == nullptr) return absent;
  }
  return at->is_string() ? at->get<std::string>() : to_text(*at);
}

// What an absent field counts as: the zero of its type.
std::string zero_at(const api::StructType* type, const std::string& path) {
  for (const auto& part : split(path, '.')) {
    const api::Field* field = type == nullptr ? nullptr : type->field(part);
    if (field == nullptr) return "";
    if (field->type.kind == api::Type::Kind::kBool) return "false";
    if (field->type.kind == api::Type::Kind::kInt32 || field->type.kind == api::Type::Kind::kInt64)
      return "0";
    type = field->type.of;
  }
  return "";
}

// The path behind a label, if objects of the kind can be selected by it.
std::optional<std::string> path_of(const api::Kind& kind, const std::string& label) {
  if (label == "metadata.name" || label == "metadata.namespace") return label;
  for (const std::string& known : kind.fields) {
    const auto equals = known.find('=');
    if (known.substr(0, equals) == label)
      return equals == std::string::npos ? known : known.substr(equals + 1);
  }
  return std::nullopt;
}

Error unknown_label(const api::Kind& kind, const std::string& label) {
  constexpr const char* kPlain =
      R"("{}" is not a known field selector: only "metadata.name", "metadata.namespace")";
  return Error(Code::kInvalid, kind.fields.empty() ? fmt::format(kPlain, label)
                                                   : fmt::format("field label not supported: {}", label));
}

}  // namespace

Result<Filter> Filter::of(const Request& request, const api::Kind& kind) {
  Filter filter;
  filter.labels_ = TRY(api::LabelSelector::parse(request.param("labelSelector")));
  for (api::FieldTerm& term : TRY(api::parse_field_selector(request.param("fieldSelector")))) {
    const auto path = path_of(kind, term.path);
    if (!path) return unknown_label(kind, term.path);
    if (term.path == "metadata.name" && !term.negate) filter.name_ = term.value;
    term.path = *path;
    filter.absent_.push_back(zero_at(kind.stored_kind().type, *path));
    filter.fields_.push_back(std::move(term));
  }
  return filter;
}

bool Filter::matches(const api::Object& object) const {
  if (!labels_.empty() && !labels_.matches(object.meta().labels)) return false;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const bool equal = field_value(object, fields_[i].path, absent_[i]) == fields_[i].value;
    if (equal == fields_[i].negate) return false;
  }
  return true;
}

}  // namespace minik::apiserver
