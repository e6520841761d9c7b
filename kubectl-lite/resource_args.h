// What a person names on the command line: pods,svc · pod/web svc/db · pod web-1 web-2 · all.
//
// Pure.  Errors: kubectl's texts, finished (failure.h).
#pragma once

#include <string>
#include <vector>

#include "api/schema.h"
#include "base/result.h"

namespace minik::kubectl {

// One object, or all objects of a kind when `name` is empty.
struct Target {
  const api::Kind* kind = nullptr;
  std::string name;
  bool operator==(const Target&) const = default;
};

struct Targets {
  std::vector<Target> list;
  bool several_kinds = false;
  bool by_name() const { return !list.empty() && !list.front().name.empty(); }
};

// The kind of a word.  Errors: kNotFound "the server doesn't have a resource type "foo"".
Result<const api::Kind*> kind_of_word(const std::string& word);

// `verb` for the message about missing arguments: get, delete, describe.
Result<Targets> parse_targets(const std::vector<std::string>& args, const std::string& verb);

// Exactly one object: TYPE/NAME or TYPE NAME; a single word means an object of `fallback` (a word, may be
// empty).
Result<Target> parse_one_target(const std::vector<std::string>& args, const std::string& fallback,
                                const std::string& verb);

}  // namespace minik::kubectl
