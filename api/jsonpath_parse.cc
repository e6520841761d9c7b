#include "api/jsonpath_parse.h"

#include <fmt/format.h>

#include "base/text.h"

namespace minik::api {
namespace {

using Nodes = std::vector<std::shared_ptr<const JsonPathNode>>;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '/';
}

// Reads one action: what stands between { and }.
class ActionParser {
 public:
  explicit ActionParser(std::string_view text) : text_(text) {}

  Result<Steps> path(bool& from_root) {
    skip_blanks();
    if (peek() == '$' || peek() == '@') from_root = next() == '$';
    Steps steps;
    while (!done()) {
      const char c = peek();
      if (c == '.') {
        TRY(dot_step(steps));
      } else if (c == '[') {
        steps.push_back(TRY(bracket_step()));
      } else if (steps.empty() && is_name_char(c)) {
        steps.push_back(field(TRY(name())));
      } else {
        break;
      }
    }
    return steps;
  }

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  char next() { return text_[at_++]; }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n') ++at_;
  }
  std::string_view rest() const { return text_.substr(at_); }

  Result<std::string> quoted() {
    const char quote = next();
    std::string out;
    while (!done() && peek() != quote) {
      char c = next();
      if (c == '\\' && !done()) {
        c = next();
        if (c == 'n')
          c = '\n';
        else if (c == 't')
          c = '\t';
        else if (c == 'r')
          c = '\r';
      }
      out += c;
    }
    if (done()) return Error(Code::kInvalid, "unterminated quoted string");
    next();
    return out;
  }

 private:
  static JsonPathStep field(std::string name) {
    JsonPathStep step;
    step.name = std::move(name);
    return step;
  }
  static JsonPathStep of(JsonPathStep::Kind kind) {
    JsonPathStep step;
    step.kind = kind;
    return step;
  }

  // A name with \. for a dot.
  Result<std::string> name() {
    std::string out;
    while (!done() && (is_name_char(peek()) || peek() == '\\')) {
      if (peek() == '\\') next();
      if (!done()) out += next();
    }
    if (out.empty())
      return Error(Code::kInvalid,
                   fmt::format("unrecognized character in action: U+{:04X} '{}'", peek(), peek()));
    return out;
  }

  Result<> dot_step(Steps& steps) {
    next();
    if (peek() == '.') {
      next();
      steps.push_back(of(JsonPathStep::Kind::kRecursive));
      if (peek() == '[' || done()) return {};
    }
    if (peek() == '*') {
      next();
      steps.push_back(of(JsonPathStep::Kind::kWildcard));
      return {};
    }
    if (done() || peek() == '[' || peek() == ' ' || peek() == ')' || peek() == '=') return {};
    steps.push_back(field(TRY(name())));
    return {};
  }

  // The text up to the ] that closes the bracket, quotes and nested brackets respected.
  Result<std::string_view> bracket_body() {
    next();
    const std::size_t start = at_;
    int depth = 1;
    char quote = '\0';
    for (; !done(); ++at_) {
      const char c = peek();
      if (quote != '\0') {
        if (c == '\\')
          ++at_;
        else if (c == quote)
          quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '[') {
        ++depth;
      } else if (c == ']' && --depth == 0) {
        const auto body = text_.substr(start, at_ - start);
        next();
        return body;
      }
    }
    return Error(Code::kInvalid, "unterminated array");
  }

  Result<JsonPathStep> bracket_step() {
    const std::string_view body = trim(TRY(bracket_body()));
    if (body == "*") return of(JsonPathStep::Kind::kWildcard);
    if (body.starts_with("?(") && body.ends_with(")")) return filter(body.substr(2, body.size() - 3));
    if (body.find_first_of("'\"") != std::string_view::npos) return names(body);
    if (body.find(':') != std::string_view::npos) return slice(body);
    JsonPathStep step = of(JsonPathStep::Kind::kIndexes);
    for (const std::string& part : split(body, ',')) {
      const auto index = parse_int(trim(part));
      if (!index) return Error(Code::kInvalid, fmt::format("invalid array index {}", body));
      step.indexes.push_back(*index);
    }
    return step;
  }

  static Result<JsonPathStep> names(std::string_view body) {
    JsonPathStep step = of(JsonPathStep::Kind::kFields);
    ActionParser parser(body);
    while (true) {
      parser.skip_blanks();
      if (parser.peek() != '\'' && parser.peek() != '"')
        return Error(Code::kInvalid, fmt::format("invalid array index {}", body));
      step.names.push_back(TRY(parser.quoted()));
      parser.skip_blanks();
      if (parser.done()) return step;
      if (parser.next() != ',') return Error(Code::kInvalid, fmt::format("invalid array index {}", body));
    }
  }

  static Result<JsonPathStep> slice(std::string_view body) {
    JsonPathStep step = of(JsonPathStep::Kind::kSlice);
    std::optional<std::int64_t>* const parts[] = {&step.begin, &step.end, &step.stride};
    const auto texts = split(body, ':');
    if (texts.size() > 3) return Error(Code::kInvalid, fmt::format("invalid array index {}", body));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string_view text = trim(texts[i]);
      if (text.empty()) continue;
      *parts[i] = parse_int(text);
      if (!*parts[i]) return Error(Code::kInvalid, fmt::format("invalid array index {}", body));
    }
    return step;
  }

  static Result<JsonPathStep> filter(std::string_view body) {
    JsonPathStep step = of(JsonPathStep::Kind::kFilter);
    ActionParser parser(body);
    step.operands.push_back(TRY(parser.operand()));
    parser.skip_blanks();
    if (parser.done()) return step;
    for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!parser.rest().starts_with(op)) continue;
      step.op = op;
      parser.at_ += op.size();
      step.operands.push_back(TRY(parser.operand()));
      parser.skip_blanks();
      if (parser.done()) return step;
    }
    return Error(Code::kInvalid, fmt::format("unrecognized character in action: ?({})", body));
  }

  Result<Operand> operand() {
    skip_blanks();
    Operand side;
    if (peek() == '"' || peek() == '\'') {
      side.value = Json(TRY(quoted()));
    } else if (peek() == '@' || peek() == '$') {
      side.steps = TRY(path(side.from_root));
    } else {
      std::string word;
      while (!done() && (is_name_char(peek()) || peek() == '.' || peek() == '+')) word += next();
      const auto value = parse_json(word);
      if (!value.ok()) return Error(Code::kInvalid, fmt::format("cannot parse {} in filter", text_));
      side.value = *value;
    }
    return side;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The } that closes the action which starts at `from`; npos when there is none.
std::size_t end_of_action(std::string_view text, std::size_t from) {
  char quote = '\0';
  for (std::size_t i = from; i < text.size(); ++i) {
    if (quote != '\0') {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == quote)
        quote = '\0';
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '}') {
      return i;
    }
  }
  return std::string_view::npos;
}

std::shared_ptr<JsonPathNode> text_node(std::string text) {
  auto node = std::make_shared<JsonPathNode>();
  node->text = std::move(text);
  return node;
}

// {"\n"}, {.a.b} and mixtures: {.a}{"\t"} may also be written {.a "\t"}.
Result<> parse_action(std::string_view action, Nodes& into) {
  ActionParser parser(action);
  parser.skip_blanks();
  while (!parser.done()) {
    if (parser.peek() == '"' || parser.peek() == '\'') {
      into.push_back(text_node(TRY(parser.quoted())));
    } else {
      auto node = std::make_shared<JsonPathNode>();
      node->kind = JsonPathNode::Kind::kPath;
      const auto before = parser.rest().size();
      node->steps = TRY(parser.path(node->from_root));
      if (parser.rest().size() == before) {
        return Error(Code::kInvalid, fmt::format("unrecognized character in action: U+{:04X} '{}'",
                                                 parser.peek(), parser.peek()));
      }
      into.push_back(std::move(node));
    }
    parser.skip_blanks();
  }
  return {};
}

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {}

  // Until the end of the text, or the {end} of a range.
  Result<Nodes> nodes(bool in_range) {
    Nodes out;
    while (at_ < text_.size()) {
      const auto open = text_.find('{', at_);
      if (open != at_)
        out.push_back(
            text_node(std::string(text_.substr(at_, open == std::string_view::npos ? open : open - at_))));
      if (open == std::string_view::npos) {
        at_ = text_.size();
        break;
      }
      const auto close = end_of_action(text_, open + 1);
      if (close == std::string_view::npos) return Error(Code::kInvalid, "unclosed action");
      const std::string_view action = trim(text_.substr(open + 1, close - open - 1));
      at_ = close + 1;
      if (action == "end") {
        if (!in_range) return Error(Code::kInvalid, "not in range, nothing to end");
        return out;
      }
      if (action.starts_with("range") && (action.size() == 5 || action[5] == ' ' || action[5] == '.')) {
        out.push_back(TRY(range(action.substr(5))));
      } else {
        TRY(parse_action(action, out));
      }
    }
    if (in_range) return Error(Code::kInvalid, "unclosed range, expecting end");
    return out;
  }

 private:
  Result<std::shared_ptr<const JsonPathNode>> range(std::string_view path) {
    auto node = std::make_shared<JsonPathNode>();
    node->kind = JsonPathNode::Kind::kRange;
    ActionParser parser(path);
    node->steps = TRY(parser.path(node->from_root));
    node->body = TRY(nodes(true));
    return std::shared_ptr<const JsonPathNode>(std::move(node));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Nodes> parse_template(std::string_view text) { return TemplateParser(text).nodes(false); }

}  // namespace minik::api
