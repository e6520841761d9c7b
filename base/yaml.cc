#include "base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <regex>
#include <sstream>

#include "base/limits.h"
#include "base/text.h"

namespace minik {
namespace {

constexpr std::size_t kYamlNodesMax = 1'000'000;  // Aliases may not expand further than this.

// Counts what the scanner finds.  yaml-cpp 0.7 can make documents without end of a few broken bytes; n bytes
// of YAML never mean more than a few times n events.
class Budget final : public YAML::EventHandler {
 public:
  explicit Budget(std::size_t bytes) : left_(4 * bytes + 64) {}
  void OnDocumentStart(const YAML::Mark& mark) override { spend(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { spend(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { spend(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    spend(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    spend(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    spend(mark);
  }
  void OnMapEnd() override {}

 private:
  void spend(const YAML::Mark& mark) {
    if (left_-- == 0) throw YAML::ParserException(mark, "the text makes no sense as YAML");
  }
  std::size_t left_;
};

struct Reader {
  std::size_t nodes = 0;
  Result<Json> read(const YAML::Node& node, int depth);
  Result<Json> read_map(const YAML::Node& node, int depth);
};

Error at(const YAML::Mark& mark, std::string_view what) {
  return Error(Code::kInvalid, fmt::format("line {}, column {}: {}", mark.line + 1, mark.column + 1, what));
}

bool is_null_word(const std::string& s) {
  return s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL";
}
bool is_true_word(const std::string& s) {
  return s == "true" || s == "True" || s == "TRUE" || s == "yes" || s == "Yes" || s == "YES" || s == "on" ||
         s == "On" || s == "ON" || s == "y" || s == "Y";
}
bool is_false_word(const std::string& s) {
  return s == "false" || s == "False" || s == "FALSE" || s == "no" || s == "No" || s == "NO" || s == "off" ||
         s == "Off" || s == "OFF" || s == "n" || s == "N";
}

std::optional<Json> number_of(const std::string& s) {
  if (s.empty() ||
      !(std::isdigit(static_cast<unsigned char>(s[0])) || s[0] == '-' || s[0] == '+' || s[0] == '.')) {
    return std::nullopt;
  }
  static const std::regex kFloat(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (s.starts_with("0x")) {
    char* end = nullptr;
    const long long value = std::strtoll(s.c_str(), &end, 16);
    if (end != nullptr && *end == '\0') return Json(value);
    return std::nullopt;
  }
  if (s.size() > 1 && s[0] == '0' && s.find_first_not_of("01234567") == std::string::npos) {
    return Json(std::strtoll(s.c_str(), nullptr, 8));  // YAML 1.1 octal, as in defaultMode: 0644.
  }
  if (const auto whole = parse_int(s[0] == '+' ? std::string_view(s).substr(1) : std::string_view(s))) {
    return Json(*whole);
  }
  if (std::regex_match(s, kFloat)) return Json(std::strtod(s.c_str(), nullptr));
  return std::nullopt;
}

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;  // Quoted, or !!str.
  if (is_null_word(text)) return nullptr;
  if (is_true_word(text)) return true;
  if (is_false_word(text)) return false;
  if (auto number = number_of(text)) return *std::move(number);
  return text;
}

Result<Json> Reader::read_map(const YAML::Node& node, int depth) {
  Json object = Json::object();
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return at(entry.first.Mark(), "a key must be a plain value");
    const std::string& key = entry.first.Scalar();
    if (object.contains(key)) {
      return at(entry.first.Mark(), fmt::format("key \"{}\" already set in map", key));
    }
    object[key] = TRY(read(entry.second, depth + 1));
  }
  return object;
}

Result<Json> Reader::read(const YAML::Node& node, int depth) {
  if (depth > kJsonDepthMax) return at(node.Mark(), "nested too deeply");
  if (++nodes > kYamlNodesMax) return at(node.Mark(), "aliases expand to too many values");
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Map:
      return read_map(node, depth);
    case YAML::NodeType::Sequence: {
      Json array = Json::array();
      for (const auto& item : node) array.push_back(TRY(read(item, depth + 1)));
      return array;
    }
    default:
      return Json(nullptr);
  }
}

// Words that a YAML 1.1 reader takes for a time or a number to base 60.
bool is_date_or_base60(const std::string& s) {
  static const std::regex kDate(R"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)");
  static const std::regex kBase60(R"([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)");
  return std::regex_match(s, kDate) || std::regex_match(s, kBase60);
}

bool needs_quotes(const std::string& s) {
  static const std::string kLeading = "-?:,[]{}#&*!|>'\"%@` ";
  if (s.empty() || is_null_word(s) || is_true_word(s) || is_false_word(s) || number_of(s)) return true;
  if (kLeading.find(s[0]) != std::string::npos) {
    const bool dash_word = s[0] == '-' && s.size() > 1 && s[1] != ' ' && !s.starts_with("---");
    if (!dash_word) return true;
  }
  if (s.back() == ' ' || s.back() == ':') return true;
  if (s.find(": ") != std::string::npos || s.find(" #") != std::string::npos) return true;
  if (s.starts_with("...") || s.starts_with("=") || s.starts_with("<<") || s.starts_with("0x") || s == ".")
    return true;
  if (is_date_or_base60(s)) return true;
  for (const char c : s) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

std::string scalar_text(const Json& value) {
  if (!value.is_string()) return to_text(value);
  const std::string& s = value.get_ref<const std::string&>();
  if (!needs_quotes(s)) return s;
  for (const char c : s) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return to_text(value);  // JSON escapes are YAML's.
  }
  if (s.find('\'') == std::string::npos && !is_true_word(s) && !is_false_word(s) && !is_null_word(s) &&
      !number_of(s) && !is_date_or_base60(s)) {
    return "'" + s + "'";
  }
  return to_text(value);
}

bool is_block(const Json& value) { return (value.is_object() || value.is_array()) && !value.empty(); }

void emit(const Json& value, std::size_t indent, std::string& out);

void emit_entry(const Json& value, std::size_t indent, std::string& out) {
  if (value.is_string() && value.get_ref<const std::string&>().find('\n') != std::string::npos) {
    const std::string& s = value.get_ref<const std::string&>();
    const bool clean = s.find_first_of("\t\r") == std::string::npos && s[0] != ' ' && s[0] != '\n';
    if (clean) {  // A literal block, as sigs.k8s.io/yaml prints it.
      const bool ends = s.back() == '\n';
      const bool more = s.size() > 1 && ends && s[s.size() - 2] == '\n';
      out += ends ? (more ? " |+\n" : " |\n") : " |-\n";
      const std::string body = ends ? s.substr(0, s.size() - 1) : s;
      for (const auto& line : split(body, '\n')) {
        if (!line.empty()) out += std::string(indent, ' ') + line;
        out += '\n';
      }
      return;
    }
  }
  out += ' ' + scalar_text(value) + '\n';
}

void emit_map(const Json& value, std::size_t indent, std::string& out) {
  bool first = true;
  for (const auto& [key, child] : value.items()) {
    if (!first) out += std::string(indent, ' ');
    first = false;
    out += scalar_text(Json(key)) + ":";
    if (!is_block(child)) {
      emit_entry(child, indent + 2, out);
    } else {
      out += '\n';
      const std::size_t inner = child.is_array() ? indent : indent + 2;
      out += std::string(inner, ' ');
      emit(child, inner, out);
    }
  }
}

void emit(const Json& value, std::size_t indent, std::string& out) {
  if (value.is_object() && !value.empty()) return emit_map(value, indent, out);
  if (value.is_array() && !value.empty()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += std::string(indent, ' ');
      out += '-';
      if (is_block(value[i])) {
        out += ' ';
        emit(value[i], indent + 2, out);
      } else {
        emit_entry(value[i], indent + 2, out);
      }
    }
    return;
  }
  out += scalar_text(value) + '\n';
}

}  // namespace

Result<std::vector<Json>> parse_yaml(std::string_view text) {
  std::vector<Json> documents;
  if (!is_utf8(text)) return Error(Code::kInvalid, "line 1, column 1: the text is not UTF-8");
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    for (Budget budget(text.size()); parser.HandleNextDocument(budget);) continue;
    for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
      Reader reader;
      Json document = TRY(reader.read(node, 0));
      if (!document.is_null()) documents.push_back(std::move(document));
    }
  } catch (const YAML::Exception& e) {
    return at(e.mark, e.msg);
  }
  return documents;
}

std::string to_yaml(const Json& value) {
  std::string out;
  emit(value, 0, out);
  return out;
}

}  // namespace minik
