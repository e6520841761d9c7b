#include "runtime/image_resolve.h"

#include <fmt/format.h>

#include "runtime/image_name.h"

namespace minik::runtime {
namespace {

ResolvedImage not_found(std::string reason, std::string message) {
  ResolvedImage image;
  image.reason = std::move(reason);
  image.message = std::move(message);
  return image;
}

ResolvedImage from_host(HostImage& host, ImageDefaults defaults, const std::string& id_prefix,
                        std::string text) {
  auto layers = host.layers();
  if (!layers.ok()) return not_found("CreateContainerError", layers.error().message());
  ResolvedImage image;
  image.image_id = id_prefix + "@" + host.id();
  image.lower = *std::move(layers);
  image.defaults = std::move(defaults);
  image.host = true;
  image.pulled_text = std::move(text);
  return image;
}

}  // namespace

ResolvedImage resolve_image(const std::string& name, const std::string& pull_policy, const ImageStore& store,
                            HostImage& host) {
  const auto normalised = normalise_image(name);
  if (!normalised.ok()) {
    return not_found("InvalidImageName", fmt::format("Failed to apply default image tag \"{}\": {}", name,
                                                     normalised.error().message()));
  }
  const std::string present = fmt::format("Container image \"{}\" already present on machine", name);
  if (const auto stored = store.find(*normalised)) {
    return {repository_of(*normalised) + "@" + stored->id,
            {stored->lower},
            stored->defaults,
            false,
            present,
            "",
            ""};
  }
  if (is_host_image(*normalised)) return from_host(host, {{}, {"/bin/sh"}, {}, ""}, "minik://host", present);
  if (const ImageDefaults* alias = Aliases::builtin().find(*normalised)) {
    return from_host(
        host, *alias, "minik://alias/host",
        fmt::format("Image \"{}\" is not on this machine: the machine's own programs (image \"host\") "
                    "stand in for it",
                    name));
  }
  if (pull_policy == "Never") {
    return not_found("ErrImageNeverPull",
                     fmt::format("Container image \"{}\" is not present with pull policy of Never", name));
  }
  return not_found(
      "ErrImagePull",
      fmt::format("no image \"{}\" on this machine and no registry to pull it from: add a root file "
                  "system with `minik image add {} DIR`",
                  *normalised, name));
}

std::string digest_of(const std::string& image_id) {
  const auto at = image_id.rfind('@');
  return at == std::string::npos ? image_id : image_id.substr(at + 1);
}

}  // namespace minik::runtime
