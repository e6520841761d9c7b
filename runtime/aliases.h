// Aliases: which stand-in plays the part of a well-known image that this machine does not have.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minik::runtime {

// What an image brings for its process, as Docker's ENTRYPOINT and CMD, and the rest.
struct ImageDefaults {
  std::vector<std::string> entrypoint, command, env;  // env: NAME=VALUE
  std::string working_dir;
  bool operator==(const ImageDefaults&) const = default;
};

class Aliases {
 public:
  // The text of runtime/aliases.yaml.  Errors: kInvalid; for the built-in text only in a broken build.
  static Result<Aliases> parse(std::string_view yaml);
  static const Aliases& builtin();

  // Null when nothing stands in for it.  `normalised` as normalise_image returns it.
  const ImageDefaults* find(std::string_view normalised) const;
  std::size_t size() const { return by_repository_.size(); }

 private:
  std::map<std::string, ImageDefaults, std::less<>> by_repository_;
};

// The text of runtime/aliases.yaml, compiled in.
extern const char* const kBuiltinAliases;

}  // namespace minik::runtime
