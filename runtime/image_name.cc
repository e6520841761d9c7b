#include "runtime/image_name.h"

#include <algorithm>

#include "base/text.h"

namespace minik::runtime {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

bool valid_component(std::string_view part) {
  if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back())) return false;
  return std::all_of(part.begin(), part.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool valid_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > 128 || !is_word(tag.front())) return false;
  return std::all_of(tag.begin(), tag.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool valid_digest(std::string_view digest) {
  if (!starts_with(digest, "sha256:") || digest.size() != 7 + 64) return false;
  digest.remove_prefix(7);
  return std::all_of(digest.begin(), digest.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool valid_registry(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_word(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

// Whether the part before the first slash names a registry.
bool names_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

Result<std::string> normalise_image(std::string_view name) {
  const auto invalid = [&] {
    return Error(Code::kInvalid,
                 "couldn't parse image name \"" + std::string(name) + "\": invalid reference format");
  };
  std::string_view rest = name;
  std::string_view digest;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!valid_digest(digest)) return invalid();
  }
  std::string_view tag = "latest";
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!valid_tag(tag)) return invalid();
  }
  std::string registry = "docker.io";
  std::string path(rest);
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos && names_registry(rest.substr(0, slash))) {
    registry = rest.substr(0, slash);
    path = rest.substr(slash + 1);
  } else if (slash == std::string_view::npos) {
    path = "library/" + path;
  }
  if (registry == "index.docker.io") registry = "docker.io";
  const auto parts = split(path, '/');
  if (!valid_registry(registry) || !std::all_of(parts.begin(), parts.end(), valid_component))
    return invalid();
  const std::string repository = registry + "/" + path;
  return digest.empty() ? repository + ":" + std::string(tag) : repository + "@" + std::string(digest);
}

std::string repository_of(std::string_view normalised) {
  if (const auto at = normalised.find('@'); at != std::string_view::npos)
    return std::string(normalised.substr(0, at));
  return std::string(normalised.substr(0, normalised.rfind(':')));
}

bool is_host_image(std::string_view normalised) {
  const std::string repository = repository_of(normalised);
  return repository == "docker.io/library/host" || repository == "docker.io/minik/host" ||
         repository == "localhost/host";
}

}  // namespace minik::runtime
