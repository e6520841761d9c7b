#include "kubectl-lite/resource_args.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "kubectl-lite/failure.h"

namespace minik::kubectl {
namespace {

constexpr const char* kMixed =
    "there is no need to specify a resource type as a separate argument when passing arguments in "
    "resource/name form "
    "(e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'";

bool has_slash(const std::string& arg) { return arg.find('/') != std::string::npos; }

Result<Targets> slash_targets(const std::vector<std::string>& args) {
  Targets targets;
  for (const std::string& arg : args) {
    if (!has_slash(arg)) return failed(kMixed);
    const auto slash = arg.find('/');
    const std::string type = arg.substr(0, slash), name = arg.substr(slash + 1);
    if (type.empty() || name.empty() || has_slash(name)) {
      return failed(fmt::format("arguments in resource/name form must have a single resource and name"));
    }
    targets.list.push_back({TRY(kind_of_word(type)), name});
  }
  return targets;
}

// The kinds that a word means: one, or all of a category.
Result<std::vector<const api::Kind*>> kinds_of_word(const std::string& word) {
  std::vector<const api::Kind*> kinds;
  for (const api::Kind& kind : api::Schema::builtin().kinds()) {
    const auto& c = kind.categories;
    if (std::find(c.begin(), c.end(), word) != c.end()) kinds.push_back(&kind);
  }
  if (kinds.empty()) kinds.push_back(TRY(kind_of_word(word)));
  return kinds;
}

}  // namespace

Result<const api::Kind*> kind_of_word(const std::string& word) {
  const api::Kind* kind = api::Schema::builtin().by_word(word);
  if (kind == nullptr)
    return Error(Code::kNotFound, fmt::format("error: the server doesn't have a resource type \"{}\"", word));
  return kind;
}

Result<Targets> parse_targets(const std::vector<std::string>& args, const std::string& verb) {
  if (args.empty()) {
    return usage(fmt::format(
        "Required resource not specified (minik {} TYPE [NAME...]); \"minik api-resources\" lists the types",
        verb));
  }
  Targets targets;
  if (has_slash(args.front())) {
    targets = TRY(slash_targets(args));
  } else {
    std::vector<const api::Kind*> kinds;
    for (const std::string& word : split(args.front(), ',')) {
      if (word.empty()) return failed("arguments must consist of a resource or a resource and name");
      const auto more = TRY(kinds_of_word(word));
      kinds.insert(kinds.end(), more.begin(), more.end());
    }
    for (const api::Kind* kind : kinds) {
      if (args.size() == 1) targets.list.push_back({kind, ""});
      for (std::size_t i = 1; i < args.size(); ++i) {
        if (has_slash(args[i])) return failed(kMixed);
        targets.list.push_back({kind, args[i]});
      }
    }
  }
  targets.several_kinds = std::any_of(targets.list.begin(), targets.list.end(),
                                      [&](const Target& t) { return t.kind != targets.list.front().kind; });
  return targets;
}

Result<Target> parse_one_target(const std::vector<std::string>& args, const std::string& fallback,
                                const std::string& verb) {
  std::vector<std::string> words = args;
  if (words.size() == 1 && !has_slash(words.front()) && !fallback.empty())
    words.insert(words.begin(), fallback);
  const Targets targets = TRY(parse_targets(words, verb));
  if (!targets.by_name()) return usage(fmt::format("a resource name is required: minik {} TYPE/NAME", verb));
  if (targets.list.size() != 1) return usage("only one resource may be named");
  return targets.list.front();
}

}  // namespace minik::kubectl
