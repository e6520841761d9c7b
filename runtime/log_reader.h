// Reading the log of one run of a container, with its rotated files.
//
// Threads: the caller's; it blocks while it follows.  Errors: kNotFound, kKernel.
#pragma once

#include <functional>
#include <string>

#include "runtime/runtime.h"

namespace minik::runtime {

using LogSink = std::function<bool(std::string_view)>;  // False: no more.

// `path`: the newest file; `ended`: whether nothing more will be written (asked only when following).
Result<> read_log(const std::string& path, const LogRequest& request, const LogSink& sink,
                  const std::function<bool()>& ended);

}  // namespace minik::runtime
