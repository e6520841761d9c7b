// Label and field selectors, as text in queries and as objects in specs.
//
// Errors: kInvalid with the API server's words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"

namespace minik::api {

struct Requirement {
  enum class Op : unsigned char { kIn, kNotIn, kExists, kNotExists, kGreater, kLess };
  std::string key;
  Op op = Op::kExists;
  std::vector<std::string> values;  // Sorted.
  bool matches(const Labels& labels) const;
  friend auto operator<=>(const Requirement&, const Requirement&) = default;
};

class LabelSelector {
 public:
  LabelSelector() = default;                                     // Selects everything.
  static Result<LabelSelector> parse(std::string_view text);     // a=b,c in (x,y),!d
  static LabelSelector from_labels(const Labels& labels);        // A Service's selector.
  // A metav1.LabelSelector, or the plain map of labels that the oldest kinds have.
  static Result<LabelSelector> from_json(const Json& selector);
  bool matches(const Labels& labels) const;
  bool empty() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  // As kubectl and the API print it: "app=web,tier in (a,b)"; "<none>" is the caller's business.
  std::string text() const;
  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;

 private:
  std::vector<Requirement> requirements_;
};

// metadata.name=web,status.phase!=Failed.  Terms in any order; which paths a kind knows is the server's
// business.
struct FieldTerm {
  std::string path;
  std::string value;
  bool negate = false;
};
Result<std::vector<FieldTerm>> parse_field_selector(std::string_view text);

}  // namespace minik::api
