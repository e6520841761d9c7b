// Label and field selectors of a request; which fields a kind can be selected by.
#include <fmt/format.h>

#include <algorithm>

#include "apiserver/handler.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

std::string field_value(const api::Object& object, const std::string& path) {
  if (path == "source") return string_at(object_at(object.body(), "source"), "component");
  const Json* at = &object.body();
  for (const auto& part : split(path, '.')) {
    at = find(*at, part);
    if (at == nullptr) return path == "spec.unschedulable" || path == "spec.hostNetwork" ? "false" : "";
  }
  return at->is_string() ? at->get<std::string>() : to_text(*at);
}

}  // namespace

Result<Filter> Filter::of(const Request& request, const api::Kind& kind) {
  Filter filter;
  filter.labels_ = TRY(api::LabelSelector::parse(request.param("labelSelector")));
  filter.fields_ = TRY(api::parse_field_selector(request.param("fieldSelector")));
  const auto& known = kind.fields;
  for (const auto& term : filter.fields_) {
    if (term.path == "metadata.name" && !term.negate) filter.name_ = term.value;
    if (term.path == "metadata.name" || term.path == "metadata.namespace") continue;
    if (std::find(known.begin(), known.end(), term.path) == known.end()) {
      return Error(Code::kInvalid,
                   known.empty() ? fmt::format(R"("{}" is not a known field selector: only "metadata.name", )"
                                               R"("metadata.namespace")",
                                               term.path)
                                 : fmt::format("field label not supported: {}", term.path));
    }
  }
  return filter;
}

bool Filter::matches(const api::Object& object) const {
  if (!labels_.empty() && !labels_.matches(object.meta().labels)) return false;
  return std::all_of(fields_.begin(), fields_.end(), [&](const api::FieldTerm& term) {
    return (field_value(object, term.path) == term.value) != term.negate;
  });
}

}  // namespace minik::apiserver
