// Copying a root file system, as `cp -a --one-file-system` does, and naming it by its content.
//
// Threads: any.  Errors: from_errno with the path.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace minik::runtime {

struct CopiedTree {
  std::string digest;  // sha256 hex over path, kind, mode, owner, link target and content of every entry.
  std::uint64_t bytes = 0;
};

// Copies the content of directory `from` into the new directory `to`: modes, owners, times, links (hard ones
// too), devices, extended attributes.  Sockets are left out; other mounts below become empty directories.
Result<CopiedTree> copy_tree(const std::string& from, const std::string& to);

}  // namespace minik::runtime
