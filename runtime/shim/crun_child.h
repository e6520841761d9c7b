// Starting crun as a child.
#pragma once

#include <sys/types.h>

#include "runtime/shim/containers.h"

namespace minik::shim {

struct Stdio {
  int input, output, errors;
};

// `crun --root R --cgroup-manager=disabled --log=BUNDLE/crun.log VERB…` with these descriptors as 0, 1, 2.
// On a host with hybrid cgroups crun refuses to make containers while it sees the cgroup v2 mount, so the
// child detaches that mount in a mount namespace of its own.  Returns the pid, or -1 with errno.
pid_t run_crun(const Container* container, const char* const* verb_and_options, Stdio stdio);

}  // namespace minik::shim
