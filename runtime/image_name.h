// Names of images: normalised as Docker does, and checked.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace minik::runtime {

// "nginx" → docker.io/library/nginx:latest; "localhost/a:1@sha256:…" keeps its digest and loses its tag.
// Errors: kInvalid (kubectl shows InvalidImageName).
Result<std::string> normalise_image(std::string_view name);
// Without tag and digest.  `normalised` as normalise_image returns it.
std::string repository_of(std::string_view normalised);
// The reserved names of the built-in image: host, minik/host, localhost/host.
bool is_host_image(std::string_view normalised);

}  // namespace minik::runtime
