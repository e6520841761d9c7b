// Which root file system a container's image means on this machine.
//
// Threads: any.  Order: the store, the host image, the aliases.
#pragma once

#include <string>
#include <vector>

#include "runtime/host_image.h"
#include "runtime/image_store.h"

namespace minik::runtime {

struct ResolvedImage {
  std::string image_id;            // As a container's status shows it.
  std::vector<std::string> lower;  // Layers, top first.
  ImageDefaults defaults;
  bool host = false;        // The machine's own programs.
  std::string pulled_text;  // Of the Event Pulled.

  // Not found: kubectl's words.
  std::string reason, message;
  bool ok() const { return reason.empty(); }
};

ResolvedImage resolve_image(const std::string& image, const std::string& pull_policy, const ImageStore& store,
                            HostImage& host);

// The digest in an image id, for asking whether an image is in use: "sha256:…".
std::string digest_of(const std::string& image_id);

}  // namespace minik::runtime
