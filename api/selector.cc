#include "api/selector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace minik::api {
namespace {

// Splits at commas outside parentheses.
std::vector<std::string_view> terms_of(std::string_view text) {
  std::vector<std::string_view> terms;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      terms.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  return terms;
}

Error unable_to_parse(std::string_view text, std::string_view why) {
  return Error(Code::kInvalid, fmt::format("unable to parse requirement: {}: '{}'", why, text));
}

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

bool is_qualified_name(std::string_view key) {
  if (const auto slash = key.find('/'); slash != std::string_view::npos) {
    if (!dns1123_subdomain_error(key.substr(0, slash)).empty()) return false;
    key.remove_prefix(slash + 1);
  }
  if (key.empty() || key.size() > 63) return false;
  if (!std::all_of(key.begin(), key.end(), is_name_char)) return false;
  return std::isalnum(static_cast<unsigned char>(key.front())) != 0 &&
         std::isalnum(static_cast<unsigned char>(key.back())) != 0;
}

bool is_label_value(std::string_view value) {
  return value.empty() || (value.find('/') == std::string_view::npos && is_qualified_name(value));
}

Result<Requirement> checked(Requirement r, std::string_view term) {
  if (!is_qualified_name(r.key)) return unable_to_parse(term, "key is not a qualified name");
  for (const auto& value : r.values) {
    if (!is_label_value(value)) return unable_to_parse(term, "a value is not a valid label value");
  }
  std::sort(r.values.begin(), r.values.end());
  return r;
}

Result<Requirement> parse_in(std::string_view term, std::string_view key, std::string_view rest,
                             Requirement::Op op) {
  rest = trim(rest);
  if (rest.size() < 2 || rest.front() != '(' || rest.back() != ')') {
    return unable_to_parse(term, "values must stand in parentheses");
  }
  Requirement r{std::string(key), op, {}};
  for (const auto& value : split(rest.substr(1, rest.size() - 2), ',')) r.values.emplace_back(trim(value));
  return checked(std::move(r), term);
}

Result<Requirement> parse_term(std::string_view term) {
  if (term.starts_with("!")) {
    return checked({std::string(trim(term.substr(1))), Requirement::Op::kNotExists, {}}, term);
  }
  if (const auto words = split_words(term); words.size() >= 2) {
    const auto after = [&](std::string_view word) {
      return term.substr(term.find(word, words[0].size()) + word.size());
    };
    if (words[1].starts_with("notin"))
      return parse_in(term, words[0], after("notin"), Requirement::Op::kNotIn);
    if (words[1].starts_with("in")) return parse_in(term, words[0], after("in"), Requirement::Op::kIn);
  }
  const auto one = [&](std::size_t at, std::size_t width, Requirement::Op op) {
    return checked({std::string(trim(term.substr(0, at))), op, {std::string(trim(term.substr(at + width)))}},
                   term);
  };
  if (const auto at = term.find("!="); at != std::string_view::npos)
    return one(at, 2, Requirement::Op::kNotIn);
  if (const auto at = term.find("=="); at != std::string_view::npos) return one(at, 2, Requirement::Op::kIn);
  if (const auto at = term.find('='); at != std::string_view::npos) return one(at, 1, Requirement::Op::kIn);
  return checked({std::string(term), Requirement::Op::kExists, {}}, term);
}

std::string text_of(const Requirement& r) {
  switch (r.op) {
    case Requirement::Op::kExists:
      return r.key;
    case Requirement::Op::kNotExists:
      return "!" + r.key;
    case Requirement::Op::kIn:
      if (r.values.size() == 1) return r.key + "=" + r.values[0];
      return r.key + " in (" + join(r.values, ",") + ")";
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
    case Op::kNotIn:
      break;
  }
  return !there || !std::binary_search(values.begin(), values.end(), it->second);
}

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  if (trim(text).empty()) return selector;
  for (const auto term : terms_of(text)) {
    if (term.empty()) return unable_to_parse(text, "found ',', expected: identifier");
    selector.requirements_.push_back(TRY(parse_term(term)));
  }
  std::sort(selector.requirements_.begin(), selector.requirements_.end());
  return selector;
}

LabelSelector LabelSelector::from_labels(const Labels& labels) {
  LabelSelector selector;
  for (const auto& [key, value] : labels)
    selector.requirements_.push_back({key, Requirement::Op::kIn, {value}});
  return selector;
}

Result<LabelSelector> LabelSelector::from_json(const Json& json) {
  LabelSelector selector;
  for (const auto& [key, value] : object_at(json, "matchLabels").items()) {
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
