// Label selectors as text: the grammar of the reference, with its words for what does not fit.
#include <fmt/format.h>

#include <algorithm>

#include "api/rules.h"
#include "api/selector.h"
#include "base/text.h"

namespace minik::api {
namespace {

struct Token {
  enum class Kind : unsigned char { kEnd, kWord, kSymbol, kBad } kind = Kind::kEnd;
  std::string text;
  bool is(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
};

constexpr std::string_view kSpecial = "=!(),><";
constexpr std::string_view kBlank = " \t\r\n";

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  for (;;) {
    at = text.find_first_not_of(kBlank, at);
    if (at == std::string_view::npos) break;
    if (kSpecial.find(text[at]) == std::string_view::npos) {
      std::size_t end = at;
      while (end < text.size() && kSpecial.find(text[end]) == std::string_view::npos &&
             kBlank.find(text[end]) == std::string_view::npos)
        ++end;
      tokens.push_back({Token::Kind::kWord, std::string(text.substr(at, end - at))});
      at = end;
      continue;
    }
    const std::string_view two = text.substr(at, 2);
    const std::size_t width = two == "==" || two == "!=" ? 2 : 1;
    tokens.push_back({Token::Kind::kSymbol, std::string(text.substr(at, width))});
    at += width;
  }
  tokens.push_back({});
  return tokens;
}

Error bad(std::string why) { return Error(Code::kInvalid, std::move(why)); }
Error unable(std::string_view why) { return bad(fmt::format("unable to parse requirement: {}", why)); }
Error found(const Token& token, std::string_view expected) {
  return bad(fmt::format("found '{}', expected: {}", token.text, expected));
}
Error field_error(std::string_view path, const std::string& value, std::string_view why) {
  return bad(fmt::format("{}: Invalid value: \"{}\": {}", path, value, why));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(tokens_of(text)) {}

  Result<std::vector<Requirement>> run() {
    std::vector<Requirement> requirements;
    for (;;) {
      const Token& first = peek();
      if (first.kind == Token::Kind::kEnd) return requirements;
      if (first.kind != Token::Kind::kWord && !first.is("!"))
        return found(first, "!, identifier, or 'end of string'");
      auto one = requirement();
      if (!one.ok()) return unable(one.error().message());
      requirements.push_back(*std::move(one));
      const Token after = take();
      if (after.kind == Token::Kind::kEnd) return requirements;
      if (!after.is(",")) return found(after, "',' or 'end of string'");
      if (peek().kind != Token::Kind::kWord && !peek().is("!")) return found(peek(), "identifier after ','");
    }
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  Token take() {
    Token token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool ends_here() const { return peek().kind == Token::Kind::kEnd || peek().is(","); }

  Result<Requirement> requirement() {
    const bool denied = peek().is("!");
    if (denied) take();
    const Token key = take();
    if (key.kind != Token::Kind::kWord) return found(key, "identifier");
    if (const std::string why = qualified_name_error(key.text); !why.empty())
      return field_error("key", key.text, why);
    Requirement r{key.text, Requirement::Op::kExists, {}};
    if (denied) r.op = Requirement::Op::kNotExists;
    if (denied || ends_here()) return r;
    const Token op = take();
    if (op.text == "in" || op.text == "notin") {
      r.op = op.text == "in" ? Requirement::Op::kIn : Requirement::Op::kNotIn;
      TRY(values(r));
    } else if (op.is("=") || op.is("==") || op.is("!=") || op.is(">") || op.is("<")) {
      r.op = op.is("!=")  ? Requirement::Op::kNotIn
             : op.is(">") ? Requirement::Op::kGreater
             : op.is("<") ? Requirement::Op::kLess
                          : Requirement::Op::kIn;
      TRY(value(r));
    } else {
      return found(op, "in, notin, =, ==, !=, gt, lt");
    }
    return checked(std::move(r));
  }

  // x, y) after the opening parenthesis; empty values are values.
  Result<> values(Requirement& r) {
    if (const Token open = take(); !open.is("(")) return found(open, "'('");
    if (peek().is(")"))
      return bad("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
    for (bool wants_value = true;;) {
      const Token token = take();
      if (token.kind == Token::Kind::kWord && wants_value) {
        r.values.push_back(token.text);
        wants_value = false;
      } else if (token.is(",") || token.is(")")) {
        if (wants_value) r.values.emplace_back();
        wants_value = true;
        if (token.is(")")) return {};
      } else {
        return found(token, "',', ')' or identifier");
      }
    }
  }

  Result<> value(Requirement& r) {
    r.values.emplace_back();
    if (ends_here()) return {};
    const Token token = take();
    if (token.kind != Token::Kind::kWord) return found(token, "identifier");
    r.values.back() = token.text;
    return {};
  }

  static Result<Requirement> checked(Requirement r) {
    const bool compares = r.op == Requirement::Op::kGreater || r.op == Requirement::Op::kLess;
    for (std::size_t i = 0; i < r.values.size(); ++i) {
      if (compares && !parse_int(r.values[i]))
        return field_error("values[0]", r.values[i],
                           "for 'Gt', 'Lt' operators, the value must be an integer");
      if (const std::string why = label_value_error(r.values[i]); !why.empty())
        return field_error(fmt::format("values[{}][{}]", i, r.key), r.values[i], why);
    }
    std::sort(r.values.begin(), r.values.end());
    r.values.erase(std::unique(r.values.begin(), r.values.end()), r.values.end());
    return r;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  selector.requirements_ = TRY(Parser(text).run());
  std::sort(selector.requirements_.begin(), selector.requirements_.end());
  return selector;
}

}  // namespace minik::api
