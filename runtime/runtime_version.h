// The OCI runtime's name and version as a Node shows it: crun://1.8.1.
#pragma once

#include <string>

namespace minik::runtime {

std::string container_runtime_version();

}  // namespace minik::runtime
