#include "api/selector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace minik::api {
namespace {

std::string text_of(const Requirement& r) {
  switch (r.op) {
    case Requirement::Op::kExists:
      return r.key;
    case Requirement::Op::kNotExists:
      return "!" + r.key;
    case Requirement::Op::kIn:
      if (r.values.size() == 1) return r.key + "=" + r.values[0];
      return r.key + " in (" + join(r.values, ",") + ")";
    case Requirement::Op::kGreater:
      return r.key + ">" + r.values[0];
    case Requirement::Op::kLess:
      return r.key + "<" + r.values[0];
    case Requirement::Op::kNotIn:
      break;
  }
  if (r.values.size() == 1) return r.key + "!=" + r.values[0];
  return r.key + " notin (" + join(r.values, ",") + ")";
}

}  // namespace

bool Requirement::matches(const Labels& labels) const {
  const auto it = labels.find(key);
  const bool there = it != labels.end();
  switch (op) {
    case Op::kExists:
      return there;
    case Op::kNotExists:
      return !there;
    case Op::kIn:
      return there && std::binary_search(values.begin(), values.end(), it->second);
    case Op::kGreater:
    case Op::kLess: {
      if (!there) return false;
      const auto have = parse_int(it->second);
      const auto limit = parse_int(values[0]);
      if (!have || !limit) return false;
      return op == Op::kGreater ? *have > *limit : *have < *limit;
    }
    case Op::kNotIn:
      break;
  }
  return !there || !std::binary_search(values.begin(), values.end(), it->second);
}

LabelSelector LabelSelector::from_labels(const Labels& labels) {
  LabelSelector selector;
  for (const auto& [key, value] : labels)
    selector.requirements_.push_back({key, Requirement::Op::kIn, {value}});
  return selector;
}

Result<LabelSelector> LabelSelector::from_json(const Json& json) {
  LabelSelector selector;
  const bool plain = !json.contains("matchLabels") && !json.contains("matchExpressions");
  for (const auto& [key, value] : (plain ? json : object_at(json, "matchLabels")).items()) {
    if (value.is_string())
      selector.requirements_.push_back({key, Requirement::Op::kIn, {value.get<std::string>()}});
  }
  for (const Json& expression : array_at(json, "matchExpressions")) {
    Requirement r{string_at(expression, "key"), Requirement::Op::kExists, {}};
    for (const Json& value : array_at(expression, "values")) {
      if (value.is_string()) r.values.push_back(value.get<std::string>());
    }
    std::sort(r.values.begin(), r.values.end());
    const std::string op = string_at(expression, "operator");
    if (op == "In")
      r.op = Requirement::Op::kIn;
    else if (op == "NotIn")
      r.op = Requirement::Op::kNotIn;
    else if (op == "Exists")
      r.op = Requirement::Op::kExists;
    else if (op == "DoesNotExist")
      r.op = Requirement::Op::kNotExists;
    else
      return Error(Code::kInvalid, fmt::format("\"{}\" is not a valid label selector operator", op));
    selector.requirements_.push_back(std::move(r));
  }
  std::sort(selector.requirements_.begin(), selector.requirements_.end());
  return selector;
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& r) { return r.matches(labels); });
}

std::string LabelSelector::text() const {
  std::vector<std::string> parts;
  for (const auto& r : requirements_) parts.push_back(text_of(r));
  return join(parts, ",");
}

Result<std::vector<FieldTerm>> parse_field_selector(std::string_view text) {
  std::vector<FieldTerm> terms;
  std::vector<std::string> raw(1);
  for (std::size_t i = 0; i < text.size(); ++i) {  // A backslash keeps the next ',', '=' or '\'.
    if (text[i] == '\\' && i + 1 < text.size()) {
      raw.back() += text[i];
      raw.back() += text[++i];
    } else if (text[i] == ',') {
      raw.emplace_back();
    } else {
      raw.back() += text[i];
    }
  }
  for (const auto& term : raw) {
    if (term.empty()) continue;
    const auto at = term.find('=');
    if (at == std::string::npos || at == 0) {
      return Error(Code::kInvalid, fmt::format("invalid selector: '{}'; can't understand '{}'", text, term));
    }
    const bool negate = term[at - 1] == '!';
    const bool twice = at + 1 < term.size() && term[at + 1] == '=';
    std::string value;
    for (std::size_t i = at + (twice ? 2 : 1); i < term.size(); ++i) {
      if (term[i] == '\\' && i + 1 < term.size()) ++i;
      value += term[i];
    }
    terms.push_back({term.substr(0, negate ? at - 1 : at), std::move(value), negate});
  }
  return terms;
}

}  // namespace minik::api
