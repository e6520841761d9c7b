// Lifecycle: `minik up` and `minik down` around the daemon.
//
// Both answer exit codes and print what they did: one clear line when something fails.
#pragma once

#include <string>

#include "daemon/options.h"

namespace minik::daemon {

int up(const UpOptions& options);

struct DownOptions {
  std::string name = "default";
  bool keep_state = false;
};
int down(const DownOptions& options);

}  // namespace minik::daemon
