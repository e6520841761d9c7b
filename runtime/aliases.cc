#include "runtime/aliases.h"

#include "base/yaml.h"
#include "runtime/image_name.h"

namespace minik::runtime {
namespace {

std::vector<std::string> words(const Json& entry, std::string_view member) {
  std::vector<std::string> out;
  for (const Json& item : array_at(entry, member)) {
    if (item.is_string()) out.push_back(item.get_ref<const std::string&>());
  }
  return out;
}

}  // namespace

Result<Aliases> Aliases::parse(std::string_view yaml) {
  const std::vector<Json> documents = TRY(parse_yaml(yaml));
  if (documents.size() != 1 || !documents[0].is_array())
    return Error(Code::kInvalid, "aliases: a list is needed");
  Aliases aliases;
  for (const Json& entry : documents[0]) {
    const ImageDefaults defaults{words(entry, "entrypoint"), words(entry, "command"), {}, ""};
    if (defaults.entrypoint.empty() && defaults.command.empty()) {
      return Error(Code::kInvalid, "aliases: an entry without entrypoint and command");
    }
    for (const std::string& name : words(entry, "repositories")) {
      const std::string normalised = TRY(normalise_image(name));
      if (!aliases.by_repository_.emplace(repository_of(normalised), defaults).second) {
        return Error(Code::kInvalid, "aliases: " + name + " twice");
      }
    }
  }
  return aliases;
}

const Aliases& Aliases::builtin() {
  static const Aliases aliases = [] {
    auto parsed = parse(kBuiltinAliases);
    MINIK_ASSERT(parsed.ok());
    return std::move(parsed).value();
  }();
  return aliases;
}

const ImageDefaults* Aliases::find(std::string_view normalised) const {
  const auto it = by_repository_.find(repository_of(normalised));
  return it == by_repository_.end() ? nullptr : &it->second;
}

}  // namespace minik::runtime
