#include "api/jsonpath.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/go_value.h"
#include "api/jsonpath_parse.h"

namespace minik::api {
namespace {

using Values = std::vector<const Json*>;

class Evaluator {
 public:
  explicit Evaluator(const Json& root) : root_(root) {}

  Result<Values> walk(const Steps& steps, Values values) const {
    for (const JsonPathStep& step : steps) {
      Values found;
      for (const Json* value : values) TRY(take(step, *value, found));
      values = std::move(found);
    }
    return values;
  }

  Result<> print(const std::vector<std::shared_ptr<const JsonPathNode>>& nodes, const Json& current,
                 std::string& out) const {
    for (const auto& node : nodes) {
      if (node->kind == JsonPathNode::Kind::kText) {
        out += node->text;
        continue;
      }
      const Values values = TRY(walk(node->steps, {node->from_root ? &root_ : &current}));
      if (node->kind == JsonPathNode::Kind::kRange) {
        for (const Json* value : values) TRY(print(node->body, *value, out));
        continue;
      }
      for (std::size_t i = 0; i < values.size(); ++i) out += (i > 0 ? " " : "") + value_text(*values[i]);
    }
    return {};
  }

 private:
  static std::string value_text(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_null()) return "";
    return go_json(value);
  }

  Result<> take(const JsonPathStep& step, const Json& value, Values& found) const {
    using K = JsonPathStep::Kind;
    switch (step.kind) {
      case K::kField:
        if (const Json* member = find(value, step.name)) found.push_back(member);
        return {};
      case K::kFields:
        for (const std::string& name : step.names) {
          if (const Json* member = find(value, name)) found.push_back(member);
        }
        return {};
      case K::kWildcard:
        if (value.is_structured()) {
          for (const Json& item : value) found.push_back(&item);
        }
        return {};
      case K::kRecursive:
        collect(value, found);
        return {};
      case K::kIndexes:
        return take_indexes(step, value, found);
      case K::kSlice:
        return take_slice(step, value, found);
      case K::kFilter:
        return take_filtered(step, value, found);
    }
    return {};
  }

  static void collect(const Json& value, Values& found) {
    found.push_back(&value);
    if (!value.is_structured()) return;
    for (const Json& item : value) collect(item, found);
  }

  static Error not_a_list(const Json& value) {
    return Error(Code::kInvalid, fmt::format("{} is not array or slice", go_value(value)));
  }

  static Result<> take_indexes(const JsonPathStep& step, const Json& value, Values& found) {
    if (value.is_null()) return {};
    if (!value.is_array()) return not_a_list(value);
    const auto size = static_cast<std::int64_t>(value.size());
    for (const std::int64_t wanted : step.indexes) {
      const std::int64_t index = wanted < 0 ? wanted + size : wanted;
      if (index < 0 || index >= size) {
        return Error(Code::kInvalid,
                     fmt::format("array index out of bounds: index {}, length {}", wanted, size));
      }
      found.push_back(&value[static_cast<std::size_t>(index)]);
    }
    return {};
  }

  static Result<> take_slice(const JsonPathStep& step, const Json& value, Values& found) {
    if (value.is_null()) return {};
    if (!value.is_array()) return not_a_list(value);
    const auto size = static_cast<std::int64_t>(value.size());
    const auto bound = [&](std::int64_t n) {
      return std::clamp<std::int64_t>(n < 0 ? n + size : n, 0, size);
    };
    const std::int64_t stride = step.stride.value_or(1);
    if (stride < 1) return Error(Code::kInvalid, "step must be > 0");
    for (std::int64_t i = bound(step.begin.value_or(0)); i < bound(step.end.value_or(size)); i += stride) {
      found.push_back(&value[static_cast<std::size_t>(i)]);
    }
    return {};
  }

  Result<> take_filtered(const JsonPathStep& step, const Json& value, Values& found) const {
    if (!value.is_structured()) return {};
    for (const Json& item : value) {
      const Values left = TRY(operand(step.operands[0], item));
      if (left.empty()) continue;
      if (step.op.empty()) {
        found.push_back(&item);
        continue;
      }
      const Values right = TRY(operand(step.operands[1], item));
      if (!right.empty() && compare(*left.front(), *right.front(), step.op)) found.push_back(&item);
    }
    return {};
  }

  Result<Values> operand(const Operand& side, const Json& item) const {
    if (side.value) return Values{&*side.value};
    return walk(side.steps, {side.from_root ? &root_ : &item});
  }

  static bool compare(const Json& a, const Json& b, const std::string& op) {
    if (op == "==") return a == b;
    if (op == "!=") return a != b;
    const bool comparable = (a.is_number() && b.is_number()) || (a.is_string() && b.is_string());
    if (!comparable) return false;
    if (op == "<") return a < b;
    if (op == "<=") return a <= b;
    if (op == ">") return a > b;
    return a >= b;
  }

  const Json& root_;
};

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  JsonPath path;
  path.nodes_ = TRY(parse_template(text));
  return path;
}

Result<std::string> JsonPath::print(const Json& value) const {
  std::string out;
  TRY(Evaluator(value).print(nodes_, value, out));
  return out;
}

Result<std::vector<Json>> JsonPath::find_values(const Json& value) const {
  std::vector<Json> out;
  for (const auto& node : nodes_) {
    if (node->kind != JsonPathNode::Kind::kPath) continue;
    const Values found = TRY(Evaluator(value).walk(node->steps, {&value}));
    for (const Json* one : found) out.push_back(*one);
    return out;
  }
  return out;
}

}  // namespace minik::api
